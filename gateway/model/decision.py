"""The answer of the policy decision point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.predicates import Predicate


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
    retention_days: int
    onward_sharing: bool


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
    policy_input: Mapping[str, Any]
    """The JSON the policy saw; it holds no literal of the query."""
