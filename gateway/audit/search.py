"""Answer an auditor's question from the index of the log; needs no writer, so it works while the log is stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import duckdb

from connectors.sdk.access_log import EntryIndex, Parameter
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry

ENTRIES_MAX = 1_000
DENIED = "kind = 'denial' AND channel IS DISTINCT FROM 'explain'"
"""A query that the policy denied; what only explained a statement that would be denied asked for no data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilters:
    """What an entry must match; an empty filter matches everything (SearchEntriesRequest)."""

    from_time: int = 0
    """Seconds since 1970-01-01 UTC; 0 for no bound."""
    until_time: int = 0
    """Exclusive."""
    office: str = ""
    requester: str = ""
    """Subject: who did it, or to whom it was done."""
    purpose: str = ""
    """Declared, or decided about."""
    dataset: str = ""
    column: str = ""
    """Used or asked for, as `phone` or `population.resident.phone`."""
    person: str = ""
    """Token of somebody whom the query named."""
    kind: str = ""
    case: str = ""
    outcome: str = ""
    """Of a receipt."""
    before_sequence: int = 0
    """Only entries before this one; 0 for no bound."""
    entries_max: int = 0
    """Newest entries to return; 0 means `ENTRIES_MAX`."""


_CONDITIONS = {
    "from_time": "recorded_at >= to_timestamp({0})",
    "until_time": "recorded_at < to_timestamp({0})",
    "office": "office = {0}",
    "requester": "(requester = {0} OR target = {0})",
    "purpose": "(purpose = {0} OR list_contains(decided_purposes, {0}))",
    "dataset": "list_contains(dataset_names, {0})",
    "column": "list_contains(column_names, {0})",
    "person": "list_contains(tokens, {0})",
    "kind": "kind = {0}",
    "case": "case_number = {0}",
    "outcome": "outcome = {0}",
    "before_sequence": "sequence < {0}",
}
"""What each filter says of a row of the index."""


def search(index: EntryIndex, *, filters: SearchFilters) -> Iterator[AuditEntry]:
    """Yield the newest entries that match every filter, oldest first, as the log itself holds them.

    Raises:
        Unavailable: The log cannot be read, or is damaged: no answer is better than a partial one.
    """
    values: list[Parameter] = []
    where = matching(filters, values=values)
    newest = filters.entries_max if filters.entries_max > 0 else ENTRIES_MAX
    with readable():
        yield from index.entries(where, values, newest=newest)


def find_entry(index: EntryIndex, *, entry_id: str) -> AuditEntry | None:
    """Return an entry by its id; None when the log has none.

    Raises:
        Unavailable: The log cannot be read.
    """
    with readable():
        return next(index.entries("entry_id = $1", [entry_id], newest=1), None)


def matching(
    filters: SearchFilters, *, values: list[Parameter], instead: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Return the condition that a row of the index matches every filter.

    Args:
        filters: What is asked for.
        values: The condition's parameters are added to it.
        instead: What some filters say of another row than one of the index, by the filter's name, with the place `{0}`.
    """
    conditions = ["true"]
    for name, condition in (_CONDITIONS | dict(instead)).items():
        if value := getattr(filters, name):
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    return " AND ".join(conditions)


@contextmanager
def readable() -> Iterator[None]:
    """Turn what goes wrong while the log is read into `Unavailable`."""
    try:
        yield
    except (OSError, ValueError, duckdb.Error) as error:
        raise Unavailable(Reason.AUDIT_UNAVAILABLE, internal=f"the log cannot be read: {error}") from error
