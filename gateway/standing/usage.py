"""What each requester has received for each purpose today; the log is the record, this is its running total."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from connectors.sdk.access_log import EntryIndex
from gateway.audit import readable
from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.decision import ResultObligations
from gateway.model.requester import Requester, Usage
from gateway.model.rows import RowBudget

_SHANGHAI_OFFSET_SECONDS = 8 * 3600
"""Asia/Shanghai has had no summer time since 1991."""
_DAY_SECONDS = 86_400
_RECEIVED = """
WITH today AS (SELECT * FROM entries WHERE kind IN ('intent', 'receipt') AND recorded_at >= to_timestamp($1)),
  granted AS (SELECT entry_id, rows_max FROM today WHERE kind = 'intent')
SELECT requester, coalesce(purpose, ''),
  coalesce(sum(CASE WHEN outcome = 'unknown' THEN granted.rows_max ELSE row_count END), 0)::BIGINT,
  coalesce(sum(lookup_values), 0)::BIGINT
FROM today LEFT JOIN granted ON granted.entry_id = today.intent
GROUP BY ALL
"""
"""Rows and look-ups by requester and purpose; of a delivery whose end nobody knows, every row that it might have given."""


@dataclass(slots=True)
class _Total:
    rows: int = 0
    lookups: int = 0


class HeldUsage:
    """What one query, or the parts of one result together, may still receive."""

    def __init__(self, *, lock: threading.Lock, total: _Total, rows: int) -> None:
        self._lock = lock
        self._total = total
        self._rows = rows
        self._deliveries = 0
        total.rows += rows

    @property
    def is_settled(self) -> bool:
        """Whether every delivery has ended."""
        return self._deliveries == 0

    def join(self) -> None:
        """Count one more delivery. The caller has the lock."""
        self._deliveries += 1

    def settle(self, *, rows: int) -> None:
        """Count the rows that one delivery gave instead of those held; the last one gives back the rest."""
        with self._lock:
            self._rows -= rows
            self._deliveries -= 1
            if self.is_settled:
                self._total.rows -= self._rows


class UsageCounter:
    """Counts rows and look-ups per requester, purpose and day (Shanghai time). Safe from any thread.

    One gateway writes a log, so one process counts.

    Args:
        index: The access log; today's entries are counted at the start.
        clock_seconds: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, index: EntryIndex, *, clock_seconds: Callable[[], float]) -> None:
        self._clock_seconds = clock_seconds
        self._lock = threading.Lock()
        self._day = self._today()
        self._totals: defaultdict[tuple[str, str], _Total] = defaultdict(_Total)
        self._held: WeakKeyDictionary[RowBudget, HeldUsage] = WeakKeyDictionary()
        self._count(index)

    def today(self, requester: Requester, *, purpose: str) -> Usage:
        """Return what the requester has received and what is on its way."""
        with self._lock:
            self._start_day()
            total = self._totals.get((requester.subject, purpose), _Total())
            return Usage(rows=total.rows, lookups=total.lookups)

    def hold(
        self, obligations: ResultObligations, *, requester: Requester, purpose: str, rows: RowBudget, lookups: int
    ) -> HeldUsage:
        """Count the look-ups of a query and all rows it may give, until `settle` says how many it gave.

        Parts of one result that are delivered side by side hold its rows together.

        Raises:
            Denied: `QUOTA_EXCEEDED`; queries decided at the same moment cannot share what is left of the day.
        """
        with self._lock:
            self._start_day()
            total = self._totals[requester.subject, purpose]
            held = self._held.get(rows)
            asked = rows.left if held is None or held.is_settled else 0
            for used, more, most in (
                (total.rows, asked, obligations.rows_per_day_max),
                (total.lookups, lookups, obligations.lookups_per_day_max),
            ):
                if most is not None and used + more > most:
                    raise Denied(Reason.QUOTA_EXCEEDED)
            total.lookups += lookups
            if held is None or held.is_settled:
                held = self._held[rows] = HeldUsage(lock=self._lock, total=total, rows=asked)
            held.join()
        return held

    def _start_day(self) -> None:
        day = self._today()
        if day != self._day:
            self._day = day
            self._totals.clear()

    def _today(self) -> int:
        return int(self._clock_seconds() + _SHANGHAI_OFFSET_SECONDS) // _DAY_SECONDS

    def _count(self, index: EntryIndex) -> None:
        midnight = self._day * _DAY_SECONDS - _SHANGHAI_OFFSET_SECONDS
        with readable(), index.query(_RECEIVED, (midnight,)) as found:
            for subject, purpose, rows, lookups in found.fetch_all():
                self._totals[subject, purpose] = _Total(rows=rows, lookups=lookups)
