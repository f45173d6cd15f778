"""Running queries are asked about again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gateway.errors import Denied, Unavailable
from gateway.messages import Reason
from gateway.model.cancellation import Cancellation
from gateway.standing import Watch

SECONDS = 5.0


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    yield made
    made.close()


def denied() -> None:
    raise Denied(Reason.ACCESS_REVOKED)


def test_a_query_that_is_no_longer_allowed_is_cancelled_with_the_cause(watch):
    """Nobody has to change anything: time alone may end what a query was allowed on."""
    cancellation, stopped = Cancellation(), threading.Event()
    cancellation.add(stopped.set)
    with watch.running(cancellation, ask_again=denied):
        assert stopped.wait(SECONDS)
    assert cancellation.cause.reason is Reason.ACCESS_REVOKED


def test_a_query_that_is_still_allowed_goes_on(watch):
    """Asking again does not disturb."""
    cancellation, asked = Cancellation(), threading.Event()
    with watch.running(cancellation, ask_again=asked.set):
        assert asked.wait(SECONDS)
    assert not cancellation.cancelled


def test_a_change_is_followed_at_once():
    """A register that changes does not wait for the period."""
    watch = Watch(period_seconds=3600)
    cancellation, stopped = Cancellation(), threading.Event()
    cancellation.add(stopped.set)
    with watch.running(cancellation, ask_again=denied):
        watch.changed()
        assert stopped.wait(SECONDS)
    watch.close()


def test_without_the_watch_nothing_would_stop():
    """Twin: the cancellation above is the watch's work."""
    watch = Watch(period_seconds=3600)
    watch.close()
    cancellation = Cancellation()
    with watch.running(cancellation, ask_again=denied):
        watch.changed()
        assert not cancellation.cancelled


def test_a_query_that_ended_is_not_asked_about(watch):
    """What is over stays as it ended."""
    cancellation, asked = Cancellation(), threading.Event()
    with watch.running(cancellation, ask_again=lambda: None):
        pass
    with watch.running(Cancellation(), ask_again=asked.set):
        assert asked.wait(SECONDS)
    assert not cancellation.cancelled


def test_one_answer_that_cannot_be_had_is_asked_for_again(watch):
    """A policy engine that is away for a moment does not end what runs; one that stays away does."""
    cancellation, asked, stopped = Cancellation(), threading.Semaphore(0), threading.Event()
    cancellation.add(stopped.set)
    answers = iter([Unavailable(Reason.POLICY_SLOW), None, Unavailable(Reason.POLICY_SLOW), None])

    def sometimes() -> None:
        asked.release()
        error = next(answers, Unavailable(Reason.POLICY_UNAVAILABLE))
        if error is not None:
            raise error

    with watch.running(cancellation, ask_again=sometimes):
        for _ in range(4):
            assert asked.acquire(timeout=SECONDS)
        assert not cancellation.cancelled
        assert stopped.wait(SECONDS)
    assert cancellation.cause.reason is Reason.POLICY_UNAVAILABLE


def test_a_query_that_is_slow_to_be_decided_does_not_hold_up_the_others(watch):
    """Several are asked about at the same time."""
    slow, other, stopped, go_on = Cancellation(), Cancellation(), threading.Event(), threading.Event()
    other.add(stopped.set)
    with (
        watch.running(slow, ask_again=lambda: go_on.wait(SECONDS) and None),
        watch.running(other, ask_again=denied),
    ):
        assert stopped.wait(SECONDS / 2)
        go_on.set()


def test_one_query_that_fails_otherwise_does_not_end_the_watch(watch, caplog):
    """An unforeseen error stops the query it came from, and the watch goes on."""
    broken, other, stopped = Cancellation(), Cancellation(), threading.Event()
    other.add(stopped.set)

    def fails() -> None:
        raise ZeroDivisionError

    with watch.running(broken, ask_again=fails), watch.running(other, ask_again=denied):
        assert stopped.wait(SECONDS)
    assert broken.cause.reason is Reason.INTERNAL


def test_who_makes_a_change_learns_what_it_stopped():
    """Counted are the queries that the change refuses, not those that go on, and none that was refused before."""
    watch, refused = Watch(period_seconds=3600), threading.Event()
    before, after, other = Cancellation(), Cancellation(), Cancellation()
    before.cancel(Denied(Reason.ACCESS_REVOKED))
    with (
        watch.running(before, ask_again=denied),
        watch.running(after, ask_again=lambda: denied() if refused.is_set() else None),
        watch.running(other, ask_again=lambda: None),
    ):
        assert watch.count_stopped(lambda: None) == 0
        assert watch.count_stopped(refused.set) == 1
    assert (after.cancelled, other.cancelled) == (True, False)
    watch.close()


def test_a_change_that_fails_is_told(watch):
    """Nothing is counted when nothing was changed."""

    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        watch.count_stopped(fails)
