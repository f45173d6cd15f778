"""Who has their turn when several subscriptions are due."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.model.cancellation import Cancellation
from gateway.subscriptions import SubscriptionSchedule
from gateway.subscriptions import schedule as schedule_module

SECONDS = 10.0


class Runs:
    """Subscriptions that are due, by requester and id, and run until they are let go."""

    def __init__(self, *due: str, failing: str = "") -> None:
        self.waiting = [SimpleNamespace(id=id, subject=id.split("-")[0]) for id in due]
        self.failing = failing
        self.gates = {id: threading.Event() for id in due}
        self.begun: list[str] = []
        self.sweeps = 0

    def due(self, now: int) -> list[Any]:
        return list(self.waiting)

    def sweep(self) -> None:
        self.sweeps += 1

    def run(self, subscription: Any, *, cancellation: Cancellation) -> None:
        self.waiting.remove(subscription)
        self.begun.append(subscription.id)
        cancellation.add(self.gates[subscription.id].set)
        if subscription.id == self.failing:
            raise RuntimeError("a run that fails in a way nobody thought of")
        self.gates[subscription.id].wait(SECONDS)


@pytest.fixture
def schedules() -> Iterator[list[SubscriptionSchedule]]:
    made: list[SubscriptionSchedule] = []
    yield made
    for schedule in made:
        schedule.close()


def schedule_of(runs: Runs, schedules: list[SubscriptionSchedule]) -> SubscriptionSchedule:
    parts: Any = SimpleNamespace(store=runs, custody=runs, spool=None)
    path: Any = SimpleNamespace(clock_seconds=lambda: 0.0)
    schedule = SubscriptionSchedule(path=path, parts=parts)
    schedule._runner = runs  # type: ignore[assignment]
    schedules.append(schedule)
    return schedule


def let_go(runs: Runs, running: frozenset[futures.Future[None]], *ids: str) -> None:
    for id in ids:
        runs.gates[id].set()
    futures.wait(running, SECONDS, return_when=futures.FIRST_COMPLETED)


def test_a_slow_run_holds_up_nobody_else(schedules: list[SubscriptionSchedule]):
    """While one requester's run takes its time, others run one after another, and what is over is swept."""
    runs = Runs("a-1", "a-2", "b-1", "c-1")
    schedule = schedule_of(runs, schedules)
    let_go(runs, schedule.round(), "b-1")
    let_go(runs, schedule.round(), "c-1")
    while schedule.round() and len(runs.begun) < 3:
        pass
    assert set(runs.begun) == {"a-1", "b-1", "c-1"}
    assert not runs.gates["a-1"].is_set()
    assert runs.sweeps >= 2


def test_a_requester_has_one_turn_and_all_together_two(schedules: list[SubscriptionSchedule]):
    """However many are due: of one requester one runs, and of all two, so that those who wait for an answer have engines."""
    runs = Runs("a-1", "a-2", "b-1", "c-1")
    schedule = schedule_of(runs, schedules)
    for _ in range(3):
        assert len(schedule.round()) == 2
    let_go(runs, schedule.round(), "a-1", "b-1")
    for gate in runs.gates.values():
        gate.set()
    while running := schedule.round():
        futures.wait(running, SECONDS)
    assert set(runs.begun[:2]) == {"a-1", "b-1"}
    assert sorted(runs.begun) == ["a-1", "a-2", "b-1", "c-1"]


def test_a_run_that_raises_stops_no_other(schedules: list[SubscriptionSchedule], monkeypatch: pytest.MonkeyPatch):
    """An error that nobody thought of ends its own run only."""
    monkeypatch.setattr(schedule_module, "_AFTER_ERROR_SECONDS", 0.0)
    runs = Runs("a-1", "a-2", "b-1", failing="a-1")
    schedule = schedule_of(runs, schedules)
    for gate in runs.gates.values():
        gate.set()
    while running := schedule.round():
        futures.wait(running, SECONDS)
    assert sorted(runs.begun) == ["a-1", "a-2", "b-1"]


def test_the_end_gives_up_what_runs(schedules: list[SubscriptionSchedule]):
    """Closing does not wait for a run's own end: it is cancelled."""
    runs = Runs("a-1")
    schedule = schedule_of(runs, schedules)
    running = schedule.round()
    schedule.close()
    assert all(run.done() for run in running)
