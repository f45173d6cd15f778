"""Folders of parts: whole or not at all, and taken up after a cut."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from gateway.client.files.directory import check_directory, delete_directory, end_replacing, write_directory
from gateway.client.files.formats import FileProblem
from tests.fakes.arriving import RECEIPT, ArrivedTable, FakePart, with_terms

KEYS = ("01-a", "02-b", "03-c")
REQUEST = {"sql": "SELECT name FROM population.resident", "purpose": "elderly-care-visits"}
NOW = 1_800_000_000


class Source:
    """A result in three parts of two rows; tells which were fetched."""

    def __init__(self) -> None:
        self.fetched: list[str] = []
        self.cut: dict[str, int] = {}
        self.changed: dict[str, str] = {}

    def parts(self) -> Sequence[FakePart]:
        """Return the parts as an answer to the request has them now."""
        return [FakePart(key=key, result=self._result(key), fetched=self.fetched.append) for key in KEYS]

    def _result(self, key: str) -> ArrivedTable:
        table = pa.table({"name": [f"{key} 1", f"{key} 2"]})
        entry = f"entry-{key}"
        return ArrivedTable(
            table=with_terms(table, entry=entry, **self.changed),
            receipt=RECEIPT | {"entry": entry},
            batch_rows=1,
            rows_max=self.cut.get(key),
        )


@pytest.fixture
def source() -> Source:
    return Source()


def write(source: Source, path: Path, *, request: dict[str, object] = REQUEST, now: float = NOW) -> dict[str, int]:
    written = write_directory(source.parts(), path=path, request=request, now=now, begun=lambda _: None)
    return dict(written.rows)


def names(path: Path) -> list[str]:
    return sorted(str(ds.dataset(path).to_table()["name"][i]) for i in range(ds.dataset(path).count_rows()))


ALL = sorted(f"{key} {i}" for key in KEYS for i in (1, 2))


def test_a_folder_is_one_dataset_of_parts_with_their_receipts(source: Source, tmp_path: Path) -> None:
    """pyarrow reads the folder as it is; each part holds its own receipt, and nothing else is left."""
    path = tmp_path / "visits"
    assert write(source, path) == {f"entry-{key}": 2 for key in KEYS}
    assert names(path) == ALL
    assert sorted(file.name for file in path.iterdir()) == [f"part-{key}.parquet" for key in KEYS]
    for key in KEYS:
        receipt = json.loads(pq.read_metadata(path / f"part-{key}.parquet").metadata[b"sharing.receipt"])
        assert receipt["entry"] == f"entry-{key}"
    assert list(tmp_path.iterdir()) == [path]


def test_after_a_cut_only_the_missing_parts_are_fetched(source: Source, tmp_path: Path) -> None:
    """What was finished is taken up; nothing stands under the name until all is there."""
    path = tmp_path / "visits"
    source.cut = {"02-b": 1}
    with pytest.raises(ConnectionError):
        write(source, path)
    assert not path.exists()
    source.cut = {}
    assert len(write(source, path)) == 3
    assert source.fetched == ["01-a", "02-b", "02-b", "03-c"]
    assert names(path) == ALL
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("request_", "now", "changed"),
    [
        (REQUEST | {"sql": "SELECT 1"}, NOW, {}),
        (REQUEST, 1_900_000_000, {}),
        (REQUEST, NOW, {"policy_revision": "revision-2"}),
        (REQUEST, NOW, {"treatment": "{}"}),
    ],
    ids=["another request", "its time is over", "another policy", "another treatment"],
)
def test_a_part_that_does_not_belong_is_fetched_again(
    source: Source, tmp_path: Path, request_: dict[str, object], now: float, changed: dict[str, str]
) -> None:
    """Of another request, of an earlier policy, or past its expiry: a dataset is never mixed of such parts."""
    path = tmp_path / "visits"
    source.cut = {"02-b": 1}
    with pytest.raises(ConnectionError):
        write(source, path)
    source.cut, source.changed = {}, changed
    write(source, path, request=request_, now=now)
    assert sorted(source.fetched[2:]) == list(KEYS)
    assert names(path) == ALL


@pytest.mark.parametrize(("hours", "fetched", "outdated"), [(23, 2, 0), (25, 3, 1)])
def test_finished_parts_are_taken_up_for_a_day(
    source: Source, tmp_path: Path, hours: int, fetched: int, outdated: int
) -> None:
    """A dataset is of one day: later all parts are fetched anew, and it is told; twin: an hour before they are taken up."""
    path = tmp_path / "visits"
    source.cut = {"02-b": 1}
    with pytest.raises(ConnectionError):
        write(source, path)
    source.cut, source.fetched = {}, []
    later = NOW + hours * 3600
    written = write_directory(source.parts(), path=path, request=REQUEST, now=later, begun=lambda _: None)
    assert (len(source.fetched), written.outdated) == (fetched, outdated)
    assert names(path) == ALL


def test_a_folder_and_its_unfinished_parts_are_for_the_owner_only(source: Source, tmp_path: Path) -> None:
    """Folder, parts and the statement, which may name people, whatever the umask."""
    path = tmp_path / "visits"
    source.cut = {"02-b": 1}
    before = os.umask(0)
    try:
        with pytest.raises(ConnectionError):
            write(source, path)
        staged = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*")}
        source.cut = {}
        write(source, path)
    finally:
        os.umask(before)
    assert staged == {".visits.part": 0o700, "_request.json": 0o600, "part-01-a.parquet": 0o600}
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.iterdir()} == {0o600}


def test_a_damaged_note_of_the_request_begins_anew(source: Source, tmp_path: Path) -> None:
    """A machine that went down while it was written does not stop the next delivery."""
    (tmp_path / ".visits.part").mkdir()
    (tmp_path / ".visits.part" / "_request.json").write_text("")
    assert len(write(source, tmp_path / "visits")) == 3


def test_a_policy_that_never_rests_ends_in_an_error(source: Source, tmp_path: Path) -> None:
    """Parts under ever new terms are no dataset."""

    class Restless(Source):
        def _result(self, key: str) -> ArrivedTable:
            self.changed = {"policy_revision": key}
            return super()._result(key)

    with pytest.raises(FileProblem, match="policy kept changing"):
        write(Restless(), tmp_path / "visits")
    assert not (tmp_path / "visits").exists()


def test_a_new_delivery_replaces_the_folder_whole(source: Source, tmp_path: Path) -> None:
    """The older parts stand until the last new one is there, and none of them is left after."""
    path = tmp_path / "visits"
    write(source, path)
    (path / "part-00-gone.parquet").write_bytes((path / "part-01-a.parquet").read_bytes())
    source.cut = {"03-c": 0}
    with pytest.raises(ConnectionError):
        write(source, path)
    assert len(list(path.iterdir())) == 4
    source.cut = {}
    write(source, path)
    assert names(path) == ALL
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("left", [".visits.old", ".visits.part"])
def test_a_process_killed_while_replacing_leaves_nothing_that_stops_the_next(
    source: Source, tmp_path: Path, left: str
) -> None:
    """Between two renames the older folder stands beside the name: the next delivery cleans up."""
    path = tmp_path / "visits"
    write(source, path)
    path.rename(tmp_path / left)
    assert len(write(source, path)) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_replaced_returns_or_is_destroyed(source: Source, tmp_path: Path) -> None:
    """Before the new folder was in place the older one returns; after it the older one goes; what is not ours stays."""
    path, old = tmp_path / "visits", tmp_path / ".visits.old"
    write(source, path)
    path.rename(old)
    assert end_replacing(path) == frozenset()
    assert (names(path), old.exists()) == (ALL, False)
    shutil.copytree(path, old)
    (path / "_request.json").write_text("SELECT")
    assert end_replacing(path) == {f"entry-{key}" for key in KEYS}
    assert (old.exists(), (path / "_request.json").exists()) == (False, False)
    old.mkdir()
    (old / "letter.docx").write_text("dear")
    assert end_replacing(path) == frozenset()
    assert (old / "letter.docx").exists()


def test_a_folder_of_other_files_is_never_touched(source: Source, tmp_path: Path) -> None:
    """Nobody loses documents by naming their folder; twin: an empty folder is taken."""
    path = tmp_path / "documents"
    path.mkdir()
    check_directory(path)
    (path / "letter.docx").write_text("dear")
    for refused in (lambda: write(source, path), lambda: delete_directory(path)):
        with pytest.raises(FileProblem, match="no folder of parts"):
            refused()
    assert (path / "letter.docx").read_text() == "dear"
    assert source.fetched == []


@pytest.mark.parametrize("key", ["../x", "a/b", "A", "x" * 80, "a.b"])
def test_a_key_is_never_a_path(tmp_path: Path, key: str) -> None:
    """What a gateway calls a part cannot lead out of the folder."""
    part = FakePart(key=key, result=ArrivedTable(table=with_terms(pa.table({"n": [1]}))), fetched=lambda _: None)
    with pytest.raises(FileProblem, match="no valid key"):
        write_directory([part], path=tmp_path / "x", request=REQUEST, now=NOW, begun=lambda _: None)
    assert {file.name for file in tmp_path.rglob("*")} <= {".x.part", "_request.json"}


def test_deleting_leaves_nothing(source: Source, tmp_path: Path) -> None:
    """Parts, unfinished and replaced ones go; deleting what is not there is no error."""
    path = tmp_path / "visits"
    write(source, path)
    (tmp_path / ".visits.part").mkdir()
    (tmp_path / ".visits.old").mkdir()
    delete_directory(path)
    delete_directory(path)
    assert list(tmp_path.iterdir()) == []
