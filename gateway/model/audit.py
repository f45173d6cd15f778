"""Entries of the access log."""

from __future__ import annotations

from enum import StrEnum

from connectors.sdk.tlog.canonical import JsonValue
from connectors.sdk.tlog.entry import Entry as AuditEntry

__all__ = ["AuditEntry", "EntryKind", "JsonValue", "Outcome"]


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
    SEALED = "sealed"
    """A segment of the log was closed and indexed."""
    RETENTION = "retention"
    """Segments past their retention are about to be removed."""


class Outcome(StrEnum):
    """How an intent ended."""

    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    FAILED = "failed"
    REVOKED = "revoked"
    """What the decision rested on no longer held while the result was on its way."""
    UNKNOWN = "unknown"
    """The gateway stopped before it could tell; written by recovery."""
