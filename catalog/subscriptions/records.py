"""Subscriptions and their runs as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cycle(StrEnum):
    """How often a subscription runs."""

    HOURLY = "hourly"
    """At the minute of every hour."""
    DAILY = "daily"
    WEEKLY = "weekly"
    """On Mondays."""
    MONTHLY = "monthly"
    """On the first."""


class RunState(StrEnum):
    """What has become of a run."""

    RUNNING = "running"
    READY = "ready"
    """Waits to be pulled."""
    ACKNOWLEDGED = "acknowledged"
    """The recipient keeps it."""
    FAILED = "failed"
    """Is tried again at the next time."""
    DENIED = "denied"
    DISCARDED = "discarded"
    """Destroyed unpulled: another run has taken its place, or the subscription was stopped."""
    EXPIRED = "expired"
    """Was not pulled in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. Times are seconds since 1970-01-01 UTC."""

    id: str
    subscription: str
    started_at: int
    builds_on: str
    """Acknowledged run whose rows it was compared with; empty for a whole dataset."""
    state: RunState = RunState.RUNNING
    entry: str = ""
    """Entry of the access log under which it was delivered."""
    rows: int = 0
    expires_at: int = 0
    """When the result must be destroyed; 0 without one."""
    terms: str = ""
    """Digest of what was decided."""
    reason: str = ""
    """Code of why it failed or was denied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A saved query. Times are seconds since 1970-01-01 UTC."""

    id: str
    subject: str
    """Requester who made it, as whom it runs."""
    office: str
    sealed_sql: str
    """The statement, encrypted: it may name people."""
    sql_normalised: str
    """Without literals."""
    purpose: str
    case_number: str
    cycle: Cycle
    minute_of_day: int
    """In Shanghai, 0 to 1439."""
    key_columns: tuple[str, ...]
    """Empty delivers the whole dataset each time."""
    created_at: int
    next_at: int
    acknowledged: str = ""
    """Run whose dataset the recipient keeps."""
    stopped_at: int = 0
    """0 while it is not."""
    stopped_zh: str = ""
    stopped_en: str = ""
