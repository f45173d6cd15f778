"""A file proves itself with its receipt and the log's public key, and nothing else."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.content_hash import ContentHash
from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import encode_entry, leaf_hash
from connectors.sdk.tlog.evidence import Evidence
from connectors.sdk.tlog.merkle import node_hash
from connectors.sdk.tlog.note import VerificationKey, sign_checkpoint
from gateway.audit import recipients_receipt
from gateway.client.files.formats import receipt_beside, write_result
from gateway.doors.cli.received_file import FileRefused, check_file
from gateway.model.audit import EntryKind
from tests.fakes.arriving import ArrivedTable, with_terms

NAME = "sharing-gateway/audit"
SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEY = VerificationKey(name=NAME, key=SIGNER.public_key())
TERMS = {"sharing.purpose": "elderly-care-visits", "sharing.obligations": '{"retention_days": 30}'}
TABLE = pa.table(
    {"name": ["王**\u2060", None, "李**"], "floor": pa.array([3, 1, 2], pa.int16())}
).replace_schema_metadata(TERMS)


def content_hash(table: pa.Table, *, name: str = "sha256") -> str:
    content = ContentHash(name, schema=table.schema)
    for batch in table.to_batches():
        content.add(batch)
    return content.text


def receipt_of(
    table: pa.Table = TABLE,
    *,
    kind: str = "receipt",
    signer: Ed25519PrivateKey = SIGNER,
    hash_name: str = "sha256",
    **body: Any,
) -> bytes:
    """A receipt as the gateway gives it: the second entry of a log of two."""
    said = {
        "requester": {"subject": "clerk", "office": "310101002"},
        "purpose": "elderly-care-visits",
        "case": "c-7",
        "datasets": [{"name": "population.resident"}],
        "intent": "intent-1",
        "outcome": "delivered",
        "sent": {"rows": table.num_rows, "bytes_sent": 9, "content_hash": content_hash(table, name=hash_name)},
        "scans": [{"dataset": "population.resident", "as_of": 1_799_999_000, "late": False, "missing": False}],
        "expires_at": 1_900_000_000,
    } | body
    leaf = encode_entry(
        encode_canonical(said), sequence=2, entry_id="r-1", kind=kind, time_micros=1_800_000_000 * 10**6
    )
    sibling = b"\7" * 32
    note = sign_checkpoint(name=NAME, size=2, root=node_hash(sibling, leaf_hash(leaf)), signing_key=signer)
    evidence = Evidence(leaf=leaf, index=1, tree_size=2, path=(sibling,), checkpoint=note)
    return recipients_receipt(evidence.verify(VerificationKey(name=NAME, key=signer.public_key())), evidence=evidence)


def saved(path: Path, *, table: pa.Table = TABLE, receipt: bytes | None = None) -> Path:
    write_result(ArrivedTable(table=table, receipt=json.loads(receipt or receipt_of(table))), path=path)
    return path


def refusal(path: Path, *, receipt: Path | None = None, key: VerificationKey = KEY) -> str:
    with pytest.raises(FileRefused) as refused:
        check_file(path, receipt=receipt, key=key)
    assert refused.value.text.zh
    return refused.value.text.en


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
@pytest.mark.parametrize("hash_name", ["sha256", "sm3"])
def test_a_delivered_file_proves_itself(tmp_path: Path, ending: str, hash_name: str) -> None:
    """As saved, and with its receipt given separately, a file shows who received what and until when."""
    receipt = receipt_of(hash_name=hash_name)
    path = saved(tmp_path / f"f{ending}", receipt=receipt)
    entry = check_file(path, receipt=None, key=KEY)
    assert (entry.kind, entry.body["intent"], entry.body["expires_at"]) == (
        EntryKind.RECEIPT,
        "intent-1",
        1_900_000_000,
    )
    (tmp_path / "given.json").write_bytes(receipt)
    assert check_file(path, receipt=tmp_path / "given.json", key=KEY) == entry


def test_a_parquet_file_that_was_copied_by_another_program_proves_itself(tmp_path: Path) -> None:
    """Other row groups, compression and dictionaries are the same content, as long as the metadata is kept."""
    saved(tmp_path / "f.parquet")
    table = pq.ParquetFile(tmp_path / "f.parquet").read()
    pq.write_table(table, tmp_path / "g.parquet", row_group_size=1, compression="snappy", use_dictionary=False)
    assert check_file(tmp_path / "g.parquet", receipt=None, key=KEY)


CHANGES: Mapping[str, Callable[[pa.Table], pa.Table]] = {
    "one cell": lambda t: t.set_column(1, "floor", pa.array([3, 1, 9], pa.int16())),
    "one mark": lambda t: t.set_column(0, "name", pa.array(["王**", None, "李**"])),
    "a null": lambda t: t.set_column(0, "name", pa.array(["王**\u2060", "", "李**"])),
    "the order of rows": lambda t: t.take([1, 0, 2]),
    "a column left out": lambda t: t.select(["name"]),
    "the order of columns": lambda t: t.select(["floor", "name"]),
    "a column's name": lambda t: t.rename_columns(["name", "storey"]),
    "a column's type": lambda t: t.cast(
        pa.schema([("name", pa.string()), ("floor", pa.int32())], metadata=t.schema.metadata)
    ),
    "a term": lambda t: t.replace_schema_metadata({**TERMS, "sharing.obligations": '{"retention_days": 3000}'}),
    "a term added": lambda t: t.replace_schema_metadata({**TERMS, "sharing.case": "c"}),
    "the terms left out": lambda t: t.replace_schema_metadata(None),
}


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
@pytest.mark.parametrize("what", list(CHANGES))
def test_any_change_of_the_file_is_found(tmp_path: Path, ending: str, what: str) -> None:
    """One changed cell, column or term and the file is no longer what was delivered."""
    path = saved(tmp_path / f"f{ending}", table=CHANGES[what](TABLE), receipt=receipt_of())
    assert refusal(path).startswith("Cells, columns or terms")


def test_missing_rows_are_counted(tmp_path: Path) -> None:
    """A file with fewer rows says how many were delivered."""
    path = saved(tmp_path / "f.parquet", table=TABLE.slice(1), receipt=receipt_of())
    assert refusal(path).startswith("3 rows were delivered and the file has 2")


def test_terms_that_only_some_readers_would_see_are_found(tmp_path: Path) -> None:
    """Parquet holds metadata twice; a term forged in one of the places does not pass."""
    path = tmp_path / "f.parquet"
    with pq.ParquetWriter(path, TABLE.schema) as writer:
        writer.write_table(TABLE)
        writer.add_key_value_metadata({"sharing.receipt": receipt_of(), "sharing.purpose": "anything"})
    assert refusal(path).startswith("Cells, columns or terms")


def twice(key: str, *values: str) -> pa.Table:
    """The table with a term that stands several times in its metadata."""
    others = [(name, value) for name, value in TERMS.items() if name != key]
    metadata = pa.KeyValueMetadata([*((key, value) for value in values), *others])
    return pa.table(TABLE.columns, schema=TABLE.schema.with_metadata(metadata))


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
@pytest.mark.parametrize("values", [("elderly-care-visits", "anything"), ("anything", "elderly-care-visits")])
def test_a_term_that_stands_twice_is_found(tmp_path: Path, ending: str, values: tuple[str, str]) -> None:
    """One reader takes the first, another the last: such a file says two things and proves neither."""
    path, table = tmp_path / f"f{ending}", twice("sharing.purpose", *values)
    if ending == ".parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    (tmp_path / "r.json").write_bytes(receipt_of())
    assert refusal(path, receipt=tmp_path / "r.json").startswith("Cells, columns or terms")


def arrow_file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def footer_at(file: bytes) -> int:
    return len(file) - 10 - int.from_bytes(file[-10:-6], "little")


SEEN_FROM_THE_BEGINNING = {
    "a term": TABLE.replace_schema_metadata({**TERMS, "sharing.obligations": '{"retention_days": 99}'}),
    "a column's name": pa.table(TABLE.columns, schema=TABLE.schema.set(0, pa.field("nome", pa.string()))),
}


@pytest.mark.parametrize("what", list(SEEN_FROM_THE_BEGINNING))
def test_an_arrow_file_says_the_same_to_readers_of_streams(tmp_path: Path, what: str) -> None:
    """Its schema stands before the batches and in the footer; when the two differ it does not pass, whichever is genuine."""
    genuine, other = arrow_file(TABLE), arrow_file(SEEN_FROM_THE_BEGINNING[what])
    assert footer_at(genuine) == footer_at(other)
    (tmp_path / "r.json").write_bytes(receipt_of())
    for first, last in ((genuine, other), (other, genuine)):
        (tmp_path / "f.arrow").write_bytes(first[: footer_at(first)] + last[footer_at(last) :])
        assert refusal(tmp_path / "f.arrow", receipt=tmp_path / "r.json").startswith("Cells, columns or terms")


def test_an_arrow_file_holds_no_rows_for_readers_of_streams_only(tmp_path: Path) -> None:
    """A batch that the footer does not name would be read by some; with it the file is not what was delivered."""
    genuine = arrow_file(TABLE)
    end_of_stream = footer_at(genuine) - 8
    hidden = bytes(TABLE.to_batches()[0].serialize())
    (tmp_path / "f.arrow").write_bytes(genuine[:end_of_stream] + hidden + genuine[end_of_stream:])
    (tmp_path / "r.json").write_bytes(receipt_of())
    assert pa.ipc.open_file(tmp_path / "f.arrow").read_all().equals(TABLE)
    assert refusal(tmp_path / "f.arrow", receipt=tmp_path / "r.json").startswith("3 rows were delivered")


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (TABLE, TABLE.schema.set(0, pa.field("nome", pa.string()))),
        (TABLE.rename_columns(["nome", "floor"]), TABLE.schema),
        (TABLE, TABLE.schema.set(1, pa.field("floor", pa.int16(), nullable=False))),
        (TABLE.cast(TABLE.schema.set(1, pa.field("floor", pa.int32()))), TABLE.schema),
        (TABLE.cast(TABLE.schema.set(0, pa.field("name", pa.binary()))), TABLE.schema),
    ],
    ids=["other name told", "other name stored", "other nullability", "other number stored", "bytes stored"],
)
def test_a_parquet_file_says_the_same_to_every_reader(tmp_path: Path, stored: pa.Table, told: pa.Schema) -> None:
    """Some readers take names and types from the Arrow schema that a Parquet file may carry, others from its own."""
    path = tmp_path / "f.parquet"
    with pq.ParquetWriter(path, stored.schema, store_schema=False) as writer:
        writer.write_table(stored)
        writer.add_key_value_metadata({"ARROW:schema": base64.b64encode(told.serialize()).decode(), **TERMS})
    (tmp_path / "r.json").write_bytes(receipt_of())
    assert refusal(path, receipt=tmp_path / "r.json").startswith("Cells, columns or terms")


def test_twin_a_parquet_file_of_another_program_carries_no_arrow_schema_and_passes(tmp_path: Path) -> None:
    """What is refused above is the contradiction, not the foreign file; a name with glob letters does no harm."""
    path = tmp_path / "f[1]*?.parquet"
    with pq.ParquetWriter(path, TABLE.schema, store_schema=False) as writer:
        writer.write_table(TABLE)
        writer.add_key_value_metadata({**TERMS, "sharing.receipt": receipt_of()})
    assert check_file(path, receipt=None, key=KEY)


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_a_column_of_nothing_proves_itself(tmp_path: Path, ending: str) -> None:
    """A literal NULL has no type of its own, but its nulls are content too."""
    table = TABLE.append_column("note", pa.nulls(3))
    assert check_file(saved(tmp_path / f"f{ending}", table=table), receipt=None, key=KEY)
    other = TABLE.append_column("note", pa.nulls(3, pa.int32()))
    path = saved(tmp_path / f"g{ending}", table=other, receipt=receipt_of(table))
    assert refusal(path).startswith("Cells, columns or terms")


def forged(change: Callable[[dict[str, Any]], object]) -> bytes:
    told = json.loads(receipt_of())
    change(told["evidence"])
    return json.dumps(told).encode()


def with_leaf(evidence: dict[str, Any], *, old: bytes, new: bytes) -> None:
    evidence["leaf"] = base64.b64encode(base64.b64decode(evidence["leaf"]).replace(old, new)).decode()


@pytest.mark.parametrize(
    ("receipt", "says"),
    [
        (forged(lambda e: with_leaf(e, old=b"310101002", new=b"310101003")), "The signed log does not hold this entry"),
        (
            forged(lambda e: with_leaf(e, old=b"1900000000", new=b"2900000000")),
            "The signed log does not hold this entry",
        ),
        (forged(lambda e: e["path"].pop()), "The signed log does not hold this entry"),
        (forged(lambda e: e.update(index=0)), "The receipt is damaged"),
        (forged(lambda e: e.update(leaf="")), "The receipt is damaged"),
        (forged(lambda e: e.clear()), "The receipt is damaged"),
        (receipt_of(signer=Ed25519PrivateKey.generate()), "The receipt is not signed with this log's key"),
        (receipt_of(kind="intent"), "The entry that is proven is no receipt of a complete delivery"),
        (receipt_of(outcome="cancelled"), "The entry that is proven is no receipt of a complete delivery"),
        (b"{}", "The receipt is damaged"),
        (b"[1]", "The receipt is damaged"),
        (b"\xff", "The receipt is damaged"),
        (b"[" * 100_000, "The receipt is damaged"),
    ],
)
def test_a_receipt_that_proves_nothing_is_refused(tmp_path: Path, receipt: bytes, says: str) -> None:
    """What the receipt says counts only as far as the log's signature reaches."""
    path = saved(tmp_path / "f.arrow")
    receipt_beside(path).write_bytes(receipt)
    assert refusal(path).startswith(says)


def test_what_the_receipt_says_outside_its_evidence_is_not_believed(tmp_path: Path) -> None:
    """Rows and hash are those of the proven entry, not of the JSON around it."""
    changed = TABLE.slice(1)
    told = json.loads(receipt_of()) | {"rows": 2, "content_hash": content_hash(changed)}
    assert refusal(saved(tmp_path / "f.arrow", table=changed, receipt=json.dumps(told).encode())).startswith("3 rows")


def test_a_receipt_of_another_delivery_does_not_fit(tmp_path: Path) -> None:
    """A genuine receipt proves its own file only."""
    other = receipt_of(TABLE.set_column(1, "floor", pa.array([1, 1, 1], pa.int16())))
    assert refusal(saved(tmp_path / "f.parquet", receipt=other)).startswith("Cells, columns or terms")


def test_without_a_receipt_the_way_to_one_is_told(tmp_path: Path) -> None:
    """A file that was saved by another program needs its receipt beside it."""
    pq.write_table(TABLE, tmp_path / "f.parquet")
    assert refusal(tmp_path / "f.parquet").startswith("The file has no receipt. Fetch it with 'gateway audit receipt'")


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".parquet", ".arrow"])
def test_formats_that_prove_nothing_say_so(tmp_path: Path, ending: str) -> None:
    """Spreadsheets lose types and nulls, and a damaged file is no file: both are refused with what to use instead."""
    path = tmp_path / f"f{ending}"
    if ending in (".csv", ".xlsx"):
        saved(path, table=with_terms(TABLE))
    else:
        path.write_bytes(b"PAR1 and nothing else")
    assert refusal(path).startswith("not a readable .parquet or .arrow file")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", "audit", "check-file", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_command_needs_the_file_and_the_key_only(tmp_path: Path) -> None:
    """On a machine with nothing else the command shows the delivery, tells when its time is over, and fails on a change."""
    (tmp_path / "key.txt").write_text(KEY.to_text())
    saved(tmp_path / "f.parquet")
    saved(tmp_path / "old.parquet", receipt=receipt_of(expires_at=1_000_000_000))
    saved(tmp_path / "changed.parquet", table=CHANGES["one cell"](TABLE), receipt=receipt_of())
    shown = run("f.parquet", "--key", "key.txt", "--language", "en", cwd=tmp_path)
    assert shown.returncode == 0
    for word in (
        "exactly as delivered",
        "clerk (310101002)",
        "elderly-care-visits c-7",
        "population.resident",
        "intent-1",
    ):
        assert word in shown.stdout
    assert "destroy" not in shown.stdout
    assert "destroy the file" in run("old.parquet", "--key", "key.txt", "--language", "en", cwd=tmp_path).stdout
    changed = run("changed.parquet", "--key", "key.txt", cwd=tmp_path)
    assert (changed.returncode, "文件被改动" in changed.stdout) == (1, True)
