"""The content hash: of a result, however it is cut, carried or stored."""

from __future__ import annotations

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sdk.content_hash import ContentHash
from tests.unit.gateway.deliver.test_deliver import tables

SCHEMA = pa.schema(
    [pa.field("name", pa.string()), pa.field("n", pa.int32(), nullable=False), pa.field("flag", pa.bool_())],
    metadata={"sharing.purpose": "x", "sharing.case": "y"},
)
TABLE = pa.Table.from_pydict({"name": ["张", None, ""], "n": [1, 2, 3], "flag": [True, None, False]}, schema=SCHEMA)


def hash_of(*batches: pa.RecordBatch, schema: pa.Schema, name: str = "sha256") -> str:
    content = ContentHash(name, schema=schema)
    for batch in batches:
        content.add(batch)
    return content.text


def hash_of_table(table: pa.Table, *, rows: int | None = None) -> str:
    return hash_of(*table.to_batches(rows), schema=table.schema)


@pytest.mark.parametrize("name", ["sha256", "sm3"])
def test_the_hash_is_what_the_description_says(name: str) -> None:
    """Somebody without this code computes the same hash from the description."""

    def digest(*parts: bytes) -> bytes:
        return hashlib.new(name, b"".join(parts)).digest()

    def little(size: int, *numbers: int) -> bytes:
        return b"".join(number.to_bytes(size, "little") for number in numbers)

    head = {
        "columns": [["name", "string", True], ["n", "int32", False], ["flag", "bool", True]],
        "rows": 3,
        "terms": {"sharing.purpose": "x", "sharing.case": "y"},
    }
    expected = digest(
        b"sharing-content-v1\n",
        json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(),
        *(digest(little(8, 1)), digest(little(4, 3, 0, 0)), digest("张".encode())),
        *(digest(), digest(), digest(little(4, 1, 2, 3))),
        *(digest(little(8, 1)), digest(), digest(b"\1\0\0")),
    )
    assert hash_of(*TABLE.to_batches(), schema=SCHEMA, name=name) == f"{name}:{expected.hex()}"


@settings(max_examples=150, deadline=None)
@given(table=tables(), rows=st.integers(1, 5), offset=st.integers(0, 5))
def test_batches_and_slices_change_nothing(table: pa.Table, rows: int, offset: int) -> None:
    """However the rows are cut, and wherever they stand in memory, the hash is the same."""
    part = table.slice(offset)
    copied = (
        pa.Table.from_pylist(part.to_pylist(), schema=part.schema)
        if len(set(part.schema.names)) == len(part.schema.names)
        else part.combine_chunks()
    )
    assert hash_of_table(part, rows=rows) == hash_of_table(copied)


@settings(max_examples=50, deadline=None)
@given(table=tables())
def test_files_keep_the_hash(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A result that went through Parquet or an Arrow file has the hash it had on the wire."""
    folder = tmp_path_factory.mktemp("files")
    pq.write_table(table, folder / "r.parquet")
    with pa.ipc.new_file(folder / "r.arrow", table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.open_file(folder / "r.arrow") as reader:
        assert hash_of_table(reader.read_all()) == hash_of_table(table)
    assert hash_of_table(pq.ParquetFile(folder / "r.parquet").read()) == hash_of_table(table)


def test_whatever_hides_under_a_null_changes_nothing() -> None:
    """Bytes that no reader sees have no part in the hash."""
    for texts, numbers in ((["a", "hidden", "b"], [1, 7, 3]), (["a", "", "b"], [1, 9, 3])):
        valid = pa.array([True, False, True]).buffers()[1]
        columns = [
            pa.StringArray.from_buffers(3, *pa.array(texts).buffers()[1:], valid),
            pa.Array.from_buffers(pa.int64(), 3, [valid, pa.array(numbers).buffers()[1]]),
        ]
        table = pa.table(columns, names=["s", "n"])
        assert hash_of_table(table) == hash_of_table(pa.table({"s": ["a", None, "b"], "n": [1, None, 3]}))


def test_every_change_shows() -> None:
    """Another value, order, null, name, type, nullability, term or number of rows is another hash."""
    rows = TABLE.to_pylist()

    def changed(*edited: dict[str, object]) -> pa.Table:
        return pa.Table.from_pylist(list(edited), schema=SCHEMA)

    others = [
        TABLE,
        changed(*rows[:2], rows[2] | {"n": 4}),
        changed(*rows[:2], rows[2] | {"name": None}),
        changed(*rows[:2], rows[2] | {"flag": None}),
        changed(rows[0] | {"name": ""}, rows[1], rows[2] | {"name": "张"}),
        changed(rows[1], rows[0], rows[2]),
        changed(*rows[:2]),
        changed(*rows, rows[2]),
        TABLE.rename_columns(["name", "m", "flag"]),
        TABLE.select(["n", "name", "flag"]),
        TABLE.select(["name", "n"]),
        TABLE.cast(SCHEMA.set(1, pa.field("n", pa.int64(), nullable=False))),
        TABLE.cast(SCHEMA.set(1, pa.field("n", pa.int32()))),
        TABLE.cast(SCHEMA.set(1, pa.field("n", pa.date32(), nullable=False))),
        TABLE.replace_schema_metadata({"sharing.purpose": "z", "sharing.case": "y"}),
        TABLE.replace_schema_metadata({"sharing.purpose": "x"}),
    ]
    assert len({hash_of_table(other) for other in others}) == len(others)


def test_the_receipt_and_foreign_metadata_are_no_part_of_the_content() -> None:
    """What a program notes in a file's metadata, and the receipt itself, leave the hash as it is."""
    noted = TABLE.replace_schema_metadata({**SCHEMA.metadata, "sharing.receipt": "{}", "pandas": "{}"})
    assert hash_of_table(noted) == hash_of_table(TABLE)


def test_what_has_no_hash_is_refused_before_the_first_row() -> None:
    """Unknown algorithms and nested columns are errors at once."""
    with pytest.raises(ValueError, match="unknown hash 'md5'"):
        ContentHash("md5", schema=SCHEMA)
    with pytest.raises(ValueError, match="there is no content hash of list"):
        ContentHash("sha256", schema=pa.schema([("a", pa.list_(pa.int8()))]))
