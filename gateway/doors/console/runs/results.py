"""The results of one session, and what all sessions share."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from catalog.dataset import Text
from gateway.client import Connection, RequestError, request_errors
from gateway.doors.console.downloads import delete_unfinished
from gateway.doors.console.runs.run import Question, Run, Source, State
from gateway.doors.console.runs.spool import Space, Spool
from gateway.doors.console.settings import ConsoleSettings
from gateway.doors.console.sign_in_texts import Ending, ending_of
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

RUNNING_MAX = 3
"""Queries of one session at a time."""
KEPT_MAX = 8
"""Complete results of one session; the oldest makes room for one more."""
_UNSUCCESSFUL_MAX = 8
_CLOSED_MAX = 16
"""Runs without rows that are still listed; the oldest are forgotten."""
_RUNNING_MAX_OF_ALL = 24
_WRITING_MAX = 2
_DRAWING_MAX = 2
_VERIFYING_MAX = 2
_ID_BYTES = 16
_OWED_SECONDS = 30
"""How often the gateway is asked whether the emergencies of results have ended."""


class Refused(Exception):
    """A query cannot start now; `text` says why and what to do.

    Args:
        zh: Chinese.
        en: English.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.text = Text(zh=zh, en=en)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the results of all sessions share."""

    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    """On whose disk they wait."""
    space: Space = field(default_factory=lambda: Space(bytes_max=16 << 30))
    result_bytes_max: int = 2 << 30
    running: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_RUNNING_MAX_OF_ALL))
    writing: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_WRITING_MAX))
    """Held while a file is made."""
    drawing: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_DRAWING_MAX))
    """Held while pictures are drawn."""
    verifying: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_VERIFYING_MAX))
    """Held while a copy of the access log is verified."""
    clock: Callable[[], float] = time.time
    """Seconds since 1970-01-01 UTC."""

    @classmethod
    def of(cls, settings: ConsoleSettings, *, clock: Callable[[], float]) -> Room:
        """Return the room that a console's settings allow. Raises OSError when its folder cannot be made."""
        settings.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        delete_unfinished(settings.directory)
        return cls(
            folder=settings.directory,
            space=Space(bytes_max=settings.results_bytes_max),
            result_bytes_max=settings.result_bytes_max,
            clock=clock,
        )


class Results:
    """The results of one session. Safe from any thread.

    Args:
        room: Of the console.
    """

    def __init__(self, room: Room | None = None) -> None:
        self.room = room or Room()
        """Of the console."""
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._closed = False
        self._asked_at = 0.0

    def start(
        self,
        source: Source,
        question: Question,
        *,
        taken: Callable[[], object] = lambda: None,
        note: Text | None = None,
    ) -> Run:
        """Ask in a thread of its own.

        Args:
            source: Answers it, such as the requester's connection.
            question: What is asked.
            taken: Called when the rows were taken along as a file.
            note: Shown with the result.

        Raises:
            Refused: Too many run already, or the disk takes no file.
        """
        room = self.room
        with self._lock:
            self._check()
            if not room.running.acquire(blocking=False):
                raise Refused(
                    "控制台正在运行的查询过多，请稍后再试。",
                    "Too many queries run on this console; try again in a moment.",
                )
            try:
                run = self._new_run(question, taken=taken, note=note)
            except OSError as error:
                room.running.release()
                raise Refused(
                    "控制台磁盘已满，查询没有开始。请关闭不再需要的结果，稍后再试。",
                    "The console's disk is full, nothing was asked. Close results that are no longer needed and try again.",
                ) from error
            self._runs[run.id] = run
        threading.Thread(target=self._run, args=(run, source), daemon=True, name=f"result-{run.id[:6]}").start()
        return run

    def find(self, name: str) -> Run | None:
        """Return a result; None when this session has none of that id."""
        with self._lock:
            run = self._runs.get(name)
        if run is not None:
            self._close_expired(run)
        return run

    def newest_first(self) -> list[Run]:
        """Return all, also those whose rows are not kept any more."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            self._close_expired(run)
        return runs[::-1]

    def remove(self, run: Run) -> None:
        """Close a result and forget it."""
        with self._lock:
            self._runs.pop(run.id, None)
        run.close()

    def ending(self) -> Ending | None:
        """Return why the session must end, as the gateway's refusal of one of its queries says; None when it may go on."""
        with self._lock:
            errors = [run.error for run in self._runs.values() if run.error is not None]
        return next((ending for ending in map(ending_of, errors) if ending is not None), None)

    def close_expired(self) -> None:
        """Close what has expired; the gateway is not asked."""
        self.newest_first()

    def sweep(self, connection: Connection) -> None:
        """Close what may not be kept any longer: it has expired, or the emergency that opened it has ended.

        Raises:
            RequestError: The gateway does not know the requester any more.
        """
        kept = [run for run in self.newest_first() if run.state is State.COMPLETE]
        of_emergencies = [run for run in kept if run.emergency()]
        now = self.room.clock()
        if not of_emergencies or now < self._asked_at + _OWED_SECONDS:
            return
        self._asked_at = now
        owed = governance_pb2_grpc.GovernanceServiceStub(connection.channel).ListOwedDestructions
        try:
            with request_errors():
                answer = owed(governance_pb2.ListOwedDestructionsRequest(), metadata=connection.headers(), timeout=5)
        except ValueError:  # the session has just ended, and its channel with it
            return
        except RequestError as error:
            if ending_of(error) is not None:
                raise
            return  # it is asked again
        entries = {one.entry_id for one in answer.owed}
        for run in of_emergencies:
            if run.entry() in entries:
                run.close("emergency")

    def close(self) -> None:
        """Close all; none can start any more."""
        with self._lock:
            runs, self._runs, self._closed = list(self._runs.values()), {}, True
        for run in runs:
            run.close()

    def _check(self) -> None:
        if self._closed:
            raise Refused("会话已结束，请重新登录。", "The session has ended; sign in again.")
        running = [run for run in self._runs.values() if run.state is State.RUNNING]
        if len(running) >= RUNNING_MAX:
            raise Refused(
                f"已有 {RUNNING_MAX} 个查询正在运行。请等其中一个完成，或在“查询结果”页取消一个。",
                f"{RUNNING_MAX} queries are running already. Wait for one of them, or cancel one on the page 'Results'.",
            )
        self._forget(_UNSUCCESSFUL_MAX, State.FAILED, State.CANCELLED)
        self._forget(_CLOSED_MAX, State.CLOSED)

    def _in(self, *states: State) -> list[Run]:
        return [run for run in self._runs.values() if run.state in states]

    def _forget(self, most: int, *states: State) -> None:
        runs = self._in(*states)
        for run in runs[: max(0, len(runs) - most)]:
            del self._runs[run.id]

    def _make_room(self) -> None:
        """Close the oldest complete results beyond what may be kept: only one that is complete takes another's place."""
        with self._lock:
            complete = self._in(State.COMPLETE)
        for run in complete[: max(0, len(complete) - KEPT_MAX)]:
            run.close("room")

    def _new_run(self, question: Question, *, taken: Callable[[], object], note: Text | None) -> Run:
        room = self.room
        return Run(
            id=secrets.token_urlsafe(_ID_BYTES),
            question=question,
            taken=taken,
            note=note,
            spool=Spool(room.folder, space=room.space, bytes_max=room.result_bytes_max),
            clock=room.clock,
            started_at=room.clock(),
        )

    def _run(self, run: Run, source: Source) -> None:
        try:
            run.run(source)
            self._make_room()
        finally:
            self.room.running.release()

    def _close_expired(self, run: Run) -> None:
        until = run.expires_at()
        if until is not None and until <= self.room.clock() and run.state is not State.CLOSED:
            run.close("expired")
