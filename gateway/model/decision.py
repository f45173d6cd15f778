"""The answer of the policy decision point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.predicates import Predicate
from gateway.model.requester import Standing

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTreatment:
    """What happens to one column."""

    action: ColumnAction
    mask: Mask | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDecision:
    """What may leave one dataset."""

    name: str
    columns: Mapping[str, ColumnTreatment]
    """Every column the query uses."""
    row_filter: Predicate | None
    """Rows that may leave; None only where the dataset is denied."""
    lookup_values_max: int | None
    """With a `lookup` column: how many keys the query may bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultObligations:
    """What must hold for the result and what the recipient accepts."""

    rows_max: int
    """Rows of this result; not more than the purpose's quota leaves for today."""
    rows_per_day_max: int | None
    lookups_per_day_max: int | None
    """Quota of the requester for this purpose and day (Shanghai time); None for no quota."""
    retention_days: int
    onward_sharing: bool
    grade: str
    """Highest grade of a treated column of the result (the highest wins)."""
    agreements: tuple[str, ...]
    """Ids of the agreements that the sharing rests on, sorted."""
    emergency: str | None
    """Id of the emergency that opened the purpose; the recipient destroys the result when it ends."""

    def expires_at(self, *, received_at: int) -> int:
        """Return when the recipient must have destroyed the result. Both in seconds since 1970-01-01 UTC."""
        return received_at + self.retention_days * _DAY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """One reason why a query is denied."""

    code: str
    """Public, stable, for example `NOT_AVAILABLE`."""
    rule: str
    """Rule id; for the log, not for the requester."""
    message: Text
    legal_basis: Text
    remedy: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The policy's decision on one whole query. Made by `decide`."""

    decision_id: str
    allow: bool
    datasets: Mapping[str, DatasetDecision]
    people_min: int | None
    """Smallest group that may be released, in data subjects; None when rows may be released."""
    obligations: ResultObligations | None
    """None only when denied."""
    denials: tuple[Denial, ...]
    determined_by: tuple[str, ...]
    policy_revision: str
    standing: Standing
    """The registers' facts that the policy saw."""
    policy_input: Mapping[str, Any]
    """The JSON the policy saw; it holds no literal of the query."""
    answer_sha256: str
    """Hex SHA-256 of the canonical JSON that the policy answered with."""

    def releases_as(self, other: Decision) -> bool:
        """Whether this later decision lets `other` go on: same columns, rows, groups and terms, its emergency not over.

        What it rests on may have changed otherwise: another agreement, one more emergency, fewer rows left for the day.
        """
        return (
            self.datasets == other.datasets
            and self.people_min == other.people_min
            and self.obligations is not None
            and other.obligations is not None
            and _terms(self.obligations) == _terms(other.obligations)
            and other.obligations.emergency in {None, *(emergency.id for emergency in self.standing.emergencies)}
        )


def _terms(obligations: ResultObligations) -> ResultObligations:
    return replace(obligations, rows_max=0, agreements=(), emergency=None)
