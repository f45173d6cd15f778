"""What every entry's body is made of: who, why, and values as the log holds them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel

from connectors.sdk.predicates import Predicate
from gateway.model.audit import AuditEntry, EntryKind, JsonValue
from gateway.model.requester import RequestContext, Requester

_PLAIN = frozenset({bool, int, type(None)})


class Log(Protocol):
    """Port: where entries go; `AuditLog` is the adapter."""

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> AuditEntry:
        """Return the entry once it is durable.

        Raises:
            Unavailable: It is not known to be durable, so nothing may be released.
        """


def who_and_why(requester: Requester, *, context: RequestContext) -> dict[str, Any]:
    """Return who asked and why."""
    return {"requester": requester_facts(requester), **context_facts(context)}


def requester_facts(requester: Requester) -> dict[str, Any]:
    """Return who asked, with the attributes the directory gave."""
    seen_by = {"seen_by": requester.seen_by} if requester.seen_by else {}
    return seen_by | {
        "subject": requester.subject,
        "token_id": requester.token_id,
        "office": requester.office,
        "office_kind": requester.office_kind,
        "division_code": requester.division_code,
        "roles": sorted(requester.roles),
        "clearance": requester.clearance,
    }


def context_facts(context: RequestContext) -> dict[str, Any]:
    """Return for what it was asked, and at which door."""
    partial = {"partial": True} if context.partial else {}
    return {"purpose": context.purpose, "case": context.case, "channel": context.channel} | partial


def json_object(body: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return a body as the log holds it."""
    return {str(key): json_value(value) for key, value in body.items()}


def json_value(value: Any) -> JsonValue:  # noqa: ANN401 - untyped facts become JSON here
    """Return `value` as the log holds it: floats, dates and text that is no UTF-8 become plain text."""
    kind = type(value)
    if kind in _PLAIN or (kind is str and value.isascii()):
        return value  # type: ignore[no-any-return]
    if kind is dict:
        return {
            key if type(key) is str else str(key): member if type(member) in _PLAIN else json_value(member)
            for key, member in value.items()
        }
    if kind is list or kind is tuple:
        return [member if type(member) in _PLAIN else json_value(member) for member in value]
    return _json_of_other(value)


def _json_of_other(value: Any) -> JsonValue:  # noqa: ANN401 - as above
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case int():
            return int(value)
        case Mapping():
            return json_object(value)
        case float():
            return repr(value)
        case Predicate():
            return json_value(value.to_json())
        case BaseModel():
            return json_value(value.model_dump())
        case set() | frozenset():
            return sorted((json_value(member) for member in value), key=str)
        case datetime.date():
            return value.isoformat()
    raise ValueError(f"a {type(value).__name__} cannot be recorded")
