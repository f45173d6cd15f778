"""Stopping a query from outside, whichever stage it is in."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Cancellation:
    """Runs what stages ask to be run when the recipient goes away. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False
        self._cause: Exception | None = None

    @property
    def cause(self) -> Exception | None:
        """Why the query was stopped; None when the recipient went away."""
        return self._cause

    @property
    def cancelled(self) -> bool:
        """Whether the query was cancelled."""
        return self._cancelled

    def add(self, callback: Callable[[], None]) -> None:
        """Run `callback` on cancellation; at once when that has happened already. It may run more than once."""
        with self._lock:
            self._callbacks.append(callback)
            late = self._cancelled
        if late:
            callback()

    def cancel(self, cause: Exception | None = None) -> None:
        """Cancel the query; also after its end, and more than once. The first call says why."""
        with self._lock:
            if not self._cancelled:
                self._cause = cause
            self._cancelled = True
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback()
