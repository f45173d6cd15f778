"""Calls that end by their deadline, whatever happens inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Generic, TypeVar

from gateway.errors import Unavailable
from gateway.messages import Reason

_Resource = TypeVar("_Resource")
_Result = TypeVar("_Result")


class Workers(Generic[_Resource]):
    """A thread for each resource; a resource is used by one call at a time.

    Args:
        resources: What calls work on, one per thread.
        abandon: Called when a call is given up, from another thread, to make it end soon.
    """

    def __init__(self, resources: Sequence[_Resource], *, abandon: Callable[[_Resource], None]) -> None:
        self._idle: SimpleQueue[_Resource] = SimpleQueue()
        for resource in resources:
            self._idle.put(resource)
        self._abandon = abandon
        self._threads = ThreadPoolExecutor(max_workers=len(resources), thread_name_prefix="decide")

    def run(self, call: Callable[[_Resource], _Result], *, deadline_seconds: float) -> _Result:
        """Return what `call` returns. Waiting for a free thread counts against the deadline.

        Raises:
            Unavailable: `POLICY_SLOW` at the deadline, `POLICY_UNAVAILABLE` after `close`; or what `call` raises.
        """
        used: list[_Resource] = []

        def task() -> _Result:
            resource = self._idle.get()
            used.append(resource)
            try:
                return call(resource)
            finally:
                self._idle.put(resource)

        try:
            future = self._threads.submit(task)
        except RuntimeError as error:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal="the policy engine is closed") from error
        try:
            return future.result(deadline_seconds)
        except TimeoutError as error:
            if not future.cancel() and used and not future.done():
                self._abandon(used[0])
            raise Unavailable(Reason.POLICY_SLOW, internal=f"no answer in {deadline_seconds} s") from error

    def close(self) -> None:
        """Take no more calls; running ones end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)
