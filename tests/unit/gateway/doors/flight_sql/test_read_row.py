"""The values of a statement arrive as hostile bytes."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.deliver.flight_data import batch_message, schema_message
from gateway.doors.flight_sql.prepared import BOUND_BYTES_MAX, read_row
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.parse import EngineParser, parse
from sharing_stubs.arrow.flight.flight_pb2 import FlightData

DAY = datetime.date(1950, 2, 1)
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, 500)
ENGINE_PARSER = EngineParser()


def stream(*batches: pa.RecordBatch) -> Iterator[FlightData]:
    yield FlightData.FromString(schema_message(batches[0].schema).wire)
    for batch in batches:
        yield FlightData.FromString(batch_message(batch).wire)


def one(value: object, kind: pa.DataType | None = None) -> pa.RecordBatch:
    return pa.record_batch({"a": pa.array([value], kind)})


def detail(messages: Iterator[FlightData]) -> object:
    with pytest.raises(InvalidQuery) as refused:
        read_row(messages)
    assert refused.value.reason is Reason.PARAMETERS_INVALID
    return refused.value.detail


@pytest.mark.parametrize(
    ("batch", "value"),
    [
        (one("王"), "王"),
        (one(None, pa.string()), None),
        (one(None), None),
        (one(True), True),
        (one(2**64 - 1, pa.uint64()), 2**64 - 1),
        (one(-1, pa.int8()), -1),
        (one(0.5, pa.float32()), 0.5),
        (one(decimal.Decimal("1.50")), decimal.Decimal("1.50")),
        (one(DAY), DAY),
        (one(DAY, pa.date64()), DAY),
        (one(NOON, pa.timestamp("us")), NOON),
        (one(NOON, pa.timestamp("us", tz="UTC")), NOON.replace(tzinfo=datetime.UTC)),
    ],
    ids=lambda case: str(case.schema.types[0]) if isinstance(case, pa.RecordBatch) else "",
)
def test_a_row_becomes_values_of_python(batch: pa.RecordBatch, value: object) -> None:
    """Every type that SQL has a literal for, from 1 to 64 bits."""
    assert read_row(stream(batch)) == (value,)


def test_empty_batches_around_the_row_do_not_matter() -> None:
    """Drivers cut as they like."""
    batch = pa.record_batch({"a": ["x"], "b": [1]})
    assert read_row(stream(batch.slice(1), batch, batch.slice(1))) == ("x", 1)


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.string()),
        pa.struct({"x": pa.int64()}),
        pa.binary(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.float16(),
        pa.decimal256(40),
        pa.time64("us"),
        pa.timestamp("ns"),
        pa.duration("s"),
    ],
    ids=str,
)
def test_other_types_are_refused_by_name(kind: pa.DataType) -> None:
    """Lists, bytes and others have no literal."""
    assert detail(stream(pa.record_batch({"a": pa.nulls(1, kind)}))) == str(kind)[:40]


def test_an_unknown_time_zone_is_refused() -> None:
    """No instant can be told in it."""
    kind = pa.timestamp("us", tz="Nowhere/Land")
    assert detail(stream(pa.record_batch({"a": pa.array([0]).view(kind)}))) == str(kind)


@pytest.mark.parametrize("scale", [-(2**31), -39, 39, 2**31 - 1])
def test_a_decimal_of_another_scale_than_sql_has_is_refused(scale: int) -> None:
    """What Python cannot say either."""
    kind = pa.decimal128(38, scale)
    assert detail(stream(pa.record_batch([raw(kind, b"\1" * 16)], ["a"]))) == str(kind)


def raw(kind: pa.DataType, data: bytes) -> pa.Array:
    """Return one value of a type of fixed width, made of any bytes."""
    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(data)])


ZONES = st.sampled_from([None, "", "UTC", "Asia/Shanghai", "+14:00", "-23:59", "America", "../x", "x" * 5000, "a\0b"])
FIXED = st.one_of(
    st.sampled_from(
        [pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.date32(), pa.date64()]
    ),
    st.sampled_from([pa.time32("s"), pa.time64("ns"), pa.duration("ms"), pa.month_day_nano_interval()]),
    st.builds(pa.timestamp, st.sampled_from(["s", "ms", "us", "ns"]), ZONES),
    st.builds(pa.decimal128, st.integers(1, 38), st.integers(-(2**31), 2**31 - 1)),
    st.builds(pa.decimal256, st.integers(1, 76), st.integers(-80, 80)),
    st.builds(pa.binary, st.integers(0, 32)),
)
NESTED = st.recursive(
    FIXED | st.sampled_from([pa.null(), pa.string(), pa.large_string(), pa.binary(), pa.string_view()]),
    lambda kinds: st.one_of(
        st.builds(pa.list_, kinds),
        st.builds(lambda kind: pa.struct({"x": kind}), kinds),
        st.builds(pa.map_, st.just(pa.string()), kinds),
        st.builds(pa.dictionary, st.just(pa.int8()), st.just(pa.string())),
    ),
    max_leaves=3,
)


@settings(max_examples=200, deadline=None)
@given(st.builds(raw, FIXED, st.binary(min_size=32, max_size=32)) | st.builds(lambda kind: pa.nulls(1, kind), NESTED))
def test_any_value_of_any_type_is_a_parameter_or_refused(values: pa.Array) -> None:
    """Whatever a driver sends ends in a statement, or in a refusal with a reason."""
    messages = stream(pa.record_batch([values], ["a"]))
    with suppress(InvalidQuery):
        parse("SELECT ? AS a", engine_parser=ENGINE_PARSER, parameters=read_row(messages))


def test_one_row_is_bound() -> None:
    """None, two, or two in two batches are refused."""
    assert detail(stream(one("x").slice(1))) == "rows = 0"
    assert detail(iter(list(stream(one("x")))[:1])) == "rows = 0"
    assert detail(stream(pa.record_batch({"a": [1, 2]}))) == "rows > 1"
    assert detail(stream(one(1), one(2))) == "rows > 1"


def test_large_and_many_messages_are_refused() -> None:
    """A quarter of a megabyte holds the values of any statement."""
    assert detail(stream(one("x" * BOUND_BYTES_MAX))) == f"> {BOUND_BYTES_MAX} bytes"
    assert detail(stream(*[one("x").slice(1)] * 17)) == f"> {BOUND_BYTES_MAX} bytes"


def test_compressed_values_are_refused() -> None:
    """A few bytes cannot become gigabytes."""
    batch = one("x" * 10_000)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
    schema, message = reader.read_next_message(), reader.read_next_message()
    messages = [
        FlightData(data_header=schema.metadata.to_pybytes()),
        FlightData(data_header=message.metadata.to_pybytes(), data_body=message.body.to_pybytes()),
    ]
    assert detail(iter(messages)) == "COMPRESSED"


@pytest.mark.parametrize("place", range(0, 200, 9))
def test_broken_bytes_are_refused(place: int) -> None:
    """Whatever is flipped in header or body: values, or a refusal, never a crash."""
    schema, batch = stream(one("some text"))
    header, body = bytearray(batch.data_header), bytearray(batch.data_body)
    target = header if place < len(header) else body
    target[place % len(target)] ^= 0xFF
    broken = FlightData(data_header=bytes(header), data_body=bytes(body))
    with suppress(InvalidQuery):
        (value,) = read_row(iter([schema, broken]))
        assert value is None or isinstance(value, str)


@pytest.mark.parametrize("messages", [[], [FlightData()], [FlightData(data_header=b"\xff" * 64)]])
def test_a_stream_without_a_schema_is_refused(messages: list[FlightData]) -> None:
    """The first message says what comes."""
    assert detail(iter(messages)) == "Arrow"
