"""Batches on the wire: exact, uncompressed, and no bytes can do harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.sdk.batches import BatchCode, BatchRefused, decode_batch, encode_batch
from tests.unit.connectors.conftest import ROWS

SCHEMA = ROWS.schema
PLAIN = pa.schema([pa.field("a", pa.int32()), pa.field("b", pa.string())])


def code_of(data: bytes, schema: pa.Schema = PLAIN, *, bytes_max: int = 1 << 20) -> BatchCode:
    with pytest.raises(BatchRefused) as caught:
        decode_batch(data, schema=schema, bytes_max=bytes_max)
    return caught.value.code


def batch(*arrays: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(arrays), names=[chr(97 + number) for number in range(len(arrays))])


@pytest.mark.parametrize("rows", [0, 1, 7, 400])
@pytest.mark.parametrize("start", [0, 3])
def test_a_batch_survives_the_wire(rows: int, start: int) -> None:
    """Every type, nulls, slices and the empty batch."""
    sent = ROWS.slice(start, rows)
    assert decode_batch(encode_batch(sent), schema=SCHEMA, bytes_max=1 << 20).equals(sent)


def test_decoding_shares_the_memory_that_arrived() -> None:
    """No copy of the values is made, and a view of a larger buffer will do."""
    numbers = batch(pa.array(range(100_000), pa.int32()), pa.array(["x"] * 100_000))
    data = b"head" * 2 + encode_batch(numbers)
    before = pa.total_allocated_bytes()
    decoded = decode_batch(memoryview(data)[8:], schema=PLAIN, bytes_max=1 << 20)
    assert pa.total_allocated_bytes() - before < 10_000
    del data
    assert decoded.equals(numbers.cast(PLAIN))


def test_a_message_over_the_cap_is_refused() -> None:
    """Size is checked before anything is read."""
    data = encode_batch(batch(pa.array([1], pa.int32()), pa.array(["x"])))
    assert decode_batch(data, schema=PLAIN, bytes_max=len(data)).num_rows == 1
    assert code_of(data, bytes_max=len(data) - 1) is BatchCode.TOO_LARGE


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_compression_is_refused_before_it_expands(codec: str) -> None:
    """A few kilobytes that would become a gigabyte are not decompressed."""
    bomb, sink = batch(pa.array([0] * 1_000_000, pa.int32()), pa.array([""] * 1_000_000)), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, bomb.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_batch(bomb)
    data = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))[1].serialize().to_pybytes()
    before = pa.total_allocated_bytes()
    assert code_of(data) is BatchCode.COMPRESSED
    assert pa.total_allocated_bytes() == before


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (batch(pa.array([1], pa.int32())), BatchCode.SCHEMA),
        (batch(pa.array([1], pa.int32()), pa.array(["x"]), pa.array([1])), BatchCode.SCHEMA),
        (batch(pa.array(["x"]), pa.array([1], pa.int32())), BatchCode.INVALID),
        (batch(pa.array([1], pa.int32()), pa.array([1], pa.int32())), BatchCode.SCHEMA),
        (batch(pa.array([1] * 100, pa.int16()), pa.array(["x"] * 100)), BatchCode.INVALID),
        (batch(pa.array([1], pa.int32()), pa.array(["x"]).dictionary_encode()), BatchCode.SCHEMA),
        (batch(pa.array([1], pa.int32()), pa.array(["x"], pa.string_view())), BatchCode.SCHEMA),
        (batch(pa.array([1], pa.int32()), pa.array([b"\xff"], pa.binary())), BatchCode.INVALID),
    ],
)
def test_another_schema_is_refused(sent: pa.RecordBatch, code: BatchCode) -> None:
    """Missing, extra, swapped, narrower and dictionary columns, and bytes that are no text."""
    assert code_of(encode_batch(sent)) is code


@pytest.mark.parametrize("days", [-719_163, 2_932_897, 100_000_000])
def test_a_day_outside_the_calendar_is_refused(days: int) -> None:
    """Years 1 to 9999 arrive, others would break readers."""
    schema = pa.schema([pa.field("a", pa.date32()), pa.field("b", pa.timestamp("us", tz="UTC"))])
    edges = pa.array([-719_162, 2_932_896, None], pa.int32()).cast(pa.date32())
    good = pa.RecordBatch.from_arrays([edges, edges.cast(pa.timestamp("us", tz="UTC"))], schema=schema)
    assert decode_batch(encode_batch(good), schema=schema, bytes_max=1 << 20).equals(good)
    day = pa.array([days], pa.int32()).cast(pa.date32())
    moment = pa.array([days * 86_400_000_000], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    for arrays in ([day, edges[:1].cast(pa.timestamp("us", tz="UTC"))], [edges[:1], moment]):
        assert code_of(encode_batch(pa.RecordBatch.from_arrays(arrays, schema=schema)), schema) is BatchCode.INVALID


def test_null_in_a_column_without_nulls_is_refused() -> None:
    """Nullability is part of the schema."""
    strict = pa.schema([PLAIN.field(0).with_nullable(False), PLAIN.field(1)])
    data = encode_batch(batch(pa.array([1, None], pa.int32()), pa.array(["x", None])))
    assert code_of(data, strict) is BatchCode.NULLS
    assert decode_batch(data, schema=PLAIN, bytes_max=1 << 20).num_rows == 2


def test_other_messages_are_refused() -> None:
    """A schema, a whole stream, a file, emptiness and bytes after the end are no batch."""
    one = batch(pa.array([1], pa.int32()), pa.array(["x"]))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, one.schema) as writer:
        writer.write_batch(one)
    stream = sink.getvalue().to_pybytes()
    for data in (
        b"",
        b"\0" * 8,
        b"\xff" * 64,
        one.schema.serialize().to_pybytes(),
        stream,
        encode_batch(one) + b"\0" * 8,
    ):
        assert code_of(data) is BatchCode.MALFORMED
    assert code_of(encode_batch(one)[:-8]) is BatchCode.MALFORMED


def test_custom_metadata_is_refused() -> None:
    """A message carries rows and nothing beside them."""
    one, sink = batch(pa.array([1], pa.int32()), pa.array(["x"])), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, one.schema) as writer:
        writer.write_batch(one, custom_metadata={"hidden": "value"})
    message = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))[1]
    assert code_of(message.serialize().to_pybytes()) is BatchCode.MALFORMED


@pytest.mark.parametrize("seed", [1, 2])
def test_broken_bytes_never_crash_nor_pass_unsound(seed: int) -> None:
    """Thousands of mutilated messages are refused or decode to batches that can be read; the process survives."""
    rounds = 200_000 if os.environ.get("SOAK") == "1" else 5_000
    script = Path(__file__).with_name("fuzz_batches.py")
    result = subprocess.run(
        [sys.executable, script, str(seed), str(rounds)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-2_000:]
    accepted = int(result.stdout.split()[2])
    assert 0 < accepted < rounds * 0.75


def test_a_slice_is_sent_without_what_stands_behind_it():
    """Arrow pads buffers with their neighbours' bytes; a row that is not sent does not travel in the padding."""
    batch = pa.RecordBatch.from_pydict({"name": [f"neighbour{i}" for i in range(100)], "n": list(range(100))})
    sent = batch.slice(0, 3)
    assert b"neighbour3" not in encode_batch(sent)
    assert b"neighbour3" in sent.serialize().to_pybytes(), "the twin: without the copy it does"
    assert decode_batch(encode_batch(sent), schema=sent.schema, bytes_max=1 << 20).equals(sent)


def test_bits_behind_a_slice_are_not_sent():
    """Flags and nulls are bits: those of rows that are not sent are cleared in the last byte."""
    flags, numbers = pa.array([True] * 64), pa.array([1] * 64, pa.int64())
    batch = pa.RecordBatch.from_arrays([flags, numbers], names=["flag", "n"])
    alone = pa.RecordBatch.from_arrays([pa.array([True] * 3), pa.array([1] * 3, pa.int64())], names=["flag", "n"])
    assert encode_batch(batch.slice(8, 3)) == alone.serialize().to_pybytes()
