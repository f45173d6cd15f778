"""Data needs and corrections as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NeedState(StrEnum):
    """Where a need stands."""

    FILED = "filed"
    """Waits for the controller."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class CorrectionState(StrEnum):
    """Where a correction stands."""

    FILED = "filed"
    """Waits for the controller."""
    CORRECTED = "corrected"
    """The record was wrong and has been put right."""
    CONFIRMED = "confirmed"
    """The record was found to be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """An office's request that a controller share data for a purpose. Times are seconds since 1970-01-01 UTC."""

    id: str
    office: str
    filed_by: str
    filed_at: int
    working_days: int
    """Days that the controller has to answer."""
    controller: str
    dataset: str
    """Empty when the data is not catalogued."""
    columns: tuple[str, ...]
    """Sorted; empty when the data is not catalogued."""
    purpose: str
    scenario: str
    needed_until: int
    state: NeedState = NeedState.FILED
    answered_at: int = 0
    """0 without an answer."""
    answered_by: str = ""
    answer: str = ""
    basis: str = ""
    """Entry of the negative list; empty unless refused."""
    agreement: str = ""
    """Empty unless accepted, and for data that is not catalogued yet."""
    escalated_at: int = 0
    """0 while it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A record that an office says is wrong. Times are seconds since 1970-01-01 UTC."""

    id: str
    office: str
    filed_by: str
    filed_at: int
    working_days: int
    """Days that the controller has to answer."""
    controller: str
    dataset: str
    row_reference: str
    """Opaque: the same for the same record, and tells nothing of it."""
    columns: tuple[str, ...]
    """Sorted."""
    remark: str
    receipt: str
    """Entry of the access log under which the office received the record."""
    state: CorrectionState = CorrectionState.FILED
    answered_at: int = 0
    """0 without an answer."""
    answered_by: str = ""
    answer: str = ""
    escalated_at: int = 0
    """0 while it was not."""
