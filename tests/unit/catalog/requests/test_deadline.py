"""Deadlines in China's working days."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from catalog.requests import deadline, is_overdue
from tests.unit.catalog.requests.filed import NEED, at


@pytest.mark.parametrize(
    ("filed", "working_days", "due_on"),
    [
        # 2026: days off from 15 to 23 February; Saturdays 14 and 28 February are worked in place of 20 and 23.
        ("2026-02-10 10:00", 10, "2026-03-02"),
        ("2026-02-10 10:00", 15, "2026-03-09"),
        ("2026-02-13 17:59", 1, "2026-02-14"),
        ("2026-02-14 09:00", 1, "2026-02-24"),
        ("2026-02-18 12:00", 4, "2026-02-27"),
        ("2026-02-27 12:00", 1, "2026-02-28"),
        ("2026-02-28 12:00", 1, "2026-03-02"),
        ("2026-09-30 12:00", 3, "2026-10-10"),
    ],
)
def test_days_off_do_not_count_and_worked_weekends_do(filed: str, working_days: int, due_on: str):
    """The day of filing, holidays and weekends do not count; a Saturday that everybody works does."""
    due = deadline(at(filed), working_days=working_days)
    assert (due.due_on.isoformat(), due.provisional) == (due_on, False)


def test_the_day_is_the_day_in_shanghai():
    """Filed just before and just after midnight in Shanghai is filed on two days, wherever the server stands."""
    late = deadline(at("2026-03-03 23:59"), working_days=1)
    early = deadline(at("2026-03-04 00:00"), working_days=1)
    assert (late.due_on, early.due_on) == (datetime.date(2026, 3, 4), datetime.date(2026, 3, 5))


def test_a_deadline_in_a_year_without_announced_holidays_is_provisional():
    """The State Council announces a year's days off late in the year before; until then the day may move."""
    assert not deadline(at("2026-12-01 12:00"), working_days=10).provisional
    assert deadline(at("2098-12-25 12:00"), working_days=10).provisional


def test_an_answer_is_in_time_until_the_end_of_the_last_day():
    """At midnight after the last working day the answer is overdue; an answered need never is."""
    assert not is_overdue(NEED, now=at("2026-03-02 23:59"))
    assert is_overdue(NEED, now=at("2026-03-03 00:00"))
    assert not is_overdue(replace(NEED, answered_at=1), now=at("2026-03-03 00:00"))
    assert not is_overdue(replace(NEED, answered_at=1, filed_at=2**62), now=at("2026-03-03 00:00"))
