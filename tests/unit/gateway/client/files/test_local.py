"""The list of what was delivered to this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pyarrow as pa
import pytest

from gateway.client.files.formats import receipt_beside, write_result
from gateway.client.files.held import held_entries
from gateway.client.files.local import DatasetState, LocalDatasets, Request
from tests.fakes.arriving import RECEIPT, ArrivedTable, with_terms

REQUEST = Request(sql="SELECT 1", purpose="elderly-care-visits", case="c-1", partial=True)
NOW, EXPIRES_AT = 1_800_000_000, 1_800_100_000
ENDINGS = [".parquet", ".arrow", ".csv", ".xlsx"]
PROFILE = Path("/profiles/street.json")


@pytest.fixture
def datasets(tmp_path: Path) -> LocalDatasets:
    return LocalDatasets(tmp_path / "user" / "data", clock_seconds=lambda: NOW)


def begin(datasets: LocalDatasets, entry: str, path: Path, *, expires_at: int = EXPIRES_AT) -> None:
    datasets.begin(entry, path=path, profile=PROFILE, request=REQUEST, expires_at=expires_at)


def deliver(datasets: LocalDatasets, entry: str, path: Path) -> None:
    begin(datasets, entry, path)
    table = with_terms(pa.table({"n": [1, 2, 3]}), entry=entry)
    write_result(ArrivedTable(table=table, receipt=RECEIPT | {"entry": entry}), path=path, replacing=datasets.replacing)
    datasets.finish(path, rows={entry: 3})


def states(datasets: LocalDatasets, *, now: float = NOW) -> dict[str, DatasetState]:
    return {one.path.name: one.state(now=now) for one in datasets.datasets()}


def test_deliveries_of_one_dataset_are_remembered_together(datasets: LocalDatasets, tmp_path: Path) -> None:
    """A dataset that is kept by changes is one, with the entries of all that it is made of."""
    path = tmp_path / "list.parquet"
    datasets.begin("e-1", "e-2", path=path, profile=PROFILE, request=REQUEST, expires_at=EXPIRES_AT)
    datasets.finish(path, rows={"e-1": 0, "e-2": 3})
    (dataset,) = datasets.datasets()
    assert (dataset.entries, dataset.rows, dataset.complete) == (("e-1", "e-2"), 3, True)


def test_only_the_owner_reads_the_list(datasets: LocalDatasets, tmp_path: Path) -> None:
    """The list holds statements, which may name people."""
    folder = tmp_path / "user" / "data"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "datasets.db")] == [0o700, 0o600]


def test_a_dataset_is_known_from_its_first_row(datasets: LocalDatasets, tmp_path: Path) -> None:
    """What a killed process leaves is on the list, with all that is needed to complete or destroy it."""
    path = tmp_path / "r.parquet"
    begin(datasets, "e-1", path)
    (one,) = datasets.datasets()
    assert (one.path, one.profile, one.request, one.entries, one.rows) == (path, PROFILE, REQUEST, ("e-1",), 0)
    assert (one.received_at, one.expires_at, one.state(now=NOW)) == (NOW, EXPIRES_AT, DatasetState.UNFINISHED)
    path.touch()
    datasets.finish(path, rows={"e-1": 5})
    (one,) = datasets.datasets()
    assert (one.rows, one.state(now=NOW), one.state(now=EXPIRES_AT)) == (5, DatasetState.CURRENT, DatasetState.EXPIRED)
    path.unlink()
    assert states(datasets, now=EXPIRES_AT) == {"r.parquet": DatasetState.GONE}


def test_the_first_part_to_expire_ends_the_whole(datasets: LocalDatasets, tmp_path: Path) -> None:
    """A folder is kept no longer than the shortest-lived of its parts."""
    begin(datasets, "e-1", tmp_path / "d", expires_at=EXPIRES_AT + 9)
    begin(datasets, "e-2", tmp_path / "d")
    datasets.finish(tmp_path / "d", rows={"e-1": 5, "e-2": 2})
    (one,) = datasets.datasets()
    assert (one.entries, one.rows, one.expires_at) == (("e-1", "e-2"), 7, EXPIRES_AT)


def test_what_is_overwritten_is_destroyed(datasets: LocalDatasets, tmp_path: Path) -> None:
    """The older delivery under a name, and one that broke off, are destroyed by the newer; other names are not."""
    deliver(datasets, "old", tmp_path / "r.csv")
    begin(datasets, "cut", tmp_path / "r.csv")
    begin(datasets, "other", tmp_path / "x.csv")
    deliver(datasets, "new", tmp_path / "r.csv")
    assert [(one.entry, one.profile) for one in datasets.destroyed()] == [("cut", PROFILE), ("old", PROFILE)]
    assert {entry for one in datasets.datasets() for entry in one.entries} == {"new", "other"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_moved_away_before_is_not_said_to_be_destroyed(
    datasets: LocalDatasets, tmp_path: Path, ending: str
) -> None:
    """Last week's list, renamed, stays listed as not there beside the new one; twin: one that is overwritten is destroyed."""
    path = tmp_path / f"r{ending}"
    deliver(datasets, "e-1", path)
    path.rename(tmp_path / f"kept{ending}")
    deliver(datasets, "e-2", path)
    assert datasets.destroyed() == []
    assert [(one.entries, one.state(now=NOW), one.is_there()) for one in datasets.datasets()] == [
        (("e-1",), DatasetState.GONE, False),
        (("e-2",), DatasetState.CURRENT, True),
    ]
    deliver(datasets, "e-3", path)
    assert [one.entry for one in datasets.destroyed()] == ["e-2"]


def test_of_a_folder_only_what_it_holds_is_replaced(datasets: LocalDatasets, tmp_path: Path) -> None:
    """Each part says which delivery it is; a part that was taken out is not said to be destroyed."""
    path = tmp_path / "d"
    for entries in (("e-1", "e-2"), ("e-3",)):
        for entry in entries:
            begin(datasets, entry, path)
        datasets.replacing(path)
        path.mkdir(exist_ok=True)
        for entry in entries:
            write_result(
                ArrivedTable(table=with_terms(pa.table({"n": [1]}), entry=entry)), path=path / f"part-{entry}.parquet"
            )
        datasets.finish(path, rows=dict.fromkeys(entries, 1))
        (path / "part-e-1.parquet").unlink(missing_ok=True)
    assert [one.entry for one in datasets.destroyed()] == ["e-2"]


def test_a_dataset_kept_by_changes_holds_every_entry_it_tells(tmp_path: Path) -> None:
    """A subscription's file tells all runs it is made of; what is no dataset, or is damaged, tells none."""
    path = tmp_path / "r.parquet"
    write_result(ArrivedTable(table=with_terms(pa.table({"n": [1]}), entries='["e-1", "e-2"]')), path=path)
    assert held_entries(path) == {"e-1", "e-2"}
    for ending in ENDINGS:
        (tmp_path / f"x{ending}").write_text("no dataset")
        assert held_entries(tmp_path / f"x{ending}") == frozenset()


def test_the_statement_of_what_is_destroyed_is_blank(datasets: LocalDatasets, tmp_path: Path) -> None:
    """A statement may name people: on the disk nothing of it is left; twin: until then it is there, to be asked again."""
    index, path = tmp_path / "user" / "data" / "datasets.db", tmp_path / "r.csv"
    named = Request(sql="SELECT name FROM population.resident WHERE resident_id = '310101199001011234'")
    datasets.begin("e-1", path=path, profile=PROFILE, request=named, expires_at=EXPIRES_AT)
    assert b"310101199001011234" in index.read_bytes()
    deliver(datasets, "e-2", path)
    assert b"310101199001011234" not in index.read_bytes()
    datasets.begin("e-3", path=tmp_path / "s.csv", profile=PROFILE, request=named, expires_at=EXPIRES_AT)
    datasets.destroy(datasets.datasets()[1])
    assert b"310101199001011234" not in index.read_bytes()
    assert [one.entry for one in datasets.destroyed()] == ["e-1", "e-3"]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_listing_ends_what_a_killed_process_began(datasets: LocalDatasets, tmp_path: Path, *, in_place: bool) -> None:
    """Killed between two renames, the older folder is found again; after them it is destroyed, and that is to be recorded."""
    path, old = tmp_path / "d", tmp_path / ".d.old"
    begin(datasets, "e-1", path)
    old.mkdir()
    write_result(ArrivedTable(table=with_terms(pa.table({"n": [1]}), entry="e-1")), path=old / "part-0.parquet")
    datasets.finish(path, rows={"e-1": 1})
    if in_place:
        path.mkdir()
    found = datasets.datasets()
    assert not old.exists()
    assert [one.state(now=NOW) for one in found] == ([] if in_place else [DatasetState.CURRENT])
    assert [one.entry for one in datasets.destroyed()] == (["e-1"] if in_place else [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_destroying_leaves_nothing_of_a_file(datasets: LocalDatasets, tmp_path: Path, ending: str) -> None:
    """The file, its receipt and unfinished rows go; its destruction is to be recorded until it is."""
    path = tmp_path / f"r{ending}"
    write_result(ArrivedTable(table=with_terms(pa.table({"n": [1]}))), path=path)
    (tmp_path / f".r{ending}.1.part").touch()
    begin(datasets, "e-1", path)
    datasets.finish(path, rows={"e-1": 1})
    datasets.destroy(datasets.datasets()[0])
    assert [file.name for file in tmp_path.iterdir()] == ["user"]
    assert not receipt_beside(path).exists()
    assert (datasets.datasets(), [one.entry for one in datasets.destroyed()]) == ([], ["e-1"])
    datasets.forget("e-1")
    assert datasets.destroyed() == []


def test_two_processes_share_the_list(datasets: LocalDatasets, tmp_path: Path) -> None:
    """What one writes the other reads."""
    begin(datasets, "e-1", tmp_path / "a.csv")
    other = LocalDatasets(tmp_path / "user" / "data", clock_seconds=lambda: NOW)
    begin(other, "e-2", tmp_path / "b.csv")
    assert states(datasets) == states(other) == dict.fromkeys(("a.csv", "b.csv"), DatasetState.UNFINISHED)
