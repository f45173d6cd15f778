"""Results as Flight messages that are framed by hand."""

from __future__ import annotations

import datetime
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import grpc
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sdk.content_hash import ContentHash
from gateway.deliver import Delivered, Delivery, deliver
from gateway.deliver.deliver import MESSAGE_BYTES_MAX
from gateway.deliver.flight_data import FlightMessage, batch_message, schema_message, slices
from gateway.model.result import BatchStream, ReleasableResult
from sharing_stubs.arrow.flight import flight_pb2
from tests.unit.gateway.release.test_release import plan_of

TIMES = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES: dict[pa.DataType, st.SearchStrategy[object]] = {
    pa.string(): TEXT | st.sampled_from(["", "南京东路街道", "𠮷", "\x00", "x" * 5000]),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.date32(): st.dates(),
    pa.timestamp("us", tz="UTC"): TIMES,
    pa.timestamp("us", tz="Asia/Shanghai"): TIMES,
    pa.decimal128(38, 0): st.integers(-(10**37), 10**37).map(Decimal),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Tables of catalogue and engine types, with nulls, equal names and metadata."""
    types = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=6))
    rows = draw(st.integers(0, 12))
    columns = [pa.array(draw(st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows)), kind) for kind in types]
    names = draw(st.lists(st.sampled_from(["a", "姓名", "a b", ""]), min_size=len(types), max_size=len(types)))
    metadata = draw(st.none() | st.dictionaries(TEXT, TEXT, max_size=2))
    fields = [pa.field(name, column.type) for name, column in zip(names, columns, strict=True)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata))


def parsed(wire: bytes) -> flight_pb2.FlightData:
    return flight_pb2.FlightData.FromString(wire)


def read_back(messages: list[flight_pb2.FlightData]) -> pa.Table:
    """Read messages as a recipient does: as the encapsulated messages of one Arrow stream."""
    stream = b"".join(
        b"\xff\xff\xff\xff"
        + struct.pack("<i", len(m.data_header) + -len(m.data_header) % 8)
        + m.data_header
        + bytes(-len(m.data_header) % 8)
        + m.data_body
        for m in messages
    )
    return pa.ipc.open_stream(stream + b"\xff\xff\xff\xff\0\0\0\0").read_all()


def send(table: pa.Table, *, batch_rows: int = 1_000_000) -> tuple[list[bytes], Delivery]:
    stream = BatchStream(schema=table.schema, batches=iter(table.to_batches(batch_rows)), cancel=lambda: None)
    delivery = Delivery(hash_name="sha256")
    released = ReleasableResult(plan=plan_of("n"), stream=stream)
    return list(deliver(released, delivery=delivery, receipt=lambda delivered: b"receipt")), delivery


@settings(max_examples=150, deadline=None)
@given(table=tables(), offset=st.integers(0, 5), app_metadata=st.binary(max_size=300))
def test_hand_framed_messages_are_what_protobuf_writes_and_reads(
    table: pa.Table, offset: int, app_metadata: bytes
) -> None:
    """For every type and slice, the wire form parses to the same message and gives the same rows."""
    table = table.slice(offset)
    schema = schema_message(table.schema)
    messages = [batch_message(batch, app_metadata=app_metadata) for batch in table.to_batches()]
    for message in [schema, *messages]:
        expected = flight_pb2.FlightData(
            data_header=message.header.to_pybytes(),
            data_body=message.body.to_pybytes() if message.body is not None else b"",
            app_metadata=message.app_metadata,
        )
        assert parsed(message.wire) == expected
        assert message.wire == expected.SerializeToString(deterministic=True)
    assert read_back([parsed(message.wire) for message in [schema, *messages]]).equals(table, check_metadata=True)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
def test_lengths_are_framed_right_at_every_size(size: int) -> None:
    """Lengths of one to four bytes are written as protobuf writes them."""
    content = bytes(size)
    message = FlightMessage(header=pa.py_buffer(b"h" * size), body=pa.py_buffer(content), app_metadata=content)
    assert parsed(message.wire) == flight_pb2.FlightData(
        data_header=b"h" * size, data_body=content, app_metadata=content
    )


@settings(max_examples=100, deadline=None)
@given(table=tables(), batch_rows=st.integers(1, 5))
def test_what_arrives_is_what_was_released(table: pa.Table, batch_rows: int) -> None:
    """The stream is the schema, the rows in order, and at last a batch without rows that carries the receipt."""
    wires, delivery = send(table, batch_rows=batch_rows)
    messages = [parsed(wire) for wire in wires]
    assert read_back(messages).equals(table, check_metadata=True)
    assert [m.app_metadata for m in messages] == [b""] * (len(messages) - 1) + [b"receipt"]
    assert read_back([messages[0], messages[-1]]).num_rows == 0
    assert delivery.rows == table.num_rows


@settings(max_examples=50, deadline=None)
@given(table=tables(), batch_rows=st.integers(1, 5))
def test_the_recipient_can_compute_the_content_hash(table: pa.Table, batch_rows: int) -> None:
    """Rows and hash of the receipt follow from the received rows, and the bytes from the messages before the last one."""
    wires, delivery = send(table, batch_rows=batch_rows)
    messages = [parsed(wire) for wire in wires]
    received = read_back(messages)
    content = ContentHash("sha256", schema=received.schema)
    for batch in received.to_batches():
        content.add(batch)
    assert delivery.delivered == Delivered(
        rows=table.num_rows,
        bytes_sent=sum(len(m.data_header) + len(m.data_body) for m in messages[:-1]),
        content_hash=content.text,
    )


def test_the_content_hash_depends_on_every_value() -> None:
    """A result that differs in one value, one name or the treatment in its schema has another hash."""
    table = pa.table({"n": [1, 2, 3]})
    results = [
        table,
        pa.table({"n": [1, 2, 4]}),
        table.rename_columns(["m"]),
        table.slice(0, 2),
        table.replace_schema_metadata({"sharing.purpose": "other"}),
    ]
    assert len({send(result)[1].delivered.content_hash for result in results}) == len(results)


def test_a_delivery_that_stops_early_has_the_hash_of_what_was_sent() -> None:
    """The log says of a broken delivery what left, and of one that never began that nothing did."""
    table = pa.table({"n": range(10)})
    delivery = Delivery(hash_name="sha256")
    assert delivery.delivered == Delivered(rows=0, bytes_sent=0, content_hash="")
    delivery.begin(table.schema)
    delivery.add(table.to_batches()[0].slice(0, 4))
    assert delivery.delivered.content_hash == send(table.slice(0, 4))[1].delivered.content_hash


def test_an_empty_result_is_a_schema_and_a_receipt() -> None:
    """No rows are two messages."""
    table = pa.table({"n": pa.array([], pa.int64()), "s": pa.array([], pa.string())})
    wires, delivery = send(table)
    assert len(wires) == 2
    assert read_back([parsed(wire) for wire in wires]).equals(table)
    assert delivery.rows == 0
    assert delivery.bytes_sent == len(parsed(wires[0]).data_header)


def test_the_receipt_is_made_after_the_last_row_was_taken_and_knows_all() -> None:
    """The receipt covers everything before it, and is not made when the stream breaks."""
    table = pa.table({"n": range(10)})
    seen: list[Delivered] = []

    def receipt(delivered: Delivered) -> bytes:
        seen.append(delivered)
        return b"r"

    def breaking() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(4)[:2]
        raise ValueError

    for batches in (iter(table.to_batches(4)), breaking()):
        stream = BatchStream(schema=table.schema, batches=batches, cancel=lambda: None)
        delivery = Delivery(hash_name="sha256")
        sent = deliver(ReleasableResult(plan=plan_of("n"), stream=stream), delivery=delivery, receipt=receipt)
        wires = [next(sent) for _ in range(3)]
        assert (len(wires), delivery.rows) == (3, 8)
        if len(seen) == 0:
            assert len(list(sent)) == 2
            assert [delivered.rows for delivered in seen] == [10]
        else:
            with pytest.raises(ValueError):  # noqa: PT011
                next(sent)
            assert len(seen) == 1


def test_large_batches_are_cut_also_when_their_rows_differ_much() -> None:
    """No message with more than one row is larger than the bound, wherever the large rows stand."""
    table = pa.table({"s": ["x"] * 10_000 + ["y" * 300_000] * 40 + ["z" * 3_000_000]})
    wires, _ = send(table)
    messages = [parsed(wire) for wire in wires]
    assert read_back(messages).equals(table)
    sizes = [read_back([messages[0], message]) for message in messages[1:]]
    assert all(part.nbytes <= MESSAGE_BYTES_MAX or part.num_rows == 1 for part in sizes)


@settings(max_examples=100, deadline=None)
@given(table=tables(), bytes_max=st.integers(1, 200))
def test_slices_keep_every_row_once_and_in_order(table: pa.Table, bytes_max: int) -> None:
    """Cutting changes nothing but the size of the pieces."""
    for batch in table.to_batches():
        pieces = list(slices(batch, bytes_max=bytes_max))
        assert pa.Table.from_batches(pieces, schema=batch.schema).equals(pa.Table.from_batches([batch]))
        assert all(piece.num_rows == 1 or piece.nbytes <= bytes_max for piece in pieces)


def test_a_slice_is_sent_at_its_own_size() -> None:
    """A slice of a large batch does not carry the rows around it, beyond the 64 bytes that Arrow aligns to."""
    batch = pa.record_batch({"s": [f"canary-{i}" for i in range(1000)], "b": [i % 2 == 0 for i in range(1000)]})
    wire = batch_message(batch.slice(501, 2)).wire
    assert b"canary-501canary-502" in wire
    assert b"canary-500" not in wire
    assert b"canary-508" not in wire


def test_a_stock_flight_client_reads_the_stream() -> None:
    """Arrow's own client takes the messages from a gRPC server that sends them as they are."""
    table = pa.table({"姓名": ["张*", None, "欧阳**"], "n": [1, 2, 3]}).replace_schema_metadata({"k": "v"})
    wires, _ = send(table, batch_rows=2)
    handlers = {
        "DoGet": grpc.unary_stream_rpc_method_handler(
            lambda request, context: iter(wires), request_deserializer=None, response_serializer=None
        )
    }
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("arrow.flight.protocol.FlightService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with flight.connect(f"grpc://127.0.0.1:{port}") as client:
            chunks = list(client.do_get(flight.Ticket(b"")))
    finally:
        server.stop(0).wait()
    received = pa.Table.from_batches([chunk.data for chunk in chunks])
    assert received.equals(table, check_metadata=True)
    assert chunks[-1].app_metadata.to_pybytes() == b"receipt"
