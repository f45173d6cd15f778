"""Count the entries that match filters, in groups: an auditor's facets, and what a department's data is used for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from connectors.sdk.access_log import EntryIndex, Parameter
from gateway.audit.search import DENIED, SearchFilters, matching, readable
from gateway.errors import InvalidQuery
from gateway.messages import Reason

DIMENSIONS_MAX, GROUPINGS_MAX, GROUPS_MAX = 4, 16, 1_000
OWN_DAYS_MAX = 366
"""Longest time for which a department may ask about the use of its data."""
_DAY_SECONDS = 86_400


class Dimension(StrEnum):
    """What entries may be grouped by; the values are columns of `_ROWS`."""

    KIND = "kind"
    OFFICE = "office"
    PURPOSE = "purpose"
    DATASET = "dataset"
    REQUESTER = "requester"
    OUTCOME = "outcome"
    REASON = "reason"
    DAY = "day"
    HOUR = "hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries that have the same value of every dimension."""

    values: tuple[str, ...]
    """In the order of the dimensions; empty where an entry has none."""
    entries: int
    accesses: int
    denials: int
    """Queries that were denied; what only explained a denial is an entry and none of these."""
    rows: int
    """Rows delivered; by dataset, and for a department, rows of the datasets as they left the department."""
    requesters: int
    last_time_micros: int
    """Microseconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """The groups of one grouping, those with the most entries first."""

    groups: tuple[Group, ...]
    groups_total: int
    """How many there are in all."""


_ROWS: Final = """
SELECT kind, channel, coalesce(office, '') AS office, coalesce(purpose, '') AS purpose, requester,
  coalesce(outcome, '') AS outcome, coalesce(reasons, '') AS reason, recorded_at,
  CAST(recorded_on AS VARCHAR) AS day, strftime(recorded_at AT TIME ZONE 'Asia/Shanghai', '%H') AS hour,
  {datasets} AS datasets,
  {rows} AS rows
FROM entries WHERE {where}
"""
_BY_DATASET: Final = """
SELECT * EXCLUDE (rows), list_sum(list_transform(list_filter(rows, lambda s: s.dataset = dataset), lambda s: s.rows)) AS rows
FROM (SELECT * EXCLUDE (datasets), unnest(CASE WHEN len(datasets) > 0 THEN datasets ELSE [''] END) AS dataset FROM ({rows}))
"""
_DATASETS: Final = "list_distinct(coalesce(dataset_names, []))"
_SCANS: Final = """
CASE WHEN kind = 'receipt' THEN from_json(body->'$.scans', '[{"dataset": "VARCHAR", "rows": "BIGINT"}]') END"""
_GROUPS: Final = """
SELECT *, count(*) OVER (PARTITION BY grouped) AS groups_total FROM (
  SELECT {columns}, GROUPING({columns}) AS grouped, count(*) AS entries,
    count(*) FILTER (kind = 'intent') AS accesses, count(*) FILTER ({denied}) AS denials,
    coalesce(sum(rows), 0)::BIGINT AS rows, count(DISTINCT requester) FILTER (requester <> '') AS requesters,
    epoch_us(max(recorded_at)) AS last_time_micros
  FROM ({source}) GROUP BY GROUPING SETS ({sets}))
WHERE entries > 0
QUALIFY row_number() OVER (PARTITION BY grouped ORDER BY entries DESC, {columns}) <= {groups_max}
ORDER BY entries DESC, {columns}
"""
_OWN_USE: Final = f"(kind IN ('intent', 'receipt', 'failure') OR {DENIED}) AND list_has_any(dataset_names, {{own}})"
_OWN_CONDITIONS: Final = {
    "dataset": "list_contains(list_intersect(dataset_names, {own}), {{0}})",
    "column": """len(list_filter(accessed, lambda a: list_contains({own}, a.dataset)
        AND {{0}} IN (a.column_name, a.dataset || '.' || a.column_name))) > 0""",
    "person": "len(list_filter(people, lambda p: list_contains({own}, p.dataset) AND p.person = {{0}})) > 0",
}
"""What a filter says when only a department's own datasets may be spoken of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The rows that are grouped, with and without a row for each dataset."""

    by_entry: str
    by_dataset: str
    parameters: Sequence[Parameter]


def summarise(
    index: EntryIndex,
    *,
    filters: SearchFilters,
    groupings: Sequence[Sequence[Dimension]],
    own: Collection[str] | None,
    groups_max: int = 0,
    on_start: Callable[[Callable[[], None]], object] = lambda interrupt: None,
) -> list[Grouped]:
    """Return the groups of every grouping, over the entries that match every filter.

    Args:
        index: The log.
        filters: What an entry must match; `entries_max` does not count.
        groupings: By what; one without dimensions is one group of everything.
        own: Names of the only datasets that may be spoken of: what else an entry is about is neither counted nor named.
            None for all of every entry.
        groups_max: Most groups of each grouping; 0 means `GROUPS_MAX`.
        on_start: Is given what ends a question that nobody waits for any more; may be called twice.

    Raises:
        InvalidQuery: There are too many groupings, a department asks for reasons, which do not tell whose datasets they are
            about, or the period is too long for a department.
        Unavailable: The log cannot be read.
    """
    _check(filters, groupings=groupings, own=own)
    source = _source(filters, own=own)
    answers: dict[frozenset[Dimension], list[dict[str, Any]]] = {}
    for statement, by_dataset in ((source.by_entry, False), (source.by_dataset, True)):
        sets = {frozenset(one) for one in groupings if (Dimension.DATASET in one) == by_dataset}
        if sets:
            answers |= _grouped(
                index,
                sets=sets,
                source=statement,
                parameters=source.parameters,
                groups_max=min(groups_max, GROUPS_MAX) if groups_max > 0 else GROUPS_MAX,
                on_start=on_start,
            )
    return [_answer(answers[frozenset(one)], dimensions=one) for one in groupings]


def _check(filters: SearchFilters, *, groupings: Sequence[Sequence[Dimension]], own: Collection[str] | None) -> None:
    if len(groupings) > GROUPINGS_MAX or any(
        len(set(one)) != len(one) or len(one) > DIMENSIONS_MAX for one in groupings
    ):
        raise InvalidQuery(Reason.GROUPING_INVALID)
    if own is not None and any(Dimension.REASON in one for one in groupings):
        raise InvalidQuery(Reason.GROUPING_INVALID)
    if own is not None and not 0 < filters.until_time - filters.from_time <= OWN_DAYS_MAX * _DAY_SECONDS:
        raise InvalidQuery(Reason.PERIOD_INVALID, str(OWN_DAYS_MAX))


def _source(filters: SearchFilters, *, own: Collection[str] | None) -> _Source:
    """Return the rows to group: one for each entry, with the rows that were delivered, or that left the own department."""
    values: list[Parameter] = []
    if own is None:
        where, datasets, scans, delivered = matching(filters, values=values), _DATASETS, _SCANS, "row_count"
    else:
        values.append(sorted(own) or [""])
        instead = {name: condition.format(own="$1") for name, condition in _OWN_CONDITIONS.items()}
        where = f"{_OWN_USE.format(own='$1')} AND {matching(filters, values=values, instead=instead)}"
        datasets = "list_intersect(dataset_names, $1)"
        scans = f"list_filter({_SCANS}, lambda s: list_contains($1, s.dataset))"
        delivered = f"list_sum(list_transform({scans}, lambda s: s.rows))"
    by_scan = _ROWS.format(datasets=datasets, rows=scans, where=where)
    return _Source(
        by_entry=_ROWS.format(datasets=datasets, rows=delivered, where=where),
        by_dataset=_BY_DATASET.format(rows=by_scan),
        parameters=values,
    )


def _grouped(
    index: EntryIndex,
    *,
    sets: Set[frozenset[Dimension]],
    source: str,
    parameters: Sequence[Parameter],
    groups_max: int,
    on_start: Callable[[Callable[[], None]], object],
) -> Mapping[frozenset[Dimension], list[dict[str, Any]]]:
    """Return the rows of every set of dimensions, those with the most entries first."""
    computed = sets | {frozenset({Dimension.KIND})}  # DuckDB wants a column, even for one group of everything
    columns = [one for one in Dimension if any(one in dimensions for dimensions in computed)]
    sql = _GROUPS.format(
        columns=", ".join(columns),
        sets=", ".join(f"({', '.join(sorted(dimensions))})" for dimensions in computed),
        source=source,
        denied=DENIED,
        groups_max=groups_max,
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    with readable(), index.query(sql, parameters) as running:
        on_start(running.interrupt)
        for row in running.reader(GROUPS_MAX).read_all().to_pylist():
            found[row["grouped"]].append(row)
    return {dimensions: found[_mask(dimensions, columns=columns)] for dimensions in sets}


def _mask(dimensions: Collection[Dimension], *, columns: Sequence[Dimension]) -> int:
    """Return what GROUPING says of a set: a bit for each column that it does not have, the last column's being the lowest."""
    return sum(1 << place for place, column in enumerate(reversed(columns)) if column not in dimensions)


def _answer(rows: Sequence[Mapping[str, Any]], *, dimensions: Sequence[Dimension]) -> Grouped:
    return Grouped(
        groups=tuple(
            Group(
                values=tuple(row[one] for one in dimensions),
                entries=row["entries"],
                accesses=row["accesses"],
                denials=row["denials"],
                rows=row["rows"],
                requesters=row["requesters"],
                last_time_micros=row["last_time_micros"],
            )
            for row in rows
        ),
        groups_total=rows[0]["groups_total"] if rows else 0,
    )
