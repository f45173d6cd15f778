"""When a dataset must be newer."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest

from catalog.freshness import due_at
from catalog.vocabulary import UpdateCycle

SHANGHAI = ZoneInfo("Asia/Shanghai")


def seconds(text: str) -> int:
    """Return Shanghai time in seconds since 1970-01-01 UTC."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp())


@pytest.mark.parametrize(
    ("cycle", "as_of", "due"),
    [
        (UpdateCycle.REAL_TIME, "2026-02-13T08:00", "2026-02-13T08:15"),
        (UpdateCycle.DAILY, "2026-02-13T00:00", "2026-02-15T00:00"),
        (UpdateCycle.DAILY, "2026-02-13T23:59", "2026-02-15T00:00"),
        (UpdateCycle.DAILY, "2026-12-30T02:00", "2027-01-01T00:00"),
        (UpdateCycle.WEEKLY, "2026-02-13T02:00", "2026-02-21T00:00"),
        (UpdateCycle.MONTHLY, "2026-01-31T02:00", "2026-03-01T00:00"),
        (UpdateCycle.MONTHLY, "2028-01-31T02:00", "2028-03-01T00:00"),
        (UpdateCycle.QUARTERLY, "2026-11-30T02:00", "2027-03-01T00:00"),
        (UpdateCycle.HALF_YEARLY, "2026-08-31T02:00", "2027-03-01T00:00"),
        (UpdateCycle.YEARLY, "2028-02-29T02:00", "2029-03-01T00:00"),
    ],
)
def test_data_is_due_at_the_end_of_the_day_one_cycle_later(cycle: UpdateCycle, as_of: str, due: str) -> None:
    """The hour of the load does not matter, month ends and leap days neither shorten nor lengthen a cycle by a month."""
    assert due_at(cycle, seconds(as_of)) == seconds(due)


def test_irregular_data_is_never_due() -> None:
    """Nothing is promised, so nothing is late."""
    assert due_at(UpdateCycle.IRREGULAR, seconds("1990-01-01T00:00")) is None
