"""A deadline for calls that would wait for ever."""

from __future__ import annotations

from typing import Any, NamedTuple

import grpc


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Any
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


class AnswerDeadline(grpc.UnaryUnaryClientInterceptor):
    """Gives every call with one answer a deadline, unless it has one.

    Args:
        seconds: After which it ends with DEADLINE_EXCEEDED.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """Make the call."""
        given = client_call_details
        details = _Details(
            method=given.method,
            timeout=self._seconds if given.timeout is None else given.timeout,
            metadata=given.metadata,
            credentials=given.credentials,
            wait_for_ready=given.wait_for_ready,
            compression=given.compression,
        )
        return continuation(details, request)
