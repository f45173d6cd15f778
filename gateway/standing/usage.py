"""What each requester has received for each purpose today; the log is the record, this is its running total."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from connectors.sdk.access_log import EntryIndex
from gateway.audit import readable
from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.decision import ResultObligations
from gateway.model.requester import Requester, Usage

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
    """What one query may still receive."""

    def __init__(self, *, lock: threading.Lock, total: _Total, rows: int) -> None:
        self._lock = lock
        self._total = total
        self._rows = rows

    def settle(self, *, rows: int) -> None:
        """Count the rows that were delivered instead of those held. Once."""
        with self._lock:
            self._total.rows += rows - self._rows


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
        self._count(index)

    def today(self, requester: Requester, *, purpose: str) -> Usage:
        """Return what the requester has received and what is on its way."""
        with self._lock:
            self._start_day()
            total = self._totals.get((requester.subject, purpose), _Total())
            return Usage(rows=total.rows, lookups=total.lookups)

    def hold(self, obligations: ResultObligations, *, requester: Requester, purpose: str, lookups: int) -> HeldUsage:
        """Count the look-ups of a query and all rows it may give, until `settle` says how many it gave.

        Raises:
            Denied: `QUOTA_EXCEEDED`; queries decided at the same moment cannot share what is left of the day.
        """
        with self._lock:
            self._start_day()
            total = self._totals[requester.subject, purpose]
            for used, asked, most in (
                (total.rows, obligations.rows_max, obligations.rows_per_day_max),
                (total.lookups, lookups, obligations.lookups_per_day_max),
            ):
                if most is not None and used + asked > most:
                    raise Denied(Reason.QUOTA_EXCEEDED)
            total.rows += obligations.rows_max
            total.lookups += lookups
        return HeldUsage(lock=self._lock, total=total, rows=obligations.rows_max)

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
