"""Subscriptions and runs in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.governance import GovernanceRefused
from catalog.store import StoreWatch
from catalog.subscriptions import Cycle, Run, RunState, Subscription, SubscriptionStore
from catalog.subscriptions import store as store_module

NOW, LATER = 1_790_000_000, 1_790_003_600
SUBSCRIPTION = Subscription(
    id="s-1",
    subject="nanjing-east-road",
    office="310101002",
    sealed_sql="c2VhbGVk",
    sql_normalised="SELECT dwelling_code FROM housing.dwelling",
    purpose="fire-safety-inspection",
    case_number="",
    cycle=Cycle.HOURLY,
    minute_of_day=0,
    key_columns=("dwelling_code",),
    created_at=NOW,
    next_at=NOW,
)
RUN = Run(id="r-1", subscription="s-1", started_at=NOW, builds_on="")
READY = replace(RUN, state=RunState.READY, entry="e-1", rows=4, expires_at=LATER + 1, terms="ab")


class LogStopped(Exception):
    """What a witness raises that cannot record."""


def unseen() -> None:
    """A witness that has nothing to say."""


def stopped() -> None:
    raise LogStopped


@pytest.fixture
def subscriptions(store: StoreWatch) -> SubscriptionStore:
    store.poll()
    made = SubscriptionStore(store)
    made.create(SUBSCRIPTION, witness=unseen)
    return made


def test_several_gateways_run_a_subscription_once(subscriptions: SubscriptionStore):
    """Of two that read that it is due, the second begins nothing, until it is due again."""
    (due,) = subscriptions.due(NOW)
    assert due == SUBSCRIPTION
    assert subscriptions.begin(RUN, subscription=due, next_at=LATER)
    assert not subscriptions.begin(replace(RUN, id="r-2"), subscription=due, next_at=LATER)
    assert [run.id for run in subscriptions.runs("s-1")] == ["r-1"]
    assert subscriptions.due(LATER - 1) == ()
    assert [one.next_at for one in subscriptions.due(LATER)] == [LATER]


def test_a_new_run_takes_the_place_of_what_waits(subscriptions: SubscriptionStore):
    """At most one result of a subscription waits, and what a lost gateway left running never becomes one."""
    subscriptions.begin(RUN, subscription=SUBSCRIPTION, next_at=LATER)
    later = replace(SUBSCRIPTION, next_at=LATER)
    second = replace(RUN, id="r-2", started_at=LATER)
    subscriptions.begin(second, subscription=later, next_at=LATER + 1)
    assert not subscriptions.settle(READY, was=RunState.RUNNING)
    assert subscriptions.settle(replace(READY, id="r-2"), was=RunState.RUNNING)
    assert subscriptions.ready("s-1") == replace(READY, id="r-2")
    assert subscriptions.kept() == store_module.Kept(results=frozenset({"r-2"}), hashes=frozenset({"r-2", ""}))
    assert [run.id for run in subscriptions.expired(LATER + 1)] == ["r-2"]
    assert subscriptions.expired(LATER) == ()


def test_what_is_acknowledged_is_what_the_next_run_builds_on(subscriptions: SubscriptionStore):
    """Acknowledged once, its hashes are kept and its result is not; a result that waits no more cannot be."""
    subscriptions.begin(RUN, subscription=SUBSCRIPTION, next_at=LATER)
    subscriptions.settle(READY, was=RunState.RUNNING)
    acknowledged = replace(READY, state=RunState.ACKNOWLEDGED)
    with pytest.raises(LogStopped):
        subscriptions.acknowledge(acknowledged, witness=stopped)
    assert subscriptions.ready("s-1") == READY
    subscriptions.acknowledge(acknowledged, witness=unseen)
    assert [one.acknowledged for one in subscriptions.all()] == ["r-1"]
    assert subscriptions.kept() == store_module.Kept(results=frozenset(), hashes=frozenset({"r-1"}))
    with pytest.raises(GovernanceRefused, match="no longer holds"):
        subscriptions.acknowledge(acknowledged, witness=unseen)


def test_a_run_that_nobody_ends_is_found(subscriptions: SubscriptionStore):
    """What a killed gateway left running is told by its age, until it is settled; what began since is not."""
    subscriptions.begin(RUN, subscription=SUBSCRIPTION, next_at=LATER)
    assert subscriptions.running_since(NOW - 1) == ()
    assert subscriptions.running_since(NOW) == (RUN,)
    subscriptions.settle(replace(RUN, state=RunState.FAILED), was=RunState.RUNNING)
    assert subscriptions.running_since(LATER) == ()


def test_a_stopped_subscription_leaves_nothing(subscriptions: SubscriptionStore):
    """What waits is discarded, nothing is due any more, and it is stopped once; while the log is stopped nothing changes."""
    subscriptions.begin(RUN, subscription=SUBSCRIPTION, next_at=LATER)
    over = replace(SUBSCRIPTION, next_at=0, stopped_at=LATER, stopped_zh="停", stopped_en="over")
    with pytest.raises(LogStopped):
        subscriptions.stop(over, witness=stopped)
    assert subscriptions.due(LATER)
    assert subscriptions.stop(over, witness=unseen)
    assert not subscriptions.stop(over, witness=unseen)
    assert (subscriptions.all(), subscriptions.due(LATER)) == ((over,), ())
    assert [run.state for run in subscriptions.runs("s-1")] == [RunState.DISCARDED]
    assert subscriptions.kept() == store_module.Kept(results=frozenset(), hashes=frozenset())


def test_nobody_makes_subscriptions_without_end(subscriptions: SubscriptionStore, monkeypatch: pytest.MonkeyPatch):
    """A requester has so many at a time; what is stopped does not count, nor does another's."""
    monkeypatch.setattr(store_module, "STANDING_MAX", 1)
    with pytest.raises(GovernanceRefused, match="stop those you no longer need"):
        subscriptions.create(replace(SUBSCRIPTION, id="s-2"), witness=unseen)
    subscriptions.create(replace(SUBSCRIPTION, id="s-3", subject="changfeng"), witness=unseen)
    subscriptions.stop(replace(SUBSCRIPTION, next_at=0, stopped_at=NOW), witness=unseen)
    subscriptions.create(replace(SUBSCRIPTION, id="s-2"), witness=unseen)
    assert len(subscriptions.all()) == 3
