"""Deadlines of needs and corrections, as a page shows them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import TypeVar

from gateway.doors.console.visit import CITY_TIME
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb

_Request = TypeVar("_Request", pb.Need, pb.Correction)
ANSWERED_SHOWN_MAX = 50


def days_left(deadline: pb.Deadline, *, now: float) -> int:
    """Return how many days are left until the last day, in the city's time; negative when it has passed.

    Args:
        deadline: Of a need or correction.
        now: Seconds since 1970-01-01 UTC.
    """
    today = datetime.datetime.fromtimestamp(now, CITY_TIME).date()
    return (datetime.date.fromisoformat(deadline.due_on) - today).days


def waiting_first(requests: Iterable[_Request]) -> tuple[list[_Request], list[_Request]]:
    """Return those that wait for an answer, the most urgent first, and those that are over, as they came."""
    listed = list(requests)
    waiting = sorted((one for one in listed if not one.answered_at), key=lambda one: one.deadline.due_on)
    return waiting, [one for one in listed if one.answered_at]


def end_of_day(day: str) -> int | None:
    """Return the first second after a day that was typed as `2027-01-31`; None when it is not a day of a near century."""
    try:
        after = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    if not 2000 < after.year < 2200:
        return None
    return int(datetime.datetime.combine(after, datetime.time(), CITY_TIME).timestamp())


def last_day(seconds: int) -> str:
    """Return the last day before a moment, as a form shows it: the inverse of `end_of_day`."""
    return f"{datetime.datetime.fromtimestamp(seconds - 1, CITY_TIME):%Y-%m-%d}"
