"""Rows and look-ups per requester, purpose and day."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.vocabulary import OfficeKind, Role
from connectors.sdk.access_log import EntryIndex
from gateway.audit import AuditLog
from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.audit import EntryKind
from gateway.model.decision import ResultObligations
from gateway.model.requester import Requester, Usage
from gateway.model.rows import RowBudget
from gateway.standing import UsageCounter

NOON = 1_750_046_400  # 2025-06-16 12:00 in Shanghai
VENUE = "venue-verification"


def who(subject: str = "clerk") -> Requester:
    return Requester(
        subject=subject,
        token_id="t",
        office="310101002",
        office_kind=OfficeKind.STREET,
        division_code="310101002",
        roles=frozenset({Role.CLERK}),
        clearance="general-3",
        department=None,
    )


def obligations(*, rows: int = 10, rows_per_day: int | None = 30, lookups: int | None = 3) -> ResultObligations:
    return ResultObligations(
        rows_max=rows,
        rows_per_day_max=rows_per_day,
        lookups_per_day_max=lookups,
        retention_days=1,
        onward_sharing=False,
        grade="general-1",
        agreements=(),
        emergency=None,
    )


class Clock:
    def __init__(self, seconds: float = NOON) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(tmp_path: Path, clock: Clock) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log"


def open_log(log: Path, clock: Clock) -> AuditLog:
    ids = itertools.count()
    return AuditLog.open(
        log,
        signing_key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
        key_name="test/audit",
        clock_micros=lambda: int(clock() * 1_000_000),
        new_entry_id=lambda: f"e{next(ids)}",
    )


def hold(counter: UsageCounter, *, subject: str = "clerk", lookups: int = 1, **changes: int | None):
    asked = obligations(**changes)
    return counter.hold(asked, requester=who(subject), purpose=VENUE, rows=RowBudget(asked.rows_max), lookups=lookups)


def test_held_rows_count_until_they_are_settled(log, clock):
    """A running query holds what it may still deliver, and gives the rest back."""
    counter = UsageCounter(EntryIndex(log), clock_seconds=clock)
    held = hold(counter)
    assert counter.today(who(), purpose=VENUE) == Usage(rows=10, lookups=1)
    held.settle(rows=4)
    assert counter.today(who(), purpose=VENUE) == Usage(rows=4, lookups=1)


def test_parts_of_one_result_hold_its_rows_together(log, clock):
    """Fetched side by side they use no more of the day than the whole result; the last one gives the rest back."""
    counter, rows = UsageCounter(EntryIndex(log), clock_seconds=clock), RowBudget(10)
    asked = obligations(rows_per_day=10)
    held = [counter.hold(asked, requester=who(), purpose=VENUE, rows=rows, lookups=0) for _ in range(3)]
    assert counter.today(who(), purpose=VENUE).rows == 10
    for part in held[:2]:
        assert rows.take(3)
        part.settle(rows=3)
    assert counter.today(who(), purpose=VENUE).rows == 10
    held[2].settle(rows=0)
    assert counter.today(who(), purpose=VENUE).rows == 6
    held = [counter.hold(asked, requester=who(), purpose=VENUE, rows=rows, lookups=0)]
    assert counter.today(who(), purpose=VENUE).rows == 10


def test_twin_results_of_their_own_hold_their_own_rows(log, clock):
    """Parts may be fetched side by side only because they share their rows."""
    counter, asked = UsageCounter(EntryIndex(log), clock_seconds=clock), obligations(rows_per_day=10)
    counter.hold(asked, requester=who(), purpose=VENUE, rows=RowBudget(10), lookups=0)
    with pytest.raises(Denied):
        counter.hold(asked, requester=who(), purpose=VENUE, rows=RowBudget(10), lookups=0)


@pytest.mark.parametrize("changes", [{"lookups": 4}, {"rows": 31}, {"rows": 11, "rows_per_day": 10}])
def test_more_than_the_day_allows_is_refused_and_not_counted(log, clock, changes):
    """Queries decided at the same moment cannot share what is left."""
    counter = UsageCounter(EntryIndex(log), clock_seconds=clock)
    lookups = changes.pop("lookups", 1)
    with pytest.raises(Denied) as refused:
        hold(counter, lookups=lookups, **changes)
    assert refused.value.reason is Reason.QUOTA_EXCEEDED
    assert counter.today(who(), purpose=VENUE) == Usage(rows=0, lookups=0)


def test_without_a_quota_nothing_is_refused(log, clock):
    """Twin: the refusals above come from the quota."""
    counter = UsageCounter(EntryIndex(log), clock_seconds=clock)
    asked = obligations(rows=31, rows_per_day=None, lookups=None)
    counter.hold(asked, requester=who(), purpose=VENUE, rows=RowBudget(31), lookups=4)


def test_requesters_and_purposes_are_counted_apart(log, clock):
    """One clerk's look-ups do not use up another's."""
    counter = UsageCounter(EntryIndex(log), clock_seconds=clock)
    hold(counter, lookups=3)
    hold(counter, subject="other", lookups=3)
    assert counter.today(who(), purpose="another") == Usage(rows=0, lookups=0)


def test_a_day_begins_at_midnight_in_shanghai(log, clock):
    """Yesterday's look-ups do not count today, and a query that runs over midnight does not make today negative."""
    counter = UsageCounter(EntryIndex(log), clock_seconds=clock)
    held = hold(counter, lookups=3)
    clock.seconds = NOON + 12 * 3600 - 1
    assert counter.today(who(), purpose=VENUE).lookups == 3
    clock.seconds = NOON + 12 * 3600
    assert counter.today(who(), purpose=VENUE) == Usage(rows=0, lookups=0)
    held.settle(rows=0)
    assert counter.today(who(), purpose=VENUE) == Usage(rows=0, lookups=0)


def test_a_restart_counts_todays_entries_of_the_log(log, clock):
    """A restart gives nobody a new quota: delivered, cancelled and unknown outcomes count, yesterday's do not."""
    person = {"requester": {"subject": "clerk"}, "purpose": VENUE}
    with open_log(log, clock) as opened:
        for day, sent, outcome in (
            (NOON - 86_400, 9, "delivered"),
            (NOON, 2, "delivered"),
            (NOON, 1, "cancelled"),
            (NOON, None, "unknown"),
        ):
            clock.seconds = day
            intent = opened.append(
                EntryKind.INTENT,
                {**person, "scans": [{"lookup_values": 1}, {"lookup_values": 2}], "obligations": {"rows_max": 10}},
            )
            opened.append(
                EntryKind.RECEIPT,
                {
                    **person,
                    "intent": intent.entry_id,
                    "intent_sequence": intent.sequence,
                    "outcome": outcome,
                    "sent": None if sent is None else {"rows": sent},
                },
            )
    counter = UsageCounter(EntryIndex(log), clock_seconds=clock)
    assert counter.today(who(), purpose=VENUE) == Usage(rows=2 + 1 + 10, lookups=9)
