"""One query that runs, or has run, and the rows that it brought."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

import grpc
import pyarrow as pa

from catalog.dataset import Text
from gateway.client import RequestError, request_errors
from gateway.client.connection import OnCall
from gateway.client.errors import ErrorReason
from gateway.client.files.cover_sheet import terms_of
from gateway.client.result import OnProgress, Result
from gateway.doors.console.runs.spool import Spool, SpoolClosed, SpoolFull

if TYPE_CHECKING:
    from gateway.doors.console.results.charts import Choices
    from gateway.doors.console.results.columns import Column

_TOO_LARGE = {
    "message_zh": "结果超过控制台一次可保存的大小，已放弃。",
    "message_en": "The result is larger than the console can keep, and was given up.",
    "remedy_zh": "请加上筛选条件、少选几列，或改为按区域、类别汇总；确需全部数据的，请联系管理员用命令行分片取数。",
    "remedy_en": "Add filters, choose fewer columns or ask for totals; who needs all of it asks the administrator for a "
    "delivery in parts by the command line.",
}
_DISK_FULL = {
    "message_zh": "控制台的磁盘空间已被其他结果占满。",
    "message_en": "The console's disk is taken by other results.",
    "remedy_zh": "请关闭不再需要的结果，稍后重试。",
    "remedy_en": "Close results that are no longer needed and try again later.",
}


Why = Literal["", "room", "expired", "emergency", "destroyed"]
"""Why rows are not kept any more: others came, or the time, the emergency or the requester said so."""


_ROWS_BEFORE_LOOK = 50_000
_LOOK_SECONDS_MAX = 1.0
"""A large result waits so long for its first look, or rows nobody sees yet would take the time of those that open the page."""


class State(StrEnum):
    """How far a run has come."""

    RUNNING = "running"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    FAILED = "failed"
    CLOSED = "closed"
    """Its rows are not kept any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, and under which name it is found again."""

    sql: str
    purpose: str
    case: str = ""
    title: str = ""
    partial: bool = False


class Source(Protocol):
    """Answers a question: a connection, or what has an answer ready."""

    def query(
        self, sql: str, *, purpose: str, case: str, partial: bool, on_progress: OnProgress, on_call: OnCall
    ) -> Result:
        """Return the result. Raises RequestError."""
        ...


@dataclass(slots=True, kw_only=True)
class Run:
    """One query. A thread of its own runs it; the others look at it."""

    id: str
    """Random, known only inside its session."""
    question: Question
    spool: Spool
    clock: Callable[[], float]
    started_at: float
    """Seconds since 1970-01-01 UTC."""
    state: State = State.RUNNING
    schema: pa.Schema | None = None
    """With the terms, once the first row is there."""
    receipt: Mapping[str, Any] = field(default_factory=dict)
    """The gateway's; empty until the result is complete."""
    error: RequestError | None = None
    size: int = 0
    """Bytes that came, as the network brought them."""
    ended_at: float | None = None
    why_closed: Why = ""
    columns: tuple[Column, ...] | None = None
    """What the page made of the schema."""
    choices: Choices | None = None
    """What the page found that can be drawn."""
    taken: Callable[[], object] = lambda: None
    """Called when its rows were taken along as a file."""
    note: Text | None = None
    """Shown with it."""
    looked_at: threading.Event = field(default_factory=threading.Event)
    """Somebody has read rows of it, or waited for it long enough."""
    _cancel: Callable[[], object] = lambda: None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _begun: threading.Event = field(default_factory=threading.Event)

    def run(self, source: Source) -> None:
        """Ask, and keep every batch; called once, in the run's own thread."""
        try:
            with request_errors():
                self._run(source)
            self._end(State.COMPLETE)
        except RequestError as error:
            self._end(State.FAILED, error=error)
        except SpoolFull as full:
            self._end(State.FAILED, error=_failure(_TOO_LARGE if full.here else _DISK_FULL))
        except SpoolClosed:
            self._end(State.CANCELLED)
        except Exception as error:  # noqa: BLE001 - the end of a thread: whatever happened, the requester must be told
            self._end(State.FAILED, error=RequestError(grpc.StatusCode.INTERNAL, type(error).__name__))

    def wait_for_rows(self, seconds_max: float) -> None:
        """Wait until the first rows are there, or it has ended."""
        self._begun.wait(seconds_max)

    def cancel(self) -> None:
        """End the call; what came of it is discarded."""
        self._end(State.CANCELLED)

    def close(self, why: Why = "") -> None:
        """Let go of the rows."""
        self._end(State.CANCELLED)
        with self._lock:
            self.why_closed = why
            self.state = State.CLOSED
        self.spool.close()

    def seconds(self) -> float:
        """Return how long it took, or has taken until now."""
        return (self.ended_at or self.clock()) - self.started_at

    def denied(self) -> bool:
        """Tell whether the policy said no."""
        return self.error is not None and self.error.status is grpc.StatusCode.PERMISSION_DENIED

    def expires_at(self) -> int | None:
        """Return until when it may be kept, seconds since 1970-01-01 UTC; None as long as nothing came."""
        terms = self.terms()
        return int(terms["sharing.expires_at"]) if terms else None

    def terms(self) -> dict[str, str]:
        """Return the terms that the result carries, keys `sharing.…`; empty as long as nothing came."""
        return terms_of(self.schema) if self.schema is not None else {}

    def entry(self) -> str:
        """Return the id of the audit entry; empty as long as nothing came."""
        return self.terms().get("sharing.entry", "")

    def emergency(self) -> str | None:
        """Return the id of the emergency that opened it, if one did."""
        emergency: str | None = json.loads(self.terms().get("sharing.obligations", "{}")).get("emergency")
        return emergency

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows with the terms in their schema, once it is complete: what the writers of files take.

        Raises:
            SpoolClosed: They are not kept any more, or not complete.
        """
        if self.state is not State.COMPLETE or self.schema is None:
            raise SpoolClosed
        for batch in self.spool.batches():
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    def _run(self, source: Source) -> None:
        question = self.question
        with source.query(
            question.sql,
            purpose=question.purpose,
            case=question.case,
            partial=question.partial,
            on_progress=self._progress,
            on_call=self._called,
        ) as result:
            self.schema = result.schema
            for batch in result.batches():
                self.spool.append(batch)
                self._begun.set()
                if self.spool.rows >= _ROWS_BEFORE_LOOK:
                    self.looked_at.wait(_LOOK_SECONDS_MAX)
                    self.looked_at.set()
            self.receipt = result.receipt

    def _called(self, cancel: Callable[[], object]) -> None:
        with self._lock:
            self._cancel = cancel
            wanted = self.state is State.RUNNING
        if not wanted:
            cancel()

    def _progress(self, _: int, size: int) -> None:
        self.size = size

    def _end(self, state: State, *, error: RequestError | None = None) -> None:
        with self._lock:
            if self.state is not State.RUNNING:
                return
            self.error, self.ended_at = error, self.clock()
            self.state = state  # last: who sees it finds what belongs to it
            self._begun.set()
        if state is not State.COMPLETE:
            self.looked_at.set()
            self._cancel()
            self.spool.close()


def _failure(texts: dict[str, str]) -> RequestError:
    return RequestError(
        grpc.StatusCode.RESOURCE_EXHAUSTED, texts["message_en"], (ErrorReason(code="CONSOLE_ROOM", texts=texts),)
    )
