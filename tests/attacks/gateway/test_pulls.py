"""However a pull ends, the log says so; it ends when the result may not be had any more, and what is lost is made anew."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from catalog.store import Part
from catalog.subscriptions import Run, SubscriptionStore
from gateway.client import InvalidRequest, Unavailable, request_errors
from gateway.doors.subscriptions import SubscriptionsDoor
from gateway.model.cancellation import Cancellation
from gateway.settings import Settings
from gateway.standing import Watch
from gateway.subscriptions import Sealing, SubscriptionParts
from gateway.subscriptions.runner import SubscriptionRunner
from gateway.wiring import _subscriptions
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from tests.fakes.servicer_call import CallAborted, ServicerCall
from tests.governing import restore_access, revoke_access
from tests.subscribing import ADMINISTRATOR, PURPOSE, SQL, Subscribing, rows_of, subscribing

SECONDS = 10.0


class NotedWatch(Watch):
    """Tells when it has stopped a delivery."""

    def __init__(self) -> None:
        super().__init__(period_seconds=0.05)
        self.stopped = threading.Event()

    def running(self, cancellation: Cancellation, *, ask_again: Callable[[], None]) -> AbstractContextManager[None]:
        cancellation.add(self.stopped.set)
        return super().running(cancellation, ask_again=ask_again)


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, new_postgresql_database: Callable[[], str]
) -> Iterator[Subscribing]:
    with subscribing(tmp_path_factory.mktemp("pulled"), database_url=new_postgresql_database()) as office:
        office.dwell("310101002001000101")
        yield office


@pytest.fixture
def watch() -> Iterator[NotedWatch]:
    made = NotedWatch()
    yield made
    made.close()


def parts_of(office: Subscribing) -> SubscriptionParts:
    settings = Settings.load(office.city.data / "gateway.toml")
    return _subscriptions(settings, path=office.gateway.path, store=office.gateway.registers.store)


def parts_under_another_secret(office: Subscribing) -> SubscriptionParts:
    return SubscriptionParts.make(
        parts_of(office).store,
        path=office.gateway.path,
        directory=office.city.data / "subscriptions",
        sealing=Sealing(b"another secret than that before..", new_salt=os.urandom),
    )


@contextmanager
def pulling(office: Subscribing, id: str, *, watch: Watch | None = None) -> Iterator[Iterator[pb.PullRunResponse]]:
    """Yield a pull of which two messages, run and schema, have been read."""
    path = replace(office.gateway.path, watch=watch or office.gateway.path.watch)
    door = SubscriptionsDoor(path=path, parts=parts_of(office), pulls_max=1)
    pull = door.PullRun(pb.PullRunRequest(subscription=id), call_of(office))
    next(pull), next(pull)
    yield pull


def call_of(office: Subscribing) -> Any:
    with office.subscriptions() as subscriptions:
        return ServicerCall(subscriptions._connection.headers())


def endings(office: Subscribing) -> list[dict[str, Any]]:
    """Return what the log says of how pulls ended."""
    bodies = [entry["body"] for entry in office.city.entries(kind="governance")]
    return [body["facts"] for body in bodies if body["action"] == "subscription_pull_end"]


def revoke(office: Subscribing, id: str) -> None:
    revoke_access(office.city, "PURPOSE", PURPOSE)


def stop(office: Subscribing, id: str) -> None:
    with office.subscriptions(ADMINISTRATOR) as administrator:
        administrator.stop(id)


def expire(office: Subscribing, id: str) -> None:
    with office.gateway.registers.store.change(Part.SUBSCRIPTIONS) as (connection, _):
        connection.exec_driver_sql("UPDATE subscription_runs SET expires_at = 1 WHERE state = 'ready'")


ENDS = [(revoke, "PURPOSE_REVOKED"), (stop, "ACCESS_REVOKED"), (expire, "ACCESS_REVOKED")]


@pytest.mark.parametrize(("end", "because"), ENDS)
def test_a_pull_ends_when_the_result_may_not_be_had_any_more(
    office: Subscribing, watch: NotedWatch, end: Callable[[Subscribing, str], None], because: str
):
    """Revoked, stopped by somebody, or expired while it is on its way: the rest never comes, and the log says why."""
    id = office.subscribe()
    with pulling(office, id, watch=watch) as pull:
        end(office, id)
        assert watch.stopped.wait(SECONDS)
        with pytest.raises(CallAborted, match=because):
            next(pull)
    if end is revoke:
        restore_access(office.city, "PURPOSE", PURPOSE)
    assert {"outcome": "revoked", "because": because}.items() <= endings(office)[-1].items()
    assert not (office.city.data / "subscriptions" / f"{office.shown(id).runs[0].id}.result").exists()


def test_without_the_repeated_question_all_of_it_would_come(office: Subscribing, watch: NotedWatch):
    """The twin of the test above: with nobody who asks again, the revocation changes nothing for who reads already."""
    watch.close()
    with pulling(office, office.subscribe(), watch=watch) as pull:
        revoke(office, "")
        assert len(list(pull)) == 2
    restore_access(office.city, "PURPOSE", PURPOSE)
    assert endings(office)[-1]["outcome"] == "delivered"


def test_the_log_tells_a_whole_delivery_from_a_cut_one(office: Subscribing):
    """Whoever looks at the log knows what the recipient got: all of it, a part because they went away, or a part and why."""
    id = office.subscribe()
    with pulling(office, id) as pull:
        pull.close()
    with pulling(office, id) as pull:
        list(pull)
    cut, whole = endings(office)[-2:]
    assert cut["outcome"] == "cancelled"
    assert (whole["outcome"], whole["rows"], whole["run"]) == ("delivered", 1, office.shown(id).runs[0].id)
    assert whole["bytes_sent"] > cut["bytes_sent"]


def test_a_lost_result_is_made_anew(office: Subscribing, tmp_path):
    """A damaged file fails its run, which is destroyed, and the next run of the subscription is pulled as usual."""
    id, path = office.subscribe("dwelling_code"), tmp_path / "dwellings.parquet"
    file = office.city.data / "subscriptions" / f"{office.shown(id).runs[0].id}.result"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(Unavailable, match="RUN_LOST"):
        office.pull(id, path)
    run = office.shown(id).runs[0]
    assert (run.state, run.reason, file.exists()) == (pb.RUN_STATE_FAILED, "RUN_LOST", False)
    assert {"outcome": "failed", "because": "RUN_LOST"}.items() <= endings(office)[-1].items()
    assert office.pull(id, path) is None
    office.an_hour_passes()
    assert office.pull(id, path) is not None
    assert rows_of(path) == office.truth()


def test_a_run_of_a_killed_gateway_is_settled(office: Subscribing):
    """What says 'running' and is run by nobody says so no longer than a run may take; one that just began is left."""
    id = office.subscribe()
    store = SubscriptionStore(office.gateway.registers.store)
    now = int(office.clock())
    (subscription,) = (one for one in store.all() if one.id == id)
    begun = Run(id=str(uuid.uuid4()), subscription=id, started_at=now + 1, builds_on="")
    assert store.begin(begun, subscription=subscription, next_at=now + 30 * 86_400)
    office.runs_done()
    assert office.shown(id).runs[0].state == pb.RUN_STATE_RUNNING
    office.an_hour_passes()
    assert (office.shown(id).runs[0].state, office.shown(id).runs[0].reason) == (pb.RUN_STATE_FAILED, "RUN_LOST")


def test_only_the_latest_run_is_acknowledged_twice(office: Subscribing, tmp_path):
    """An answer that was lost is given again; an older run, which the next changes do not build on, is refused."""
    id, path = office.subscribe("dwelling_code"), tmp_path / "dwellings.parquet"
    first = office.pull(id, path)
    office.an_hour_passes()
    second = office.pull(id, path)
    assert first is not None
    assert second is not None
    with office.subscriptions() as subscriptions, request_errors():
        metadata = subscriptions._connection.headers()
        latest = pb.AcknowledgeRunRequest(subscription=id, run=second.run.id)
        assert subscriptions._stub.AcknowledgeRun(latest, metadata=metadata).run.id == second.run.id
        older = pb.AcknowledgeRunRequest(subscription=id, run=first.run.id)
        with pytest.raises(InvalidRequest, match="create it anew"), request_errors():
            subscriptions._stub.AcknowledgeRun(older, metadata=metadata)


def test_after_a_change_of_the_secret_the_remedy_is_told(office: Subscribing):
    """The list still comes, without the literals that nobody can read any more; pull and run say to create it anew."""
    id = office.subscribe(sql=f"{SQL} WHERE floors_total < 79")
    parts = parts_under_another_secret(office)
    door = SubscriptionsDoor(path=office.gateway.path, parts=parts, pulls_max=1)
    listed = door.ListSubscriptions(pb.ListSubscriptionsRequest(), call_of(office)).subscriptions
    (one,) = (one for one in listed if one.id == id)
    assert "79" not in one.sql
    assert "dwelling_code" in one.sql
    with pytest.raises(CallAborted, match=r"SUBSCRIPTION_LOST.*create it anew"):
        list(door.PullRun(pb.PullRunRequest(subscription=id), call_of(office)))
    (subscription,) = (one for one in parts.store.all() if one.id == id)
    office.clock.ahead_seconds += 1
    SubscriptionRunner(path=office.gateway.path, parts=parts).run(subscription, cancellation=Cancellation())
    run = office.shown(id).runs[0]
    assert (run.state, run.reason) == (pb.RUN_STATE_FAILED, "SUBSCRIPTION_LOST")


def test_a_full_disk_fails_the_run_and_the_log_says_so(office: Subscribing):
    """The spool leaves the disk its reserve: the run fails with the reason in its receipt, and the next one is delivered."""
    id = office.subscribe(run=False)
    parts = parts_of(office)
    parts.spool._disk_usage = lambda _: (1 << 40, 1 << 40, 0)
    (subscription,) = (one for one in parts.store.all() if one.id == id)
    SubscriptionRunner(path=office.gateway.path, parts=parts).run(subscription, cancellation=Cancellation())
    run = office.shown(id).runs[0]
    assert (run.state, run.reason) == (pb.RUN_STATE_FAILED, "SPOOL_FULL")
    receipt = office.city.entries(kind="receipt")[-1]["body"]
    assert (receipt["outcome"], receipt["reason"]) == ("failed", "SPOOL_FULL")
    office.an_hour_passes()
    assert office.shown(id).runs[0].state == pb.RUN_STATE_READY
