"""What recipients hold in their hands: files that prove themselves, and copies that name them."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sdk.watermark import strip_marks
from tests.cities import City, run_cli

GRID, WHO, OTHER = "grid-inspection", "changfeng", "nanjing-east-road"
LEAKED = ("name", "phone", "resident_id", "household_id")
SQL = f"""SELECT {", ".join(LEAKED)}, sex, residence_division, dwelling_code, registration_kind
    FROM population.resident ORDER BY phone"""
KEY = "audit-verification-key.txt"


@pytest.fixture(scope="module")
def delivered(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a recipient has: the file, and the log's public key."""
    folder = tmp_path_factory.mktemp("recipient")
    ended = city.cli("query", SQL, "--purpose", GRID, "--output", str(folder / "f.parquet"), who=WHO)
    assert ended.returncode == 0, ended.stderr
    shutil.copy(city.data / "keys" / KEY, folder)
    return folder


def entry_of(file: Path) -> str:
    return pq.read_schema(file).metadata[b"sharing.entry"].decode()


def check(folder: Path, file: str, *more: str) -> tuple[int, str]:
    ended = run_cli(["audit", "check-file", file, "--key", KEY, "--language", "en", *more], cwd=folder)
    return ended.returncode, ended.stdout


def test_a_delivered_file_is_proven_with_the_public_key_alone(city: City, delivered: Path) -> None:
    """So that anybody can tell what a file is: who received it, for what and until when."""
    code, shown = check(delivered, "f.parquet")
    assert code == 0, shown
    for word in ("exactly as delivered", "310107014", GRID, "population.resident", entry_of(delivered / "f.parquet")):
        assert word in shown


def test_one_changed_cell_is_found(delivered: Path) -> None:
    """So that nobody can pass off another file as what was delivered."""
    table = pq.ParquetFile(delivered / "f.parquet").read()
    sex = table["sex"].to_pylist()
    sex[0] = "1" if sex[0] == "2" else "2"
    position = table.schema.get_field_index("sex")
    pq.write_table(table.set_column(position, table.schema.field("sex"), pa.array(sex)), delivered / "changed.parquet")
    code, shown = check(delivered, "changed.parquet")
    assert code == 1
    assert "Cells, columns or terms" in shown


def test_a_receipt_can_be_fetched_later(city: City, delivered: Path) -> None:
    """So that a result of another program, or a lost receipt, can be proven too: by its requester and by auditors only."""
    table = pq.ParquetFile(delivered / "f.parquet").read()
    metadata = {key: value for key, value in table.schema.metadata.items() if key != b"sharing.receipt"}
    pq.write_table(table.replace_schema_metadata(metadata), delivered / "bare.parquet")
    assert check(delivered, "bare.parquet")[0] == 1
    entry = entry_of(delivered / "f.parquet")
    for who in (WHO, "auditor"):
        receipt = delivered / f"{who}.json"
        assert city.cli("audit", "receipt", entry, "--output", str(receipt), who=who).returncode == 0
        assert check(delivered, "bare.parquet", "--receipt", receipt.name)[0] == 0
    for who, what in ((OTHER, entry), (WHO, "no-such-entry")):
        refused = city.cli("audit", "receipt", what, "--output", str(delivered / "x.json"), who=who)
        assert refused.returncode == 3
        assert "RECEIPT_UNKNOWN" in refused.stderr
    asked = city.entries(
        kind="audit_query", requester=city.entries(kind="audit_query")[-1]["body"]["requester"]["subject"]
    )
    assert {"entry_id": entry} in [query["body"]["filters"] for query in asked if query["body"]["action"] == "receipt"]


def leaked(file: Path) -> pa.Table:
    """Half of the columns, the rows shuffled, no metadata."""
    table = pq.read_table(file).select(LEAKED)
    order = random.Random(1).sample(range(table.num_rows), table.num_rows)
    return table.take(order).replace_schema_metadata(None)


def test_a_leaked_copy_names_its_recipient(city: City, delivered: Path) -> None:
    """So that a leak has a name: with half of the columns, in another order, without any metadata."""
    city.ask(SQL, purpose=GRID, who=OTHER)
    pq.write_table(leaked(delivered / "f.parquet"), delivered / "leaked.parquet")
    traced = city.cli("audit", "trace", str(delivered / "leaked.parquet"), who="auditor")
    assert traced.returncode == 0, traced.stderr
    assert "310107014" in traced.stdout, traced.stderr
    assert "310101002" not in traced.stdout, "nobody else is named"
    asked = [q["body"]["filters"] for q in city.entries(kind="audit_query") if q["body"]["action"] == "trace"][-1]
    assert asked["texts"] >= 20, "how much was compared"
    assert len(asked["sha256"]) == 64, "and exactly what"
    assert city.cli("audit", "trace", str(delivered / "leaked.parquet"), who=WHO).returncode == 3


def test_without_marks_the_same_copy_names_nobody(city: City, delivered: Path) -> None:
    """The twin: what names the recipient is the mark."""
    table = leaked(delivered / "f.parquet")
    bare = [strip_marks(column.combine_chunks()) for column in table.columns]
    pq.write_table(pa.table(bare, names=LEAKED), delivered / "bare-copy.parquet")
    traced = city.cli("audit", "trace", str(delivered / "bare-copy.parquet"), "--language", "en", who="auditor")
    assert traced.returncode == 0
    assert "name nobody" in traced.stderr
