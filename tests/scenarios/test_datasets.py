"""What a clerk keeps on the own machine: listed, refreshed, proven, and destroyed in time with a receipt in the log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import openpyxl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from gateway.client.files.formats import COVER_SHEET
from gateway.doors.cli.app import make_app
from tests.cities import City

WHO, GRID = "nanjing-east-road", "grid-inspection"
SQL = "SELECT name, sex, residence_division FROM population.resident"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has received nothing yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    return tmp_path


def save(city: City, path: Path) -> set[str]:
    """Deliver to a path and return the audit entries of its parts with rows."""
    code, told = as_clerk(city, "query", SQL, "--purpose", GRID, "--output", str(path))
    assert code == 0, told
    return entries_of(path)


def run(*arguments: str) -> tuple[int, str]:
    """Run the command line in this process and return its exit code and all it said."""
    ended = CliRunner(env={"COLUMNS": "300"}).invoke(make_app(), arguments)
    return ended.exit_code, ended.output


def as_clerk(city: City, *arguments: str) -> tuple[int, str]:
    return run(*arguments, "--profile", str(city.local.profiles / f"{WHO}.json"))


def entries_of(path: Path) -> set[str]:
    """Return the entries of the parts that have rows: of the others nothing is destroyed."""
    parts = [pq.read_metadata(part) for part in path.iterdir()]
    return {part.metadata[b"sharing.entry"].decode() for part in parts if part.num_rows}


def dataset(command: str, *arguments: str) -> tuple[int, str]:
    return run("dataset", command, *arguments, "--language", "en")


def pass_time(folder: Path) -> None:
    """Let every retention end."""
    with closing(sqlite3.connect(folder / "user" / "sharing-gateway" / "datasets.db")) as database, database:
        database.execute("UPDATE deliveries SET expires_at = 1")


def destroyed(city: City) -> dict[str, str]:
    """Return what the log says of destructions: the method by the result's entry."""
    return {entry["body"]["intent"]: entry["body"]["method"] for entry in city.entries(kind="destruction")}


def test_a_dataset_comes_in_parts_that_are_proven_one_by_one(city: City, folder: Path) -> None:
    """A street's residents come in disjoint parts, together all of them, each with a receipt that proves it."""
    path = folder / "residents"
    entries = save(city, path)
    assert len(entries) > 1
    (truth,) = city.truth("SELECT count(*) FROM population.resident WHERE residence_division LIKE '310101002%'")[0]
    assert ds.dataset(path).count_rows() == truth
    key = str(city.data / "keys" / "audit-verification-key.txt")
    code, told = run("audit", "check-file", str(path), "--key", key, "--language", "en")
    assert (code, told.count("exactly as delivered")) == (0, len(list(path.iterdir()))), told
    first = next(part for part in path.iterdir() if pq.read_metadata(part).num_rows)
    table = pq.ParquetFile(first).read()
    pq.write_table(table.slice(1), first)
    assert run("audit", "check-file", str(path), "--key", key)[0] == 1


def test_what_has_expired_is_destroyed_with_a_receipt(city: City, folder: Path) -> None:
    """The list tells; expire deletes the files and puts every part's destruction into the log; then nothing is left."""
    entries = save(city, folder / "residents")
    sheet = folder / "visits.xlsx"
    as_clerk(city, "query", f"{SQL} LIMIT 5", "--purpose", GRID, "--output", str(sheet))
    assert "保存期限" in str([cell.value for cell in openpyxl.load_workbook(sheet)[COVER_SHEET]["A"]])
    assert dataset("expire") == (0, "no dataset has expired.\n")
    assert entries.isdisjoint(destroyed(city))
    pass_time(folder)
    code, told = dataset("list")
    assert (code, told.count("1970-01-01")) == (0, 2), told
    assert "run 'gateway dataset expire'" in told
    code, told = dataset("expire")
    assert (code, told.count("destruction recorded")) == (0, len(entries) + 1), told
    assert entries <= destroyed(city).keys()
    assert [path.name for path in folder.iterdir()] == ["user"]
    assert "visits" not in dataset("list")[1]


def test_a_refreshed_dataset_replaces_the_older_one(city: City, folder: Path) -> None:
    """The same is asked again; what was there before counts as destroyed and is recorded so."""
    path = folder / "residents"
    old = save(city, path)
    code, told = dataset("refresh", str(path))
    assert code == 0, told
    new = entries_of(path)
    assert new.isdisjoint(old)
    methods = destroyed(city)
    assert {methods[entry] for entry in old} == {"由新数据覆盖 / replaced by a newer delivery"}
    assert new.isdisjoint(methods)
    assert dataset("refresh", str(folder / "other"))[0] == 4


def test_a_file_that_is_not_there_is_not_said_to_be_destroyed(city: City, folder: Path) -> None:
    """Moved or deleted by hand, it is the office that says so; then it is off the list."""
    path = folder / "residents"
    entries = save(city, path)
    path.rename(folder / "elsewhere")
    assert "not there" in dataset("list")[1]
    pass_time(folder)
    code, told = dataset("expire")
    assert (code, all(entry in told for entry in entries)) == (4, True), told
    assert entries.isdisjoint(destroyed(city))
    for entry in told[told.index("record':") :].split()[1:]:
        assert as_clerk(city, "destruction", "record", entry, "--method", "shredded")[0] == 0
    assert {destroyed(city)[entry] for entry in entries} == {"shredded"}
    assert dataset("expire") == (0, "no dataset has expired.\n")


def test_what_is_still_there_is_not_recorded_as_destroyed(city: City, folder: Path) -> None:
    """The log never says so of a file at hand, and it stays on the list; twin: once it is deleted it is recorded."""
    path = folder / "residents.parquet"
    code, told = as_clerk(city, "query", f"{SQL} LIMIT 5", "--purpose", GRID, "--output", str(path))
    assert code == 0, told
    (entry,) = [pq.read_metadata(path).metadata[b"sharing.entry"].decode()]
    record = ("destruction", "record", entry, "--method", "shredded", "--language", "en")
    code, told = as_clerk(city, *record)
    assert (code, "the data are still in" in told, entry in destroyed(city)) == (4, True, False), told
    assert "residents.parquet" in dataset("list")[1]
    path.unlink()
    assert as_clerk(city, *record)[0] == 0
    assert destroyed(city)[entry] == "shredded"
    assert "residents.parquet" not in dataset("list")[1]


def test_without_the_gateway_files_are_destroyed_and_recorded_later(city: City, folder: Path) -> None:
    """Expiry waits for nobody: the file goes at once, and its receipt follows when the gateway is reached again."""
    entries = save(city, folder / "residents")
    pass_time(folder)
    index = folder / "user" / "sharing-gateway" / "datasets.db"
    with closing(sqlite3.connect(index)) as database, database:
        ((profile,),) = database.execute("SELECT DISTINCT profile FROM deliveries").fetchall()
        database.execute("UPDATE deliveries SET profile = ?", (str(folder / "unreachable.json"),))
    assert dataset("expire")[0] == 4
    assert not (folder / "residents").exists()
    assert entries.isdisjoint(destroyed(city))
    with closing(sqlite3.connect(index)) as database, database:
        database.execute("UPDATE deliveries SET profile = ?", (profile,))
    assert dataset("expire")[0] == 0
    assert entries <= destroyed(city).keys()
