"""Saved queries are their requester's alone, and nobody reads them in the file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.doors.console.draft import Draft
from gateway.doors.console.saved_queries import SAVED_MAX, SQL_MAX, TITLE_MAX, SavedProblem, SavedQueries

GATEWAY = "grpc://127.0.0.1:8815"
SQL = "SELECT name FROM population.resident WHERE resident_id = '310101194001011234'"
QUERY = Draft(sql=SQL, purpose="elderly-care-visits", case="HP-2026-0042", title="张阿婆的住址")


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SavedQueries]:
    store = SavedQueries(tmp_path / "console", gateway=GATEWAY, clock=clock)
    yield store
    store.close()


def test_a_saved_query_comes_back_as_it_was(store: SavedQueries) -> None:
    """Title, statement, purpose and case are kept; the one used last stands first."""
    mine = store.of("clerk.a")
    first = mine.add(QUERY)
    second = mine.add(replace(QUERY, title="第二个"))
    assert [one.id for one in mine.all()] == [second, first]
    assert mine.get(first).query == QUERY
    assert mine.get(first).last_run_at is None
    mine.ran(first)
    assert [one.id for one in mine.all()] == [first, second]
    assert mine.get(first).last_run_at == 1_700_000_003
    mine.rename(first, "第一个")
    assert mine.query(first) == replace(QUERY, title="第一个")
    mine.delete(first)
    assert [one.id for one in mine.all()] == [second]


def test_saved_queries_outlive_the_console(store: SavedQueries, tmp_path: Path, clock: Clock) -> None:
    """Another start reads them with the key in the file."""
    id = store.of("clerk.a").add(QUERY)
    store.close()
    again = SavedQueries(tmp_path / "console", gateway=GATEWAY, clock=clock)
    assert again.of("clerk.a").query(id) == QUERY
    again.close()


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "twin-in-clear"])
def test_the_files_hold_no_statement(
    store: SavedQueries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sealed: bool
) -> None:
    """Who reads the files finds neither statement, case nor title; with sealing off, the same look finds them."""
    if not sealed:
        monkeypatch.setattr(SavedQueries, "seal", lambda self, query, *, name: repr(query).encode())
    id = store.of("clerk.a").add(QUERY)
    store.of("clerk.a").add(replace(QUERY, title="other"))
    store.of("clerk.a").delete(id)
    read = b"".join(file.read_bytes() for file in (tmp_path / "console").iterdir())
    found = [word for word in ("310101194001011234", "HP-2026-0042", "population.resident") if word.encode() in read]
    assert bool(found) is not sealed


def test_only_the_owner_of_the_account_reads_the_files(store: SavedQueries, tmp_path: Path) -> None:
    """The folder has mode 0700 and every file in it 0600, also when they were there with more."""
    folder = tmp_path / "console"
    folder.mkdir(mode=0o755)
    (folder / "saved.db").touch(mode=0o644)
    store.of("clerk.a").add(QUERY)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {
        "saved.db": 0o600,
        "saved.key": 0o600,
    }


def test_nobody_reaches_anothers_query(store: SavedQueries) -> None:
    """Another requester neither sees nor opens, renames, runs or deletes it; not even the same name at another gateway."""
    mine = store.of("clerk.a")
    id = mine.add(QUERY)
    elsewhere = SavedQueries(store._folder, gateway="grpc://127.0.0.1:9", clock=store.clock)
    for other in (store.of("clerk.b"), elsewhere.of("clerk.a")):
        assert other.all() == []
        for attempt in (other.get, other.query, other.ran, other.delete, lambda id, other=other: other.rename(id, "x")):
            with pytest.raises(SavedProblem, match="no such saved query"):
                attempt(id)
    elsewhere.close()
    assert mine.query(id) == QUERY


def test_a_row_moved_to_another_requester_cannot_be_read(store: SavedQueries) -> None:
    """Who may write the database but has no key cannot make a query somebody else's: it opens under its own name only."""
    id = store.of("clerk.a").add(QUERY)
    with store.engine.begin() as database:
        database.exec_driver_sql("UPDATE saved_queries SET subject = 'clerk.b'")
    assert store.of("clerk.b").get(id).query is None
    with pytest.raises(SavedProblem):
        store.of("clerk.b").query(id)


def test_a_lost_key_leaves_what_can_be_deleted(store: SavedQueries, tmp_path: Path, clock: Clock) -> None:
    """The list still opens, and says of each that it cannot be read."""
    id = store.of("clerk.a").add(QUERY)
    store.close()
    (tmp_path / "console" / "saved.key").write_bytes(os.urandom(32))
    again = SavedQueries(tmp_path / "console", gateway=GATEWAY, clock=clock)
    assert [one.query for one in again.of("clerk.a").all()] == [None]
    again.of("clerk.a").delete(id)
    assert again.of("clerk.a").all() == []
    again.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (replace(QUERY, title=""), "title"),
        (replace(QUERY, sql=""), "no query yet"),
        (replace(QUERY, title="长" * (TITLE_MAX + 1)), "title has at most 80"),
        (replace(QUERY, sql="x" * (SQL_MAX + 1)), "query has at most 65,536"),
        (replace(QUERY, purpose="x" * 201), "purpose has at most 200"),
        (replace(QUERY, case="x" * 201), "case number has at most 200"),
    ],
)
def test_texts_are_there_and_have_an_end(store: SavedQueries, query: Draft, said: str) -> None:
    """What is missing or too long is said, and nothing is saved."""
    with pytest.raises(SavedProblem, match=said):
        store.of("clerk.a").add(query)
    assert store.of("clerk.a").all() == []


def test_nobody_saves_without_end(store: SavedQueries) -> None:
    """The 201st is refused; another requester still saves."""
    mine = store.of("clerk.a")
    for _ in range(SAVED_MAX):
        mine.add(QUERY)
    with pytest.raises(SavedProblem, match="200 saved queries"):
        mine.add(QUERY)
    assert len(mine.all()) == SAVED_MAX
    store.of("clerk.b").add(QUERY)
