"""Who asks, as what, and for what declared purpose."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """A declared emergency."""

    id: str
    area: str
    """Division code prefix."""
    starts_at: int
    ends_at: int
    """Seconds since 1970-01-01 UTC, exclusive."""


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
    emergencies: tuple[Emergency, ...] = field(default=())
