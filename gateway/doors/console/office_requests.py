"""What the pages of needs and of corrections share: an office asks, a department has to answer in time."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from functools import partial
from typing import Any, TypeVar

from gateway.doors.console.days import today
from gateway.doors.console.names import Names
from gateway.doors.console.roles import OFFICE
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb
from sharing_stubs.sharing.requests.v1 import requests_pb2_grpc

_Request = TypeVar("_Request", pb.Need, pb.Correction)
_ANSWERED_SHOWN_MAX = 50


def stub_of(visit: Visit) -> requests_pb2_grpc.RequestsServiceStub:
    """Return the gateway's service of needs and corrections."""
    return requests_pb2_grpc.RequestsServiceStub(visit.connection.channel)


def works_in_office(visit: Visit) -> bool:
    """Tell whether the requester works with data in an office, so that it is the own requests that are shown."""
    return not OFFICE.isdisjoint(visit.session.requester.roles)


def late_only(visit: Visit) -> bool:
    """Tell whether the page shows only those that are late."""
    return visit.query.get("late") == "1"


def list_values(visit: Visit, requests: Iterable[_Request], *, names: Names) -> dict[str, Any]:
    """Return what the page of a list shows."""
    waiting, answered = waiting_first(requests)
    return {
        "waiting": waiting,
        "answered": answered[:_ANSWERED_SHOWN_MAX],
        "answered_total": len(answered),
        "late": late_only(visit),
        "asks": works_in_office(visit),
        "names": names,
        "days_left": partial(days_left, now=visit.now),
    }


def days_left(deadline: pb.Deadline, *, now: float) -> int:
    """Return how many days are left until the last day, in the city's time; negative when it has passed.

    Args:
        deadline: Of a need or correction.
        now: Seconds since 1970-01-01 UTC.
    """
    return (datetime.date.fromisoformat(deadline.due_on) - today(now)).days


def waiting_first(requests: Iterable[_Request]) -> tuple[list[_Request], list[_Request]]:
    """Return those that wait for an answer, the most urgent first, and those that are over, as they came."""
    listed = list(requests)
    waiting = sorted((one for one in listed if not one.answered_at), key=lambda one: one.deadline.due_on)
    return waiting, [one for one in listed if one.answered_at]
