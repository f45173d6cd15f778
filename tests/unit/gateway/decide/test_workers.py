"""Calls end by their deadline."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.decide.workers import Workers
from gateway.errors import Unavailable
from gateway.messages import Reason


@pytest.fixture
def abandoned() -> list[threading.Event]:
    return []


@pytest.fixture
def workers(abandoned: list[threading.Event]) -> Workers[threading.Event]:
    def abandon(resource: threading.Event) -> None:
        abandoned.append(resource)
        resource.set()

    return Workers([threading.Event(), threading.Event()], abandon=abandon)


def test_a_call_returns_and_raises_as_it_does(workers: Workers[threading.Event]) -> None:
    """Results and errors pass through."""
    assert workers.run(lambda _: 7, deadline_seconds=100) == 7
    with pytest.raises(KeyError):
        workers.run(lambda _: {}["x"], deadline_seconds=100)


def test_a_resource_is_used_by_one_call_at_a_time(workers: Workers[threading.Event]) -> None:
    """Two calls at once have different resources; both come back."""
    barrier = threading.Barrier(2, timeout=100)

    def call(resource: threading.Event) -> threading.Event:
        barrier.wait()
        return resource

    with ThreadPoolExecutor(2) as callers:
        for _ in range(20):
            first, second = callers.map(lambda _: workers.run(call, deadline_seconds=100), range(2))
            assert first is not second


def test_a_call_is_given_up_at_its_deadline_and_told_so(
    workers: Workers[threading.Event], abandoned: list[threading.Event]
) -> None:
    """The caller goes on; the resource is told, and serves again when it has ended."""
    with pytest.raises(Unavailable) as caught:
        workers.run(lambda resource: resource.wait(100), deadline_seconds=0.05)
    assert caught.value.reason is Reason.POLICY_SLOW
    (resource,) = abandoned
    assert resource.is_set()
    assert workers.run(lambda _: "again", deadline_seconds=100) == "again"


def test_waiting_for_a_free_resource_counts(workers: Workers[threading.Event]) -> None:
    """When every resource is busy the deadline still holds, and the call is not run later."""
    release, ran = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as callers:
        busy = [callers.submit(workers.run, lambda _: release.wait(100), deadline_seconds=100) for _ in range(2)]
        while workers._idle.qsize():
            pass
        with pytest.raises(Unavailable) as caught:
            workers.run(lambda _: ran.set(), deadline_seconds=0.05)
        release.set()
        assert all(future.result(200) for future in busy)
    assert caught.value.reason is Reason.POLICY_SLOW
    workers.run(lambda _: None, deadline_seconds=100)
    assert not ran.is_set()


def test_nothing_runs_after_close(workers: Workers[threading.Event]) -> None:
    """A closed engine is an unavailable one."""
    workers.close()
    with pytest.raises(Unavailable) as caught:
        workers.run(lambda _: 7, deadline_seconds=100)
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE
