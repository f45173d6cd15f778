"""Entries of the access log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class EntryKind(StrEnum):
    """Kinds of entries."""

    OPENED = "opened"
    """The log was opened; says what recovery found."""
    INTENT = "intent"
    RECEIPT = "receipt"
    DENIAL = "denial"
    FAILURE = "failure"
    REGISTRATION = "registration"
    AUDIT_QUERY = "audit_query"
    GOVERNANCE = "governance"
    """An agreement, emergency, revocation or consent was changed."""
    POLICY_CHANGE = "policy_change"
    """A policy bundle was activated or refused."""
    ADMINISTRATION = "administration"
    """An administrator looked as somebody else."""
    DESTRUCTION = "destruction"
    """A recipient says that a result was destroyed."""


class Outcome(StrEnum):
    """How an intent ended."""

    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REVOKED = "revoked"
    """What the decision rested on no longer held while the result was on its way."""
    UNKNOWN = "unknown"
    """The gateway stopped before it could tell; written by recovery."""


JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A durable entry. Made by `audit`."""

    sequence: int
    """Position in the log, from 1."""
    entry_id: str
    """Unique id, shown to the recipient."""
    kind: EntryKind
    time_micros: int
    """Microseconds since 1970-01-01 UTC."""
    body: Mapping[str, Any]
    """Kind-specific; strings, integers, booleans, null, lists and objects only (no floats)."""
    sha256: str
    """Hex digest of the canonical form, which the next entry links to."""
