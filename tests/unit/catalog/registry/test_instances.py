"""Leases, generations, replicas and drift. On SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from catalog.registry import RegistrationAction, RegistrationRefused, RegistrationState, Registry, RegistryUnavailable
from catalog.store import StoreWatch
from tests.unit.catalog.registry.registering import DRIFT, HEALTH, LEASE_SECONDS, START, Clock, Office, opened

SERVED, NO_LEASE, DRIFTED = [["i1"], ["i1"]], [["no_lease"], ["no_lease"]], [["i1"], ["drifted"]]


def test_a_connector_serves_while_its_lease_lasts(office: Office, clock: Clock) -> None:
    """Without a heartbeat it is not asked any more, and a later one brings it back without anybody's help."""
    office.approved()
    clock.now += LEASE_SECONDS - 1
    assert office.served_from() == SERVED
    clock.now += 1
    assert office.served_from() == NO_LEASE
    assert office.registry.instances("health") == ()
    assert office.beat().instances[0].lease_expires_at == START + 2 * LEASE_SECONDS
    assert office.served_from() == SERVED


def test_heartbeats_and_repetitions_are_not_recorded(office: Office) -> None:
    """Nothing but a change is: the lease is not, nor the same connector that registers again."""
    office.approved()
    recorded = list(office.recorded)
    office.beat()
    assert office.register().instances[0].generation == 1
    assert office.recorded == recorded


def test_a_new_connector_at_the_same_address_supersedes_the_old_one(office: Office) -> None:
    """Its generation is higher, the registration stays approved, and the old one's heartbeat is refused."""
    office.approved()
    old = office.instance()
    restarted = office.register("i2", endpoint=old.endpoint)
    assert restarted.state is RegistrationState.ACTIVE
    assert [(one.instance_id, one.generation) for one in restarted.instances] == [("i2", 2)]
    assert office.recorded[-1] == restarted
    with pytest.raises(RegistrationRefused, match="superseded"):
        office.registry.heartbeat(old, drifts={}, by="x", witness=office.recorded.append)
    assert office.registry.instance("health", "main", instance_id="i1") is None


def test_a_replica_must_be_shown_to_be_the_same(office: Office) -> None:
    """At another address it is let in only when it was compared with every connector that runs."""
    office.approved()
    with pytest.raises(RegistrationRefused, match="not compared"):
        office.register("i2")
    office.register("i2", same_as=["i1"])
    with pytest.raises(RegistrationRefused, match="not compared"):
        office.register("i3", same_as=["i1"])
    assert office.served_from() == [["i1", "i2"], ["i1", "i2"]]
    assert [one.instance_id for one in office.registry.instances("health")] == ["i1", "i2"]


def test_a_replica_with_other_datasets_is_refused(office: Office) -> None:
    """While one runs, another one cannot change what is served."""
    office.approved()
    with pytest.raises(RegistrationRefused, match="datasets differ"):
        office.register("i2", datasets=HEALTH[:1], same_as=["i1"])
    assert office.served_from() == SERVED


def test_a_connector_may_move_once_the_old_one_is_gone(office: Office, clock: Clock) -> None:
    """When the lease at the old address has ended there is nothing to compare with, and the old one must register again."""
    office.approved()
    old = office.instance()
    clock.now += LEASE_SECONDS
    assert office.register("i2").state is RegistrationState.ACTIVE
    assert office.served_from() == [["i2"], ["i2"]]
    with pytest.raises(RegistrationRefused, match="superseded"):
        office.registry.heartbeat(old, drifts={}, by="x", witness=office.recorded.append)


def test_a_connector_that_is_gone_is_superseded_before_its_lease_ends(office: Office) -> None:
    """When it was found not to run any more, its successor at another address need not wait; its heartbeat is refused."""
    office.approved()
    old = office.instance()
    assert office.register("i2", gone=["i1"]).state is RegistrationState.ACTIVE
    assert office.served_from() == [["i2"], ["i2"]]
    with pytest.raises(RegistrationRefused, match="superseded"):
        office.registry.heartbeat(old, drifts={}, by="x", witness=office.recorded.append)


def test_an_instance_id_is_used_once(office: Office) -> None:
    """Another connector cannot take the place of one by naming its id."""
    office.approved(datasets=HEALTH[:1])
    with pytest.raises(RegistrationRefused, match="in use"):
        office.register("i1", connector="second", endpoint="elsewhere:1", datasets=HEALTH[1:])


def test_drift_stops_one_dataset_until_a_heartbeat_agrees(office: Office, clock: Clock) -> None:
    """The other dataset goes on; beginning and end are recorded, and the time at which it was found is kept."""
    office.approved()
    drifted = office.beat(drifts={HEALTH[1]: DRIFT})
    assert office.served_from() == DRIFTED
    assert [(one.dataset, one.text, one.found_at) for one in drifted.drifts] == [(HEALTH[1], DRIFT, START)]
    clock.now += 10
    assert office.beat(drifts={HEALTH[1]: DRIFT}).drifts == drifted.drifts
    agreeing = office.beat()
    assert (agreeing.drifts, office.served_from()) == ((), SERVED)
    assert office.recorded[-2:] == [drifted, agreeing]


def test_a_connector_that_comes_back_with_drift_stays_approved(office: Office) -> None:
    """Only the dataset that is not as catalogued is stopped."""
    office.approved()
    back = office.register("i2", endpoint="i1:1", drifts={HEALTH[1]: DRIFT})
    assert back.state is RegistrationState.ACTIVE
    assert office.served_from() == [["i2"], ["drifted"]]


def test_a_scan_reports_drift(office: Office) -> None:
    """What a stream shows stops the dataset of that connector and is recorded once; of one that nobody knows nothing is."""
    office.approved()
    office.register("i2", same_as=["i1"])
    office.recorded.clear()
    office.scanned(HEALTH[0], id="unknown")
    office.scanned("nobody.knows", id="i1")
    assert office.recorded == []
    office.scanned(HEALTH[0], id="i1")
    office.scanned(HEALTH[0], id="i1")
    assert [[drift.instance_id for drift in one.drifts] for one in office.recorded] == [["i1"]]
    assert office.served_from() == [["i2"], ["i1", "i2"]]
    office.scanned(HEALTH[0], id="i2")
    assert office.served_from() == [["drifted"], ["i1", "i2"]]
    office.beat("i2")
    assert office.served_from() == [["i2"], ["i1", "i2"]]


def test_listeners_hear_of_changes_and_not_of_leases(office: Office) -> None:
    """Running queries are asked about again when something changed, not with every heartbeat."""
    office.approved()
    heard: list[int] = []
    office.registry.on_change(lambda: heard.append(1))
    office.beat()
    assert heard == []
    office.beat(drifts={HEALTH[0]: DRIFT})
    office.decide(RegistrationAction.SUSPEND)
    assert len(heard) == 2


def test_two_gateways_on_one_database_see_the_same(office: Office, store_url: str, clock: Clock) -> None:
    """What one lets in, renews, suspends or finds drifted, the other one knows once it has looked."""
    office.approved()
    with opened(store_url, clock) as (other, watch):
        assert other.served_from() == SERVED
        clock.now += LEASE_SECONDS - 1
        office.beat(drifts={HEALTH[1]: DRIFT})
        clock.now += LEASE_SECONDS - 1
        watch.poll()
        assert other.served_from() == DRIFTED
        office.decide(RegistrationAction.SUSPEND)
        watch.poll()
        assert other.served_from() == [["suspended"], ["suspended"]]
        assert other.registry.history("health", "main") == office.registry.history("health", "main")


def test_a_registry_without_its_database_answers_nothing(store: StoreWatch) -> None:
    """Until the database was read nobody knows anything, and that is an error, never an empty answer."""
    registry = Registry(store, clock_seconds=Clock(), lease_seconds=LEASE_SECONDS)
    for ask in (
        lambda: registry.serving(HEALTH[0]),
        lambda: registry.instances("health"),
        registry.registrations,
        lambda: registry.history("health", "main"),
        lambda: registry.report_drift(HEALTH[0], instance_id="i1", text=DRIFT, witness=str),
    ):
        with pytest.raises(RegistryUnavailable):
            ask()
