"""When subscriptions run, in Shanghai."""

from __future__ import annotations

import datetime

import pytest

from catalog.subscriptions import SHANGHAI, Cycle, next_time


def at(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp())


@pytest.mark.parametrize(
    ("cycle", "after", "expected"),
    [
        (Cycle.HOURLY, "2026-02-28 23:29:59", "2026-02-28 23:30"),
        (Cycle.HOURLY, "2026-02-28 23:30", "2026-03-01 00:30"),
        (Cycle.DAILY, "2026-02-28 06:29", "2026-02-28 06:30"),
        (Cycle.DAILY, "2026-02-28 06:30", "2026-03-01 06:30"),
        (Cycle.WEEKLY, "2026-03-02 06:00", "2026-03-02 06:30"),  # a Monday
        (Cycle.WEEKLY, "2026-03-02 06:30", "2026-03-09 06:30"),
        (Cycle.WEEKLY, "2026-03-08 23:59", "2026-03-09 06:30"),
        (Cycle.MONTHLY, "2026-01-31 12:00", "2026-02-01 06:30"),
        (Cycle.MONTHLY, "2026-12-01 06:30", "2027-01-01 06:30"),
        (Cycle.MONTHLY, "2026-03-01 00:00", "2026-03-01 06:30"),
    ],
)
def test_a_subscription_runs_at_its_time(cycle: Cycle, after: str, expected: str):
    """The next time is the first one after now: never now itself, across months and years, by the clock of Shanghai."""
    assert next_time(cycle, minute_of_day=6 * 60 + 30, after=at(after)) == at(expected)
