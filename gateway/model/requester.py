"""Who asks, as what, and for what declared purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog.governance import Stop
from catalog.vocabulary import OfficeKind, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """An authenticated requester with attributes from the directory. Made by `authenticate`."""

    subject: str
    token_id: str
    office: str
    office_kind: OfficeKind
    division_code: str
    roles: frozenset[Role]
    clearance: str
    department: str | None
    """Controller that a steward or connector acts for."""
    seen_by: str | None = None
    """Subject of the administrator who is only told what this requester would see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A declared emergency that nobody has ended; the policy compares its times."""

    id: str
    area: str
    """Division code prefix."""
    purposes: tuple[str, ...]
    """Purposes that it opens, sorted."""
    starts_at: int
    ends_at: int
    """Seconds since 1970-01-01 UTC, exclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A controller's agreement to share datasets for purposes, not revoked; the policy compares its times."""

    id: str
    controller: str
    recipient: str
    """Division code prefix of the offices that may receive."""
    datasets: tuple[str, ...]
    purposes: tuple[str, ...]
    valid_from: int
    valid_until: int
    """Seconds since 1970-01-01 UTC, exclusive."""
    office: str = ""
    """The only office that may receive; empty for all of `recipient`."""
    columns: tuple[str, ...] = ()
    """The only columns, each as `dataset.column`; empty for all that the purposes open."""


class CaseState(StrEnum):
    """What the case register says of the case of a request."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    """The register does not have it for this purpose and office."""
    UNCHECKED = "unchecked"
    """No case register is connected, or no case was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a requester has received for one purpose today (Shanghai time)."""

    rows: int
    lookups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """What surrounds one query."""

    purpose: str
    """As declared by the requester; empty when none was declared."""
    case: str
    channel: str
    """Door of the query: `flight_sql`, `explain`, `console`."""
    time: int
    """Seconds since 1970-01-01 UTC."""
    partial: bool = False
    """Whether the requester takes an answer without the datasets that cannot be had now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the registers say about one query at one moment. Part of the policy input, so a decision can be replayed."""

    requester_revoked: bool
    purpose_revoked: bool
    case_state: CaseState
    emergencies: tuple[Emergency, ...]
    """Those not ended, sorted by id."""
    agreements: tuple[Agreement, ...]
    """Those not revoked about the query's datasets, sorted by id; they may be stopped."""
    stops: tuple[Stop, ...]
    """Those of the query's datasets, its agreements and the requester's office, sorted by controller and target."""
    consents: Mapping[str, int]
    """By dataset: how many of the look-up keys are people who consented to this purpose and office."""
    usage: Usage
