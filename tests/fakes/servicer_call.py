"""A call to a door in this process: its reader reads as slowly as a test likes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn


class CallAborted(Exception):
    """The door ended the call with an error; its text is the status'."""


class ServicerCall:
    """What a door sees of a call.

    Args:
        metadata: Its headers.
    """

    def __init__(self, metadata: Sequence[tuple[str, str]]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self._metadata

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> None:
        raise AssertionError("no call here takes that long")

    def abort_with_status(self, status: Any) -> NoReturn:
        raise CallAborted(status.details)
