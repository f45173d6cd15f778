"""Few registrations and heartbeats at a time, and none that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import grpc
import pytest

from catalog.registry import RegistrationRefused
from gateway.doors.turns import CallTime, Turns
from gateway.errors import TooLarge
from gateway.messages import Reason


class Call:
    """A call to the gateway: its caller is there, and has so many seconds."""

    def __init__(self, seconds: float | None, *, is_active: bool = True) -> None:
        self._seconds = seconds
        self._is_active = is_active

    def time_remaining(self) -> float | None:
        return self._seconds

    def is_active(self) -> bool:
        return self._is_active

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return self._is_active


class Asked:
    """A question to a connector that is answered unless it is taken back."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def result(self) -> str:
        if self.cancelled:
            raise grpc.FutureCancelledError
        return "answer"


def call_time(call: Call, *, seconds_max: float = 100) -> CallTime:
    return CallTime(call, seconds_max=seconds_max)  # type: ignore[arg-type]


def is_refused(turns: Turns, department: str, id: str) -> bool:
    try:
        with turns.take(department, id=id):
            return False
    except TooLarge as busy:
        return busy.reason is Reason.BUSY


def test_the_same_does_not_run_twice() -> None:
    """Until it has ended, well or not."""
    turns = Turns(all_max=4, own_max=2)
    with turns.take("health", id="a"):
        assert is_refused(turns, "health", "a")
        assert not is_refused(turns, "health", "b")
    with pytest.raises(ZeroDivisionError), turns.take("health", id="a"):
        assert 1 // 0
    assert not is_refused(turns, "health", "a")


@pytest.mark.parametrize("ids", ["ab", ("", "")])
def test_one_department_leaves_turns_to_others(ids: Sequence[str]) -> None:
    """It has its share, whatever names it makes up; all departments together have theirs."""
    turns = Turns(all_max=4, own_max=2)
    with ExitStack() as running:
        for id in ids:
            running.enter_context(turns.take("health", id=id))
        assert is_refused(turns, "health", "one more")
        for department in ("police", "tax"):
            running.enter_context(turns.take(department, id="main"))
        assert is_refused(turns, "housing", "main")
    assert not is_refused(turns, "housing", "main")


@pytest.mark.parametrize(("seconds", "most"), [(None, 5), (100, 5), (3, 3)])
def test_a_step_has_what_is_left(seconds: float | None, most: float) -> None:
    """No more than its own bound, and no more than the call has."""
    assert most - 1 < call_time(Call(seconds)).seconds(5) <= most
    assert call_time(Call(seconds), seconds_max=2).seconds(5) <= 2


@pytest.mark.parametrize("call", [Call(0), Call(-1), Call(5, is_active=False)])
def test_nothing_is_asked_that_nobody_waits_for(call: Call) -> None:
    """A call that is over is refused before the next step, and a question under way is taken back."""
    with pytest.raises(RegistrationRefused, match="time of the call"):
        call_time(call).seconds(5)


def test_a_question_is_taken_back_when_the_caller_goes() -> None:
    """It is answered while the caller waits."""
    assert call_time(Call(5)).result(Asked()) == "answer"  # type: ignore[arg-type]
    with pytest.raises(RegistrationRefused):
        call_time(Call(5, is_active=False)).result(Asked())  # type: ignore[arg-type]
