"""Registrations: requested, checked, approved, active, suspended, withdrawn. On SQLite and PostgreSQL."""

from __future__ import annotations

import pytest

from catalog.registry import Registration, RegistrationAction, RegistrationRefused, RegistrationState
from tests.unit.catalog.registry.registering import DRIFT, HEALTH, LEASE_SECONDS, START, Clock, Office

APPROVE, SUSPEND = RegistrationAction.APPROVE, RegistrationAction.SUSPEND
RESUME, WITHDRAW = RegistrationAction.RESUME, RegistrationAction.WITHDRAW
REQUESTED, CHECKED = RegistrationState.REQUESTED, RegistrationState.CHECKED
ACTIVE, APPROVED = RegistrationState.ACTIVE, RegistrationState.APPROVED
SUSPENDED, WITHDRAWN = RegistrationState.SUSPENDED, RegistrationState.WITHDRAWN


def test_a_new_connector_waits_for_approval(office: Office) -> None:
    """A registered connector is stored as checked, is recorded, and serves nothing until it is approved."""
    made = office.register()
    assert made == Registration(
        department="health",
        connector="main",
        datasets=HEALTH,
        state=CHECKED,
        changed_at=START,
        changed_by="connector-health",
        reason="",
        instances=(office.instance(),),
    )
    assert office.recorded == [made]
    assert office.registry.registrations() == (made,)
    assert office.served_from() == [["not_approved"], ["not_approved"]]


def test_an_approved_connector_serves_its_datasets_only(office: Office) -> None:
    """Approval makes a running connector active at once, for its datasets and for no other spelling of them."""
    approved = office.approved()
    assert (approved.state, approved.changed_by, approved.reason) == (ACTIVE, "administrator", "因故")
    assert office.served_from() == [["i1"], ["i1"]]
    for other in ("population.resident", "health", "", "HEALTH.HEALTH_CODE", "health.health_code "):
        assert office.registry.serving(other).because == "no_connector"


def test_what_is_approved_while_nothing_runs_is_active_with_the_next_heartbeat(office: Office, clock: Clock) -> None:
    """A connector whose lease has ended is approved, and serves again from when it is heard of."""
    office.register()
    clock.now += LEASE_SECONDS
    assert office.decide(APPROVE).state is APPROVED
    assert office.served_from() == [["no_lease"], ["no_lease"]]
    assert office.beat().state is ACTIVE
    assert office.served_from() == [["i1"], ["i1"]]
    assert [one.state for one in office.registry.history("health", "main")] == [CHECKED, APPROVED, ACTIVE]


def test_the_history_says_who_when_and_why(office: Office, clock: Clock) -> None:
    """Every state is kept with its time, subject and reason, oldest first."""
    office.register()
    for action in (APPROVE, SUSPEND, RESUME, WITHDRAW):
        clock.now += 1
        office.decide(action)
    history = office.registry.history("health", "main")
    assert [one.state for one in history] == [CHECKED, ACTIVE, SUSPENDED, ACTIVE, WITHDRAWN]
    assert [one.at - START for one in history] == [0, 1, 2, 3, 4]
    assert [one.by for one in history] == ["connector-health"] + ["administrator"] * 4
    assert [one.reason for one in history] == [""] + ["因故"] * 4
    assert [one.state for one in office.recorded] == [one.state for one in history]


@pytest.mark.parametrize(
    ("before", "impossible"),
    [
        ([], [SUSPEND, RESUME]),
        ([APPROVE], [APPROVE, RESUME]),
        ([APPROVE, SUSPEND], [APPROVE, SUSPEND]),
        ([APPROVE, SUSPEND, RESUME], [APPROVE, RESUME]),
        ([WITHDRAW], list(RegistrationAction)),
    ],
)
def test_steps_that_do_not_follow_are_refused(
    office: Office, before: list[RegistrationAction], impossible: list[RegistrationAction]
) -> None:
    """Nobody skips the approval or brings back what was withdrawn, and a refused step is not recorded as one."""
    office.register()
    for action in before:
        office.decide(action)
    recorded, history = list(office.recorded), office.registry.history("health", "main")
    for action in impossible:
        with pytest.raises(RegistrationRefused):
            office.decide(action)
    assert (office.recorded, office.registry.history("health", "main")) == (recorded, history)


def test_an_unknown_registration_has_no_state(office: Office) -> None:
    """Nothing is made up, and names are values, never SQL."""
    office.approved()
    for department, connector in (("housing", "main"), ("health", "other"), ("health' OR '1'='1", "main")):
        with pytest.raises(RegistrationRefused):
            office.decide(SUSPEND, department=department, connector=connector)
        assert office.registry.registration(department, connector) is None
        assert office.registry.history(department, connector) == ()
    assert office.served_from() == [["i1"], ["i1"]]


def test_a_suspended_connector_stays_suspended(office: Office) -> None:
    """Coming back or moving does not end a suspension, and its datasets cannot change meanwhile."""
    office.approved()
    office.decide(SUSPEND)
    assert office.served_from() == [["suspended"], ["suspended"]]
    assert office.register("i2", endpoint="i1:1").state is SUSPENDED
    assert office.beat("i2").state is SUSPENDED
    with pytest.raises(RegistrationRefused, match="resumed first"):
        office.register("i3", endpoint="i1:1", datasets=HEALTH[:1])
    assert office.decide(RESUME).state is ACTIVE
    assert office.served_from() == [["i2"], ["i2"]]


def test_a_withdrawn_registration_is_over(office: Office) -> None:
    """It serves nothing, its connectors are forgotten, and its name is not used again; another name may take the datasets."""
    office.approved()
    assert office.decide(WITHDRAW).instances == ()
    assert office.served_from() == [["suspended"], ["suspended"]]
    assert office.registry.instances("health") == ()
    with pytest.raises(RegistrationRefused, match="withdrawn"):
        office.register("i2")
    office.register("i2", connector="second")
    office.decide(APPROVE, connector="second")
    assert office.served_from() == [["i2"], ["i2"]]


def test_a_withdrawn_registration_is_over_also_when_another_asked_for_its_datasets(office: Office) -> None:
    """A registration that did not pass its checks does not hide that nobody may serve them any more."""
    office.register("s1", connector="shadow", drifts={HEALTH[0]: DRIFT})
    office.approved()
    assert office.served_from() == [["i1"], ["i1"]]
    office.decide(WITHDRAW)
    assert office.served_from() == [["not_approved"], ["not_approved"]]


@pytest.mark.parametrize("datasets", [HEALTH[:1], (*HEALTH, "health.new"), ("health.new",)])
def test_other_datasets_need_a_new_approval(office: Office, datasets: tuple[str, ...]) -> None:
    """Fewer, more or other datasets make the whole registration wait, and nothing is served until then."""
    office.approved()
    changed = office.register("i2", endpoint="i1:1", datasets=datasets)
    assert (changed.state, changed.datasets) == (CHECKED, datasets)
    assert [office.registry.serving(dataset).instances for dataset in (*HEALTH, "health.new")] == [(), (), ()]
    office.decide(APPROVE)
    for dataset in datasets:
        assert [one.instance_id for one in office.registry.serving(dataset).instances] == ["i2"]


def test_a_new_connector_that_is_not_as_catalogued_only_asks(office: Office) -> None:
    """It is kept as requested with what is wrong, cannot be approved, and is checked once repaired."""
    asked = office.register(drifts={HEALTH[1]: DRIFT})
    assert (asked.state, asked.instances) == (REQUESTED, ())
    assert asked.reason == "health.vaccination: 缺少的列：dose。 missing columns: dose."
    assert office.register("i2", drifts={HEALTH[1]: DRIFT}) == asked
    assert office.recorded == [asked]
    with pytest.raises(RegistrationRefused):
        office.decide(APPROVE)
    repaired = office.register("i3")
    assert (repaired.state, repaired.reason) == (CHECKED, "")


def test_a_dataset_belongs_to_one_connector_of_a_department(office: Office) -> None:
    """Several connectors of a department serve different datasets; one that is asked for only blocks nobody."""
    office.register("a1", connector="asks", drifts={HEALTH[0]: DRIFT})
    office.register("i1", datasets=HEALTH[:1])
    with pytest.raises(RegistrationRefused, match="registered by connector 'main'"):
        office.register("i2", connector="second")
    office.register("i2", connector="second", datasets=HEALTH[1:])
    office.decide(APPROVE)
    office.decide(APPROVE, connector="second")
    assert office.served_from() == [["i1"], ["i2"]]
    office.decide(SUSPEND)
    assert office.served_from() == [["suspended"], ["i2"]]
    assert [one.connector for one in office.registry.registrations()] == ["asks", "main", "second"]


def test_what_cannot_be_recorded_does_not_happen(office: Office) -> None:
    """When the access log is down, nobody is let in, approved or suspended."""

    def down(_: Registration) -> None:
        raise OSError("no log")

    office.register()
    with pytest.raises(OSError, match="no log"):
        office.registry.change_state("health", "main", action=APPROVE, by="x", reason="", witness=down)
    assert office.served_from() == [["not_approved"], ["not_approved"]]
    assert [one.state for one in office.registry.history("health", "main")] == [CHECKED]
