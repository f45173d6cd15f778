"""Stop a delivery when what it was allowed on no longer holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.errors import Bug, DatasetUnavailable, Denied, GatewayError, Unavailable
from gateway.model.cancellation import Cancellation

PERIOD_SECONDS = 0.5
"""Time ends emergencies, agreements and purposes without a change of any register."""
COUNT_SECONDS = 5.0
_AT_ONCE = 4
_UNANSWERED_MAX = 1


@dataclass(slots=True, kw_only=True)
class _Watched:
    cancellation: Cancellation
    ask_again: Callable[[], None]
    unanswered: int = 0
    """How often in a row the question could not be answered."""


class Watch:
    """Asks again about every running query: at once after a change of a register or policy, and twice a second.

    An answer that cannot be had is asked for once more; without it, the query is stopped as well.
    """

    def __init__(self, *, period_seconds: float = PERIOD_SECONDS) -> None:
        self._period_seconds = period_seconds
        self._lock = threading.Lock()
        self._running: dict[Cancellation, _Watched] = {}
        self._round = threading.Condition(self._lock)
        self._begun = 0
        self._done = 0
        self._askers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask-again")
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @contextmanager
    def running(self, cancellation: Cancellation, *, ask_again: Callable[[], None]) -> Iterator[None]:
        """Watch a query. When `ask_again` raises an error, it becomes the cause of the cancellation."""
        with self._lock:
            self._running[cancellation] = _Watched(cancellation=cancellation, ask_again=ask_again)
        try:
            yield
        finally:
            with self._lock:
                del self._running[cancellation]

    def changed(self) -> None:
        """Ask about every query now."""
        self._wake.set()

    def count_stopped(self, change: Callable[[], object]) -> int:
        """Make a change of a register; return how many of the running queries have been refused once all were asked about.

        It waits for the answers `COUNT_SECONDS` at most; what is stopped later is not counted.
        """
        with self._lock:
            running = [cancellation for cancellation in self._running if not cancellation.cancelled]
        change()
        with self._round:
            asked = self._begun + 1
            self._wake.set()
            self._round.wait_for(lambda: self._done >= asked or self._closed, COUNT_SECONDS)
        return sum(isinstance(cancellation.cause, Denied) for cancellation in running)

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        self._wake.set()
        self._thread.join()
        self._askers.shutdown(cancel_futures=True)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._period_seconds)
            self._wake.clear()
            with self._lock:
                self._begun += 1
                running = list(self._running.values())
            list(self._askers.map(_ask, running))
            with self._round:
                self._done = self._begun
                self._round.notify_all()


def _ask(watched: _Watched) -> None:
    """Ask about one query."""
    if watched.cancellation.cancelled:
        return
    try:
        watched.ask_again()
        watched.unanswered = 0
    except DatasetUnavailable as error:
        watched.cancellation.cancel(error)
    except Unavailable as error:
        watched.unanswered += 1
        if watched.unanswered > _UNANSWERED_MAX:
            watched.cancellation.cancel(error)
    except GatewayError as error:
        watched.cancellation.cancel(error)
    except Exception as error:  # noqa: BLE001 - the thread must outlive what one query does to it
        watched.cancellation.cancel(Bug(type(error).__name__))
