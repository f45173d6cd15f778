"""Which connector serves which dataset."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.registry import Registration, RegistrationState, Registry

CHECKED, ACTIVE, SUSPENDED = RegistrationState.CHECKED, RegistrationState.ACTIVE, RegistrationState.SUSPENDED
HEALTH = ("health.health_code", "health.vaccination")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'registry.db'}"


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    clock = itertools.count(1_800_000_000)
    opened = Registry(url, clock_seconds=lambda: next(clock))
    yield opened
    opened.close()


def register(registry: Registry, *, endpoint: str = "h:1", datasets: tuple[str, ...] = HEALTH) -> Registration:
    return registry.register(department="health", endpoint=endpoint, datasets=datasets, by="connector-health")


def change(registry: Registry, state: RegistrationState) -> Registration:
    changed = registry.change_state("health", state=state, by="administrator")
    assert changed is not None
    return changed


def endpoints(registry: Registry) -> list[str | None]:
    return [registry.endpoint(dataset) for dataset in HEALTH]


def test_a_new_connector_waits_for_approval(registry: Registry) -> None:
    """A registered connector is stored as checked and serves nothing until it is approved."""
    expected = Registration(
        department="health",
        endpoint="h:1",
        datasets=HEALTH,
        state=CHECKED,
        changed_at=1_800_000_000,
        changed_by="connector-health",
    )
    assert register(registry) == expected
    assert registry.registrations() == (expected,)
    assert registry.find("health") == expected
    assert endpoints(registry) == [None, None]


def test_an_approved_connector_serves_its_datasets_only(registry: Registry) -> None:
    """Approval makes it active, and says who approved and when."""
    register(registry)
    approved = change(registry, ACTIVE)
    assert (approved.state, approved.changed_at, approved.changed_by) == (ACTIVE, 1_800_000_001, "administrator")
    assert endpoints(registry) == ["h:1", "h:1"]
    for other in ("population.resident", "health", "", "HEALTH.HEALTH_CODE", "health.health_code "):
        assert registry.endpoint(other) is None


def test_a_connector_that_comes_back_unchanged_stays_active(registry: Registry) -> None:
    """A restart changes nothing, not even the time of the last change."""
    register(registry)
    approved = change(registry, ACTIVE)
    assert register(registry) == approved
    assert registry.registrations() == (approved,)


def test_a_connector_may_move(registry: Registry) -> None:
    """With the same datasets at another address it stays approved and is reached there."""
    register(registry)
    change(registry, ACTIVE)
    moved = register(registry, endpoint="h:2")
    assert (moved.state, moved.endpoint, moved.changed_by) == (ACTIVE, "h:2", "connector-health")
    assert endpoints(registry) == ["h:2", "h:2"]


@pytest.mark.parametrize("datasets", [HEALTH[:1], (*HEALTH, "health.new"), ("health.new",), ()])
def test_other_datasets_need_a_new_approval(registry: Registry, datasets: tuple[str, ...]) -> None:
    """Fewer, more or other datasets make the whole registration wait, and nothing is served until then."""
    register(registry)
    change(registry, ACTIVE)
    changed = register(registry, datasets=datasets)
    assert (changed.state, changed.datasets) == (CHECKED, datasets)
    assert endpoints(registry) == [None, None]
    change(registry, ACTIVE)
    assert [registry.endpoint(dataset) for dataset in datasets] == ["h:1"] * len(datasets)


def test_a_suspended_connector_stays_suspended(registry: Registry) -> None:
    """Coming back, moving or changing its datasets does not end a suspension; an administrator does."""
    register(registry)
    change(registry, ACTIVE)
    change(registry, SUSPENDED)
    assert endpoints(registry) == [None, None]
    assert register(registry).state is SUSPENDED
    assert register(registry, endpoint="h:2").state is SUSPENDED
    assert register(registry, endpoint="h:2", datasets=HEALTH[:1]).state is SUSPENDED
    assert endpoints(registry) == [None, None]
    change(registry, ACTIVE)
    assert endpoints(registry) == ["h:2", None]


def test_a_waiting_connector_may_be_suspended(registry: Registry) -> None:
    """What was never approved can be stopped too, and stays stopped."""
    register(registry)
    change(registry, SUSPENDED)
    assert register(registry).state is SUSPENDED


def test_an_unknown_department_has_no_state(registry: Registry) -> None:
    """Nothing is made up."""
    assert registry.change_state("health", state=ACTIVE, by="administrator") is None
    assert registry.registrations() == ()
    assert registry.find("health") is None


def test_departments_are_independent_and_sorted(registry: Registry) -> None:
    """One department's suspension leaves the others; the list is in order of department."""
    for department in ("market_supervision", "health", "civil_affairs"):
        registry.register(department=department, endpoint=f"{department}:1", datasets=(f"{department}.a",), by="x")
        registry.change_state(department, state=ACTIVE, by="administrator")
    registry.change_state("health", state=SUSPENDED, by="administrator")
    assert [(r.department, r.state) for r in registry.registrations()] == [
        ("civil_affairs", ACTIVE),
        ("health", SUSPENDED),
        ("market_supervision", ACTIVE),
    ]
    assert registry.endpoint("civil_affairs.a") == "civil_affairs:1"
    assert registry.endpoint("health.a") is None


def test_registrations_survive_a_restart(registry: Registry, url: str) -> None:
    """Another process sees what was stored, Chinese names and times after 2038 included."""
    register(registry)
    approved = change(registry, ACTIVE)
    late = Registry(url, clock_seconds=lambda: 4_000_000_000.9)
    try:
        assert late.registrations() == (approved,)
        late.register(department="housing", endpoint="h:3", datasets=("housing.lease",), by="连接器")
    finally:
        late.close()
    found = registry.find("housing")
    assert found is not None
    assert (found.changed_at, found.changed_by) == (4_000_000_000, "连接器")


def test_names_are_values_and_never_sql(registry: Registry) -> None:
    """Quotes and comments in names do nothing."""
    register(registry)
    evil = "health' OR '1'='1"
    assert registry.find(evil) is None
    assert registry.change_state(evil, state=ACTIVE, by="x") is None
    registry.register(department=evil, endpoint="e:1", datasets=("a.b'--",), by='";')
    assert [r.department for r in registry.registrations()] == ["health", evil]


def test_a_suspension_is_not_lost_to_a_registration_at_the_same_time(
    registry: Registry, url: str, tmp_path: Path
) -> None:
    """A connector that moves while another process suspends it does not come back active."""
    register(registry)
    change(registry, ACTIVE)
    other = sqlite3.connect(tmp_path / "registry.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE registrations SET state = 'suspended'")
        moving = threading.Thread(target=register, args=(registry,), kwargs={"endpoint": "h:2"})
        moving.start()
        time.sleep(0.3)  # the registration now waits for the lock
        other.execute("COMMIT")
        moving.join()
    finally:
        other.close()
    found = registry.find("health")
    assert found is not None
    assert (found.state, found.endpoint) == (SUSPENDED, "h:2")


def test_many_at_once_lose_nothing(registry: Registry) -> None:
    """Connectors of several departments register at the same time."""

    def come(number: int) -> None:
        for _ in range(3):
            registry.register(department=f"d{number}", endpoint="e:1", datasets=(f"d{number}.a",), by="x")
            registry.change_state(f"d{number}", state=ACTIVE, by="x")

    threads = [threading.Thread(target=come, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(r.department, r.state) for r in registry.registrations()] == [(f"d{n}", ACTIVE) for n in range(5)]


def test_a_state_that_is_not_known_serves_nothing(registry: Registry, tmp_path: Path) -> None:
    """A registry that was tampered with fails instead of guessing."""
    register(registry)
    change(registry, ACTIVE)
    with sqlite3.connect(tmp_path / "registry.db") as other:
        other.execute("UPDATE registrations SET state = 'ACTIVE '")
    other.close()
    with pytest.raises(ValueError, match="ACTIVE"):
        registry.endpoint(HEALTH[0])
