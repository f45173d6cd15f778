"""Few calls of a kind at a time, and none for longer than somebody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc

from catalog.registry import RegistrationRefused
from gateway.doors.call import seconds_left
from gateway.errors import TooLarge
from gateway.messages import Reason

_Answer = TypeVar("_Answer")
TURNS_MAX = 4
"""Registrations at the same time, and heartbeats likewise: together half of the threads that streams can never take."""
DEPARTMENT_TURNS_MAX = 2
"""The same of one department, so that no token keeps the others out."""


class Turns:
    """Lets few calls run at a time. Nobody waits: who gets no turn is refused, and comes again.

    Args:
        all_max: How many run.
        own_max: Of one department or requester.
    """

    def __init__(self, *, all_max: int, own_max: int) -> None:
        self._all_max = all_max
        self._own_max = own_max
        self._taken: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    @contextmanager
    def take(self, owner: str, *, id: str = "") -> Iterator[None]:
        """Run the block, unless too many run.

        Args:
            owner: Whose turn it is: a department or requester.
            id: Of what runs one at a time; empty when the owner's turns are all alike.

        Raises:
            TooLarge: Not now.
        """
        turn = (owner, id)
        with self._lock:
            own = [one for one in self._taken if one[0] == owner]
            if (id and turn in own) or len(own) >= self._own_max or len(self._taken) >= self._all_max:
                raise TooLarge(Reason.BUSY)
            self._taken.append(turn)
        try:
            yield
        finally:
            with self._lock:
                self._taken.remove(turn)


class CallTime:
    """How long a call may go on: to its deadline or ours, and while its caller is there.

    Args:
        context: The call.
        seconds_max: Our deadline.
    """

    def __init__(self, context: grpc.ServicerContext, *, seconds_max: float) -> None:
        self._context = context
        self._ends_at = time.monotonic() + seconds_left(context, seconds_max=seconds_max)

    def seconds(self, seconds_max: float) -> float:
        """Return how long the next step may take, at most `seconds_max`.

        Raises:
            RegistrationRefused: The time is over, or nobody waits any more.
        """
        seconds = min(seconds_max, self._ends_at - time.monotonic())
        if seconds <= 0 or not self._context.is_active():
            raise _over()
        return seconds

    def result(self, asked: grpc.Future[_Answer]) -> _Answer:
        """Wait for what a connector was asked, until the caller goes away.

        Raises:
            grpc.RpcError: It does not answer.
            RegistrationRefused: Nobody waits any more.
        """
        if not self._context.add_callback(asked.cancel):  # type: ignore[arg-type] # what it returns is ignored
            asked.cancel()
        try:
            return asked.result()
        except grpc.FutureCancelledError:
            raise _over() from None


def _over() -> RegistrationRefused:
    return RegistrationRefused(
        "限定时间内未能完成对连接器的检查", "the connector could not be looked at within the time of the call"
    )
