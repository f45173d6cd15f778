"""What is restricted, as the log alone says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.governance.restrictions import RestrictionKind
from catalog.registry import LoggedRegistration, RegistrationState
from connectors.sdk.access_log import EntryIndex
from gateway.audit.restrictions import logged_registrations, standing_restrictions
from tests.written_log import START, Item, WrittenLog

DAY = 86_400


@pytest.fixture
def log(tmp_path: Path) -> WrittenLog:
    return WrittenLog(tmp_path / "log")


@pytest.fixture
def index(log: WrittenLog) -> Iterator[EntryIndex]:
    made = EntryIndex(log.directory)
    yield made
    made.close()


def governance(action: str, target: str, **facts: Any) -> Item:
    facts = {"reason": "wrong", **facts}
    return "governance", {
        "requester": {"subject": "administrator"},
        "action": action,
        "target": target,
        "facts": facts,
        "purpose": "",
        "datasets": [],
    }


def registration(state: str, *datasets: str, target: str = "health/main", **changes: Any) -> Item:
    department, _, connector = target.partition("/")
    body = {"target": target, "department": department, "connector": connector, "state": state}
    return "registration", {**body, "datasets": [{"name": name} for name in datasets], **changes}


def standing(index: EntryIndex, *, now: int = START) -> list[tuple[RestrictionKind, str, int]]:
    return [(found.kind, found.id, found.at - START) for found in standing_restrictions(index, now=now)]


def test_every_kind_of_restriction_is_found(log: WrittenLog, index: EntryIndex) -> None:
    """With who did it, when, why and what was recorded of it; what gives something is none."""
    log.commit(
        governance("agreement_sign", "a-1"),
        governance("agreement_revoke", "a-1"),
        governance("emergency_end", "e-1"),
        governance("access_revoke", "clerk", kind="requester"),
        governance("consent_withdraw", "token"),
        governance("stop_begin", "stop-1", stop={"kind": "dataset"}),
    )
    assert standing(index) == [
        (RestrictionKind.AGREEMENT_REVOKED, "a-1", 2),
        (RestrictionKind.EMERGENCY_ENDED, "e-1", 3),
        (RestrictionKind.ACCESS_REVOKED, "clerk", 4),
        (RestrictionKind.CONSENT_WITHDRAWN, "token", 5),
        (RestrictionKind.STOPPED, "stop-1", 6),
    ]
    last = standing_restrictions(index, now=START)[-1]
    assert (last.by, last.reason, last.facts["stop"]) == ("administrator", "wrong", {"kind": "dataset"})


def test_what_was_lifted_is_not_restricted(log: WrittenLog, index: EntryIndex) -> None:
    """A requester and a purpose of one name are two things; what was revoked again is revoked."""
    log.commit(
        governance("access_revoke", "x", kind="requester"),
        governance("access_revoke", "x", kind="purpose"),
        governance("access_restore", "x", kind="requester"),
        governance("stop_begin", "stop-1", stop={}),
        governance("stop_lift", "stop-1"),
        governance("access_revoke", "y", kind="purpose"),
        governance("access_restore", "y", kind="purpose"),
        governance("access_revoke", "y", kind="purpose"),
    )
    assert standing(index) == [(RestrictionKind.ACCESS_REVOKED, "x", 2), (RestrictionKind.ACCESS_REVOKED, "y", 8)]


def test_old_withdrawals_of_consents_are_left_out(log: WrittenLog, index: EntryIndex) -> None:
    """After thirty days there is no consent left that it could end; other restrictions have no end."""
    log.commit(governance("consent_withdraw", "token"), governance("agreement_revoke", "a-1"))
    assert len(standing(index, now=START + 30 * DAY)) == 2
    assert standing(index, now=START + 30 * DAY + 2) == [(RestrictionKind.AGREEMENT_REVOKED, "a-1", 2)]


def test_the_last_state_of_each_registration_is_found(log: WrittenLog, index: EntryIndex) -> None:
    """A refused registration changes nothing."""
    log.commit(
        registration("checked", "health.a"),
        registration("active", "health.a"),
        registration("suspended", "housing.a", "housing.b", target="housing/second"),
        ("registration", {"target": "health/main", "action": "register", "outcome": "refused", "reason": "stale"}),
    )
    assert logged_registrations(index) == (
        LoggedRegistration(
            department="health", connector="main", datasets=("health.a",), state=RegistrationState.ACTIVE, at=START + 2
        ),
        LoggedRegistration(
            department="housing",
            connector="second",
            datasets=("housing.a", "housing.b"),
            state=RegistrationState.SUSPENDED,
            at=START + 3,
        ),
    )
