"""What became of something that a page has the gateway do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.responses import Response

from gateway.client import RequestError

_Answer = TypeVar("_Answer")


def outcome(
    act: Callable[[], _Answer], *, page: Callable[..., Response], done: Callable[[_Answer], object]
) -> Response:
    """Have something done, and show the page with it.

    Args:
        act: Asks the gateway, such as `lambda: visit.call(…)`.
        page: Shows the page, with `done=` what was done or `error=` why it was not.
        done: Says what was done, from what the gateway answered.
    """
    try:
        answer = act()
    except RequestError as error:
        return page(error=error)
    return page(done=done(answer))
