"""What a call's headers say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import grpc
from google.protobuf.message import Message

from gateway import headers
from gateway.model.requester import RequestContext

_RESIDENT_ID = re.compile(r"[0-9]{17}[0-9Xx]")
_HIDDEN = "*" * 18
_NO_SESSION: Mapping[str, str] = MappingProxyType({})


def header(context: grpc.ServicerContext, name: str) -> str | None:
    """Return the only value of a header, or None when it is missing or stands more than once."""
    values = [value for key, value in context.invocation_metadata() or () if key == name]
    value = values[0] if len(values) == 1 else None
    return value if isinstance(value, str) else None


def declared(context: grpc.ServicerContext, name: str, *, otherwise: str = "") -> str:
    """Return the only value of a header; `otherwise` when it is missing, nothing when it stands more than once."""
    stands = any(key == name for key, _ in context.invocation_metadata() or ())
    return (header(context, name) or "") if stands else otherwise


def request_context(
    context: grpc.ServicerContext, *, channel: str, now: float, session: Mapping[str, str] = _NO_SESSION
) -> RequestContext:
    """Return what a call at `now` declares. A resident ID in it is hidden: purpose and case stand in the log.

    Args:
        context: The call.
        channel: Its door.
        now: Seconds since 1970-01-01 UTC.
        session: What counts where a header is missing: `purpose`, `case` and `partial`.
    """
    purpose = declared(context, headers.PURPOSE, otherwise=session.get("purpose", ""))
    case = declared(context, headers.CASE, otherwise=session.get("case", ""))
    return RequestContext(
        purpose=_RESIDENT_ID.sub(_HIDDEN, purpose),
        case=_RESIDENT_ID.sub(_HIDDEN, case),
        channel=channel,
        time=int(now),
        partial=declared(context, headers.PARTIAL, otherwise=session.get("partial", "")) == headers.ALLOW,
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
