"""Needs and corrections as their pages list them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from catalog.dataset import Text
from gateway.doors.console.office_requests import days_left, waiting_first
from gateway.doors.console.visit import Language, render
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


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (-2, "已逾期 2 天", "2 days late"),
        (-1, "已逾期 1 天", "1 day late"),
        (0, "今天到期", "due today"),
        (1, "还有 1 天", "1 day left"),
    ],
)
def test_a_deadline_is_told_in_words(days: int, zh: str, en: str) -> None:
    """With its day beside it; one day is one."""
    sides: tuple[tuple[Language, str], ...] = (("zh", zh), ("en", en))
    for language, words in sides:
        shown = listed([pb.Need(id="a", deadline=pb.Deadline(due_on="2026-01-04"))], days=days, language=language)
        assert f">{words}<" in shown
        assert "2026-01-04" in shown


def test_what_is_answered_has_its_day_only() -> None:
    """How many days were left says nothing any more."""
    over = pb.Need(id="a", answered_at=1, deadline=pb.Deadline(due_on="2026-01-04"))
    shown = listed([over], days=1)
    assert "2026-01-04" in shown
    assert "还有 1 天" not in shown
    assert "没有待答复的需求" in shown


def test_an_empty_list_says_what_will_stand_there() -> None:
    """What waits and what is answered, each in its own words."""
    shown = listed([], language="en")
    assert "No need waits for an answer." in shown
    assert "answers appear here" in shown


def listed(needs: list[pb.Need], *, days: int = 0, language: Language = "zh") -> str:
    waiting, answered = waiting_first(needs)
    requester = SimpleNamespace(display_name="", office_title=Text(zh="单位", en="Office"))
    names = SimpleNamespace(dataset=str, office=str, department=str, purpose=str)
    return render(
        "needs.html",
        language=language,
        visit=SimpleNamespace(session=SimpleNamespace(requester=requester), navigation=[], path="/needs"),
        waiting=waiting,
        answered=answered,
        answered_total=len(answered),
        late=False,
        asks=False,
        names=names,
        days_left=lambda _: days,
        states={0: (Text(zh="单位", en="Office"), "")},
    )
