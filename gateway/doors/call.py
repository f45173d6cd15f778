"""What a call's headers say."""

from __future__ import annotations

import re

import grpc
from google.protobuf.message import Message

from gateway.model.requester import RequestContext

PURPOSE_HEADER = "x-sharing-purpose"
CASE_HEADER = "x-sharing-case"
PARTIAL_HEADER = "x-sharing-partial"
PARTIAL_ALLOWED = "allow"
_RESIDENT_ID = re.compile(r"[0-9]{17}[0-9Xx]")
_HIDDEN = "*" * 18


def header(context: grpc.ServicerContext, name: str) -> str | None:
    """Return the only value of a header, or None when it is missing or stands more than once."""
    values = [value for key, value in context.invocation_metadata() or () if key == name]
    value = values[0] if len(values) == 1 else None
    return value if isinstance(value, str) else None


def request_context(context: grpc.ServicerContext, *, channel: str, now: float) -> RequestContext:
    """Return what a call at `now` declares. A resident ID in it is hidden: purpose and case stand in the log."""
    return RequestContext(
        purpose=_RESIDENT_ID.sub(_HIDDEN, header(context, PURPOSE_HEADER) or ""),
        case=_RESIDENT_ID.sub(_HIDDEN, header(context, CASE_HEADER) or ""),
        channel=channel,
        time=int(now),
        partial=header(context, PARTIAL_HEADER) == PARTIAL_ALLOWED,
    )


def asked(request: Message) -> dict[str, str | int]:
    """Return what an auditor's request asks for, as the log holds it: set fields only, resident IDs hidden."""
    fields = {field.name: value for field, value in request.ListFields()}
    return {
        name: _RESIDENT_ID.sub(_HIDDEN, value) if isinstance(value, str) else value for name, value in fields.items()
    }


def seconds_left(context: grpc.ServicerContext, *, seconds_max: float) -> float:
    """Return how long the call may still take: the client's deadline or ours, whichever is sooner."""
    remaining = context.time_remaining()
    return seconds_max if remaining is None else min(seconds_max, remaining)
