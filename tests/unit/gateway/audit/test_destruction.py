"""Which results of ended emergencies still have to be destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.vocabulary import OfficeKind, Role
from connectors.sdk.access_log import EntryIndex
from gateway.audit.destruction import OwedDestruction, owed_destructions
from gateway.audit.log import AuditLog
from gateway.audit.record import receipt_body
from gateway.audit.record_change import record_destruction, record_governance
from gateway.model.audit import AuditEntry, EntryKind, Outcome
from gateway.model.requester import Requester
from tests.unit.gateway.audit.conftest import START_MICROS, OpenLog

START = START_MICROS // 1_000_000
ENDS_AT = START + 1_000
EPIDEMIC, VENUE = "epidemic-control", "venue-verification"


@pytest.fixture
def log(open_log: OpenLog) -> Iterator[AuditLog]:
    with open_log() as opened:
        yield opened


def requester(office: str = "310101002") -> Requester:
    return Requester(
        subject="clerk",
        token_id="token-1",
        office=office,
        office_kind=OfficeKind.STREET,
        division_code=office,
        roles=frozenset({Role.CLERK}),
        clearance="general-3",
        department=None,
    )


def declare(log: AuditLog, id: str = "outbreak-1", *, purposes: tuple[str, ...] = (EPIDEMIC,)) -> None:
    facts = {"purposes": purposes, "ends_at": ENDS_AT}
    record_governance(log, requester=requester(), action="emergency_declare", target=id, facts=facts)


def end(log: AuditLog, id: str = "outbreak-1") -> int:
    """End an emergency and return when."""
    entry = record_governance(log, requester=requester(), action="emergency_end", target=id, facts={"reason": "over"})
    return entry.time_micros // 1_000_000


def deliver(
    log: AuditLog,
    *,
    outcome: Outcome = Outcome.DELIVERED,
    rows: int | None = 5,
    emergency: str | None = "outbreak-1",
    purpose: str = EPIDEMIC,
) -> AuditEntry:
    """Write the entries of a query and return its intent."""
    body: dict[str, Any] = {
        "requester": {"subject": "clerk", "office": "310101002"},
        "purpose": purpose,
        "case": "",
        "channel": "flight_sql",
        "datasets": [{"name": "health.health_code"}],
        "obligations": {"emergency": emergency},
    }
    intent = log.append(EntryKind.INTENT, body)
    sent = None if rows is None else {"rows": rows, "bytes_sent": 1, "content_sha256": ""}
    log.append(EntryKind.RECEIPT, receipt_body(intent, outcome=outcome, sent=sent))
    return intent


def owed(log: AuditLog, *, now: int = ENDS_AT - 1) -> list[str]:
    return [one.intent.entry_id for one in owed_destructions(EntryIndex(log.directory), now=now)]


def test_nothing_is_owed_while_the_emergency_lasts(log: AuditLog) -> None:
    """The duty begins at the declared end, to the second."""
    declare(log)
    intent = deliver(log)
    assert owed(log, now=ENDS_AT - 1) == []
    assert owed(log, now=ENDS_AT) == [intent.entry_id]


def test_an_early_end_begins_the_duty(log: AuditLog) -> None:
    """Ended by an administrator, the result is owed at once, with all that the recipient has to know."""
    declare(log)
    intent = deliver(log)
    ended_at = end(log)
    (found,) = owed_destructions(EntryIndex(log.directory), now=ended_at)
    assert found == OwedDestruction(intent=intent, emergency="outbreak-1", ended_at=ended_at, rows=5)
    assert found.office == "310101002"


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.CANCELLED, Outcome.FAILED, Outcome.REVOKED])
def test_what_was_sent_in_part_is_owed_too(log: AuditLog, outcome: Outcome) -> None:
    """However the delivery ended, sent rows are owed and a result without any is not."""
    declare(log)
    deliver(log, outcome=outcome, rows=0)
    intent = deliver(log, outcome=outcome, rows=1)
    end(log)
    assert owed(log) == [intent.entry_id]


def test_what_nobody_knows_is_owed(log: AuditLog) -> None:
    """When the gateway died on the way, rows may have arrived."""
    declare(log)
    intent = deliver(log, outcome=Outcome.UNKNOWN, rows=None)
    end(log)
    assert [(one.intent.entry_id, one.rows) for one in owed_destructions(EntryIndex(log.directory), now=ENDS_AT)] == [
        (intent.entry_id, None)
    ]


def test_only_results_of_the_ended_emergency_are_owed(log: AuditLog) -> None:
    """Not those of another emergency that lasts, nor of a query that needed none; oldest first over all purposes."""
    declare(log, purposes=(EPIDEMIC, VENUE))
    declare(log, "flood-1", purposes=(VENUE,))
    first, second = deliver(log, purpose=VENUE), deliver(log)
    deliver(log, emergency=None)
    deliver(log, emergency="flood-1", purpose=VENUE)
    third = deliver(log, purpose=VENUE)
    end(log)
    assert owed(log) == [first.entry_id, second.entry_id, third.entry_id]


def test_a_receipt_settles_one_result(log: AuditLog) -> None:
    """A destroyed result is no longer owed; the entry says whose, how and which."""
    declare(log)
    kept, destroyed = deliver(log), deliver(log)
    end(log)
    entry = record_destruction(log, destroyed, requester=requester("310107014"), emergency="outbreak-1", method="wiped")
    assert owed(log) == [kept.entry_id]
    assert entry.kind is EntryKind.DESTRUCTION
    body = entry.body
    assert (body["intent"], body["emergency"], body["method"]) == (destroyed.entry_id, "outbreak-1", "wiped")
    assert (body["requester"]["office"], body["purpose"]) == ("310107014", EPIDEMIC)
    assert body["datasets"] == [{"name": "health.health_code"}]


def test_the_log_alone_says_what_is_owed(log: AuditLog, directory: Path) -> None:
    """An end before any declaration means nothing; without emergencies nothing is owed."""
    end(log)
    deliver(log)
    assert owed_destructions(EntryIndex(directory), now=ENDS_AT) == ()
