"""What a page shows of something that it has done."""

from __future__ import annotations

from typing import NoReturn

import grpc
from starlette.responses import Response

from gateway.client import RequestError
from gateway.doors.console.outcome import outcome


def page(*, done: str = "", error: RequestError | None = None) -> Response:
    return Response(f"{done}|{error.text if error else ''}")


def test_what_was_done_is_told_from_the_answer() -> None:
    """Once, and after it was done."""
    assert outcome(lambda: 3, page=page, done=lambda count: f"{count} cut").body == b"3 cut|"


def test_what_the_gateway_refuses_is_told_as_it_says() -> None:
    """And nothing is said to be done."""

    def refused() -> NoReturn:
        raise RequestError(grpc.StatusCode.INVALID_ARGUMENT, "no such agreement")

    assert outcome(refused, page=page, done=lambda _: "done").body == b"|no such agreement"
