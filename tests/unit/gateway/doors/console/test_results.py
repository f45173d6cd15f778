"""The queries of one session: few at a time, few kept, all of them gone at the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pyarrow as pa
import pytest

from gateway.client import Connection, IncompleteResult, RequestError
from gateway.doors.console.runs.results import KEPT_MAX, RUNNING_MAX, Refused, Results, Room
from gateway.doors.console.runs.run import Question, Run, State
from gateway.doors.console.runs.spool import Space, SpoolClosed

QUESTION = Question(sql="SELECT 1", purpose="p", title="t")
NOW = 1_000_000.0


def schema(*, expires_at: float = NOW + 100, emergency: str | None = None) -> pa.Schema:
    """Return a schema with the terms of a result."""
    terms = {
        "sharing.entry": "entry-1",
        "sharing.expires_at": str(int(expires_at)),
        "sharing.obligations": json.dumps({"emergency": emergency}),
    }
    return pa.schema([pa.field("n", pa.int64())], metadata=terms)


class FakeResult:
    """A result whose batches a test lets through."""

    def __init__(self, connection: FakeConnection) -> None:
        self._connection = connection
        self.schema = connection.schema
        self.receipt = {"rows": 20, "entry": "entry-1"}

    def __enter__(self) -> FakeResult:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def batches(self) -> Iterator[pa.RecordBatch]:
        for start in (0, 10):
            yield pa.record_batch([pa.array(range(start, start + 10))], schema=self.schema)
            self._connection.going_on.wait(10)
            if self._connection.cancelled.is_set():
                raise IncompleteResult(grpc.StatusCode.CANCELLED, "cancelled")
        if self._connection.error:
            raise self._connection.error


class FakeConnection:
    """A gateway that answers every query alike."""

    def __init__(self, *, held: bool = False, error: RequestError | None = None) -> None:
        self.going_on, self.cancelled = threading.Event(), threading.Event()
        self.error = error
        self.schema = schema()
        self.channel = SimpleNamespace()
        if not held:
            self.going_on.set()

    def query(self, sql: str, *, on_call: Callable[[Callable[[], object]], object], **_: Any) -> FakeResult:
        on_call(self._cancel)
        return FakeResult(self)

    def _cancel(self) -> None:
        self.cancelled.set()
        self.going_on.set()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(folder=tmp_path, space=Space(bytes_max=1 << 30), clock=lambda: NOW)


def start(results: Results, connection: FakeConnection) -> Run:
    """Ask, as a page does."""
    return results.start(cast(Connection, connection), QUESTION)


def ended(run: Run) -> Run:
    """Return a run once its thread has ended."""
    for thread in threading.enumerate():
        if thread.name == f"result-{run.id[:6]}":
            thread.join(10)
    return run


def test_a_result_is_complete_only_with_its_receipt(room: Room) -> None:
    """All rows are there, in order, and can be written to a file."""
    run = ended(start(Results(room), FakeConnection()))
    assert run.state is State.COMPLETE
    assert [n for batch in run.batches() for n in batch.column(0).to_pylist()] == list(range(20))
    assert next(run.batches()).schema.metadata == run.schema.metadata  # type: ignore[union-attr]


def test_rows_of_an_unfinished_result_are_shown_but_never_given_away(room: Room) -> None:
    """While it runs its first rows can be read; what writes files is refused them."""
    connection = FakeConnection(held=True)
    run = start(Results(room), connection)
    run.wait_for_rows(10)
    assert run.spool.rows == 10
    with pytest.raises(SpoolClosed):
        next(run.batches())
    connection.going_on.set()
    assert ended(run).state is State.COMPLETE


def test_a_cancelled_result_is_discarded(room: Room) -> None:
    """The call ends, and the rows that had come are gone."""
    connection = FakeConnection(held=True)
    run = start(Results(room), connection)
    run.wait_for_rows(10)
    run.cancel()
    assert connection.cancelled.is_set()
    assert ended(run).state is State.CANCELLED
    assert run.spool.rows == 0
    with pytest.raises(SpoolClosed):
        next(run.batches())


def test_a_result_that_was_cut_is_discarded(room: Room) -> None:
    """What came of a stream that broke off is not kept; the reason is."""
    error = IncompleteResult(grpc.StatusCode.DATA_LOSS, "cut")
    run = ended(start(Results(room), FakeConnection(error=error)))
    assert run.state is State.FAILED
    assert run.error is error
    assert run.spool.rows == 0


def test_a_result_that_is_too_large_says_so(tmp_path: Path) -> None:
    """The requester is told what to do, in both languages."""
    small = Room(folder=tmp_path, result_bytes_max=10, clock=lambda: NOW)
    run = ended(start(Results(small), FakeConnection()))
    assert run.state is State.FAILED
    assert run.error is not None
    assert "筛选条件" in run.error.remedy.zh


def test_only_so_many_run_at_a_time(room: Room) -> None:
    """One more is refused with a clear message; when one is cancelled it may start."""
    results, connections = Results(room), [FakeConnection(held=True) for _ in range(RUNNING_MAX)]
    runs = [start(results, connection) for connection in connections]
    with pytest.raises(Refused) as refused:
        start(results, FakeConnection())
    assert str(RUNNING_MAX) in refused.value.text.zh
    runs[0].cancel()
    ended(runs[0])
    assert ended(start(results, FakeConnection())).state is State.COMPLETE
    results.close()


def test_the_console_runs_only_so_many_for_all(room: Room) -> None:
    """Another session waits its turn when the console is full."""
    while room.running.acquire(blocking=False):
        pass
    with pytest.raises(Refused):
        start(Results(room), FakeConnection())
    room.running.release()
    assert ended(start(Results(room), FakeConnection())).state is State.COMPLETE


def test_the_oldest_result_makes_room(room: Room) -> None:
    """It is still listed, and says why its rows are gone."""
    results = Results(room)
    runs = [ended(start(results, FakeConnection())) for _ in range(KEPT_MAX + 1)]
    assert (runs[0].state, runs[0].why_closed) == (State.CLOSED, "room")
    assert all(run.state is State.COMPLETE for run in runs[1:])
    assert results.newest_first() == runs[::-1]


def test_everything_is_gone_at_the_end_of_the_session(room: Room) -> None:
    """Running queries are cancelled, rows are freed, and nothing can start any more."""
    results, held = Results(room), FakeConnection(held=True)
    complete, running = ended(start(results, FakeConnection())), start(results, held)
    results.close()
    assert held.cancelled.is_set()
    assert (complete.spool.size, ended(running).spool.size) == (0, 0)
    assert room.space.take(1 << 30)
    assert results.find(complete.id) is None
    with pytest.raises(Refused):
        start(results, FakeConnection())


def test_an_expired_result_is_closed(room: Room) -> None:
    """Nobody reads it after the moment by which it must be destroyed."""
    connection = FakeConnection()
    connection.schema = schema(expires_at=NOW)
    results = Results(room)
    run = ended(start(results, connection))
    assert results.find(run.id) is run
    assert (run.state, run.why_closed, run.spool.rows) == (State.CLOSED, "expired", 0)


@pytest.mark.parametrize("owed", [True, False])
def test_a_result_ends_with_its_emergency(room: Room, monkeypatch: pytest.MonkeyPatch, owed: bool) -> None:
    """The gateway says what is owed; a result that is not is kept."""
    entries = [SimpleNamespace(entry_id="entry-1" if owed else "entry-2")]
    answer = SimpleNamespace(owed=entries)
    stub = SimpleNamespace(ListOwedDestructions=lambda *_, **__: answer)
    monkeypatch.setattr(
        "gateway.doors.console.runs.results.governance_pb2_grpc.GovernanceServiceStub", lambda channel: stub
    )
    connection = FakeConnection()
    connection.schema = schema(emergency="flood")
    results = Results(room)
    run = ended(start(results, connection))
    gateway = cast(Connection, SimpleNamespace(channel=None, headers=tuple))
    results.sweep(gateway)
    assert (run.why_closed == "emergency") is owed


def test_another_session_finds_nothing(room: Room) -> None:
    """A result is known only to the session that asked, under an id that cannot be guessed."""
    mine, other = Results(room), Results(room)
    run = ended(start(mine, FakeConnection()))
    assert mine.find(run.id) is run
    assert other.find(run.id) is None
    assert len(run.id) >= 20


def test_failed_queries_take_no_results_place(room: Room) -> None:
    """However many fail, what is complete stays; of the failed only the newest are listed."""
    results = Results(room)
    complete = [ended(start(results, FakeConnection())) for _ in range(KEPT_MAX)]
    error = RequestError(grpc.StatusCode.PERMISSION_DENIED, "denied")
    failed = [ended(start(results, FakeConnection(error=error))) for _ in range(20)]
    assert all(run.state is State.COMPLETE for run in complete)
    assert len(results.newest_first()) < KEPT_MAX + len(failed)
    assert results.find(failed[-1].id) is failed[-1]
