"""A gateway that kills itself on its way: `python -m tests.faults.audit.dying_gateway CONFIG POINT COUNT`.

The process ends, as by a SIGKILL from outside, when any query reaches the point for the COUNT-th time.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway import closing, query_path
from gateway.serve import main

ENTERING = {
    "authenticate": "authenticate",
    "parse": "parse",
    "resolve": "resolve",
    "decide": "decide",
    "rewrite": "rewrite",
    "audit": "record_intent",
    "scan": "scan",
    "execute": "execute",
    "release": "release",
    "deliver": "deliver",
    "receipt": "record_receipt",
}
"""Points by the function of the query path whose beginning they are."""
DELIVERING = "delivering"
"""The first message has been sent."""
RECEIPT_DURABLE = "receipt_durable"
"""The receipt is in the log, and not yet sent."""
POINTS = (*ENTERING, DELIVERING, RECEIPT_DURABLE)


def arm(point: str, *, count: int) -> None:
    """Make the query path of this process deadly."""
    arrivals = itertools.count(1)

    def arrive() -> None:
        if next(arrivals) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    def entering(function: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*arguments: Any, **named: Any) -> Any:
            arrive()
            return function(*arguments, **named)

        return deadly

    def leaving(function: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*arguments: Any, **named: Any) -> Any:
            result = function(*arguments, **named)
            arrive()
            return result

        return deadly

    def between(function: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        def deadly(*arguments: Any, **named: Any) -> Iterator[bytes]:
            messages = function(*arguments, **named)
            yield next(messages)
            arrive()
            yield from messages

        return deadly

    if point == DELIVERING:
        name, deadly = "deliver", between
    elif point == RECEIPT_DURABLE:
        name, deadly = "record_receipt", leaving
    else:
        name, deadly = ENTERING[point], entering
    module = closing if name == "record_receipt" else query_path
    setattr(module, name, deadly(getattr(module, name)))


if __name__ == "__main__":
    arm(sys.argv[2], count=int(sys.argv[3]))
    status = main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(status)
