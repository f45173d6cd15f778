"""Days of the city."""

from __future__ import annotations

import datetime

import pytest

from gateway.doors.console.days import end_of_day, last_day, midnight, today

NOON = 1_767_240_000
"""2026-01-01 12:00 in Shanghai."""


def test_a_day_begins_at_midnight_in_shanghai() -> None:
    """Which is 16:00 of the day before in UTC."""
    begins = midnight(datetime.date(2026, 1, 1))
    assert begins == NOON - 12 * 3600
    assert (today(begins), today(begins - 1)) == (datetime.date(2026, 1, 1), datetime.date(2025, 12, 31))


@pytest.mark.parametrize("day", ["", "soon", "2026-13-01", "9999-12-31", "1800-01-01"])
def test_what_is_no_day_is_none(day: str) -> None:
    """Also days of which no moment can be computed."""
    assert end_of_day(day) is None


def test_the_last_day_of_a_moment_is_the_day_it_ends() -> None:
    """The last second of the day counts, the next one does not."""
    ends = end_of_day("2026-01-01")
    assert ends == NOON + 12 * 3600
    assert last_day(ends) == "2026-01-01"
