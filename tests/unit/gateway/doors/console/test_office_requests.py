"""Needs and corrections as their pages list them."""

from __future__ import annotations

import pytest

from gateway.doors.console.office_requests import days_left, waiting_first
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb

NOON = 1_767_240_000
"""2026-01-01 12:00 in Shanghai."""
LATE_EVENING = NOON + 11 * 3600


@pytest.mark.parametrize(("due_on", "left"), [("2026-01-01", 0), ("2026-01-04", 3), ("2025-12-31", -1)])
def test_days_are_counted_in_the_citys_time(due_on: str, left: int) -> None:
    """A deadline ends with its day in Shanghai, whatever the hour."""
    for now in (NOON, LATE_EVENING):
        assert days_left(pb.Deadline(due_on=due_on), now=now) == left


def test_what_waits_comes_first_the_most_urgent_before_the_others() -> None:
    """What is over keeps its order."""
    late, soon = (pb.Need(id=day, deadline=pb.Deadline(due_on=day)) for day in ("2025-12-30", "2026-01-04"))
    over = [pb.Need(id=id, answered_at=1) for id in ("b", "a")]
    assert waiting_first([over[0], soon, over[1], late]) == ([late, soon], over)
