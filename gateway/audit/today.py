"""Numbers of today's queries (Shanghai time), kept as the log grows. They name no requester, person or statement."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from catalog.catalogue import Catalogue
from connectors.sdk.access_log import EntryIndex
from gateway.audit.search import DENIED, readable
from gateway.errors import TooLarge
from gateway.messages import Reason

HOURS = 24
SECONDS_BETWEEN = 2.0
"""Numbers are at most so old."""
_PATIENCE_SECONDS = 5.0
"""So long a question waits while another one counts; only the first after a start counts much."""
_SHANGHAI_OFFSET_SECONDS = 8 * 3600
"""Asia/Shanghai has had no summer time since 1991."""
_DAY_SECONDS = 86_400
_NEW: Final = """
WITH new AS MATERIALIZED (
  SELECT sequence, kind, coalesce(office, '') AS office, coalesce(purpose, '') AS purpose, dataset_names, row_count,
    (epoch(recorded_at)::BIGINT - $2) // 3600 AS hour,
    CASE WHEN kind = 'receipt' THEN from_json(body->'$.scans', '[{{"dataset": "VARCHAR", "rows": "BIGINT"}}]') END AS scans
  FROM entries
  WHERE sequence > $1 AND recorded_at >= to_timestamp($2) AND recorded_at < to_timestamp($2 + 86400)
    AND (kind IN ('intent', 'receipt') OR {denied})
), last AS (SELECT coalesce(max(sequence), $1) AS last FROM new)
SELECT last, 'whole' AS what, hour, office, purpose, dataset_names AS datasets,
  count(*) FILTER (kind = 'intent') AS queries, count(*) FILTER (kind = 'denial') AS denials,
  coalesce(sum(row_count), 0)::BIGINT AS rows
FROM new, last GROUP BY ALL
UNION ALL
SELECT last, 'scan', hour, office, purpose, [scan.dataset], 0, 0, coalesce(sum(scan.rows), 0)::BIGINT
FROM (SELECT hour, office, purpose, unnest(scans) AS scan FROM new), last GROUP BY ALL
"""
"""What was recorded since: whole queries by the datasets they touched, and rows as they left their departments."""


@dataclass(slots=True)
class UseCounts:
    """Numbers of queries."""

    queries: int = 0
    """Allowed."""
    denials: int = 0
    """Denied by the policy."""
    rows: int = 0

    def add(self, other: UseCounts) -> None:
        """Count these too."""
        self.queries += other.queries
        self.denials += other.denials
        self.rows += other.rows


class ScopeKind(StrEnum):
    """Whose queries are counted."""

    CITY = "city"
    DEPARTMENT = "department"
    """Those that touched its datasets, with the rows that left it."""
    OFFICE = "office"


class Scope(NamedTuple):
    """Whose queries are counted."""

    kind: ScopeKind
    id: str = ""
    """Department or office."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TodaysUse:
    """The numbers of one scope since midnight; the id of a purpose or office that the catalogue does not have is empty."""

    since: int
    """Midnight, in seconds since 1970-01-01 UTC."""
    total: UseCounts = field(default_factory=UseCounts)
    purposes: Mapping[str, UseCounts] = field(default_factory=lambda: defaultdict(UseCounts))
    departments: Mapping[str, UseCounts] = field(default_factory=lambda: defaultdict(UseCounts))
    """A query of two departments' datasets counts for both; rows are those that left the department."""
    offices: Mapping[str, UseCounts] = field(default_factory=lambda: defaultdict(UseCounts))
    hours: tuple[UseCounts, ...] = field(default_factory=lambda: tuple(UseCounts() for _ in range(HOURS)))


class _Cell(NamedTuple):
    department: str | None
    """None for whole queries, whatever they touched."""
    office: str
    purpose: str
    hour: int


class Today:
    """Counts queries, denials and rows of today as they are recorded. Safe from any thread.

    Memory is bounded by what the catalogue has: hours × offices × purposes × departments, of which few ever meet.

    Args:
        index: The access log; today's entries are counted at the first question, later ones only what is new.
        catalogue: Offices, purposes and departments that are told apart.
        clock_seconds: Seconds since 1970-01-01 UTC.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        index: EntryIndex,
        *,
        catalogue: Catalogue,
        clock_seconds: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._index = index
        self._catalogue = catalogue
        self._clock_seconds = clock_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._midnight = -1
        self._last = 0
        """Sequence of the newest entry that was counted."""
        self._counted_at = 0.0
        self._cells: defaultdict[_Cell, UseCounts] = defaultdict(UseCounts)
        self._answers: dict[Scope, TodaysUse] = {}

    def use(self, scope: Scope) -> TodaysUse:
        """Return the numbers of a scope; the caller must not change them.

        Raises:
            TooLarge: So many ask at once that today's entries are still being counted.
            Unavailable: The log cannot be read.
        """
        if not self._lock.acquire(timeout=_PATIENCE_SECONDS):
            raise TooLarge(Reason.BUSY)
        try:
            self._refresh()
            if scope not in self._answers:
                self._answers[scope] = self._added_up(scope)
            return self._answers[scope]
        finally:
            self._lock.release()

    def _refresh(self) -> None:
        shanghai = int(self._clock_seconds()) + _SHANGHAI_OFFSET_SECONDS
        midnight = shanghai - shanghai % _DAY_SECONDS - _SHANGHAI_OFFSET_SECONDS
        now = self._monotonic()
        if midnight == self._midnight and now - self._counted_at < SECONDS_BETWEEN:
            return
        if midnight != self._midnight:
            self._midnight = midnight
            self._cells.clear()
        self._answers.clear()
        with (
            readable(),
            self._index.query(_NEW.format(denied=DENIED), [self._last, midnight], after=self._last) as found,
        ):
            rows = found.fetch_all()
        for last, what, hour, office, purpose, datasets, *numbers in rows:
            cell = _Cell(
                department=None,
                office=office if office in self._catalogue.offices else "",
                purpose=purpose if purpose in self._catalogue.purposes else "",
                hour=hour,
            )
            self._add(cell, UseCounts(*numbers), datasets=datasets or (), whole=what == "whole")
            self._last = last
        self._counted_at = now

    def _add(self, cell: _Cell, counts: UseCounts, *, datasets: Iterable[str], whole: bool) -> None:
        """Add numbers of whole queries for the city and, without their rows, for each department; or rows that left one."""
        known = self._catalogue.datasets
        departments = {known[name].controller for name in datasets if name in known}
        if whole:
            self._cells[cell].add(counts)
            counts = UseCounts(queries=counts.queries, denials=counts.denials)
        for department in departments:
            self._cells[cell._replace(department=department)].add(counts)

    def _added_up(self, scope: Scope) -> TodaysUse:
        use = TodaysUse(since=self._midnight)
        whose = scope.id if scope.kind is ScopeKind.DEPARTMENT else None
        for cell, counts in self._cells.items():
            if scope.kind is ScopeKind.OFFICE and cell.office != scope.id:
                continue
            if cell.department == whose:
                for sum_ in (use.total, use.purposes[cell.purpose], use.offices[cell.office], use.hours[cell.hour]):
                    sum_.add(counts)
            if cell.department is not None and (cell.department == whose or scope.kind is not ScopeKind.DEPARTMENT):
                use.departments[cell.department].add(counts)
        return use
