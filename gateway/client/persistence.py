"""Asking again when it was not the gateway that ended a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import grpc

from gateway.client.errors import RequestError, request_errors

_BACKOFF_SECONDS = (0.2, 0.8)
_LATE_TICKET = "TICKET_INVALID"
Sleep = Callable[[float], object]
"""Waits so many seconds."""
_Answer = TypeVar("_Answer")


def persist(ask: Callable[[], _Answer], *, sleep: Sleep) -> _Answer:
    """Return the answer to a call that only reads; ask three times at most.

    It is asked again when nobody was reached, or a ticket had run out. A gateway that says why it is unavailable is not: gRPC's
    own retries would ask it, too, and the log would hold three refusals.

    Raises:
        RequestError: The call failed.
    """
    for seconds in _BACKOFF_SECONDS:
        try:
            with request_errors():
                return ask()
        except RequestError as error:
            if not _may_be_asked_again(error):
                raise
        sleep(seconds)
    with request_errors():
        return ask()


def _may_be_asked_again(error: RequestError) -> bool:
    if error.status is grpc.StatusCode.UNAVAILABLE:
        return not error.reasons
    return any(reason.code == _LATE_TICKET for reason in error.reasons)
