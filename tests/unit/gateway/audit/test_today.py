"""Today's numbers follow the log, whoever may see them, and come back from it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.load import load_catalogue
from connectors.sdk.access_log import EntryIndex
from gateway.audit.log import AuditLog
from gateway.audit.today import SECONDS_BETWEEN, Scope, ScopeKind, Today, TodaysUse, UseCounts
from tests.unit.gateway.audit.used_log import DWELLING, ITEMS, OTHER_STREET, STREET, VISITS, denial, intent

NOON = 1_699_891_200 + 12 * 3600
"""2023-11-14 12:00 in Shanghai."""
DAY = 86_400
CITY = Scope(ScopeKind.CITY)
CATALOGUE = load_catalogue()


class Clock:
    """Both clocks of a gateway, as a test sets them."""

    def __init__(self) -> None:
        self.now = float(NOON)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(directory: Path, signing_key: Ed25519PrivateKey, clock: Clock) -> Iterator[AuditLog]:
    ids = itertools.count(1)
    with AuditLog.open(
        directory,
        signing_key=signing_key,
        key_name="sharing.example/audit",
        clock_micros=lambda: int(clock.now * 1e6),
        new_entry_id=lambda: f"entry-{next(ids)}",
        segment_bytes_max=400,
    ) as log:
        for kind, content in ITEMS:
            log.append(kind, content)
        yield log


@pytest.fixture
def counting(log: AuditLog, clock: Clock) -> Iterator[Callable[[], Today]]:
    """Start counting, as a gateway that starts."""
    index = EntryIndex(log.directory, segments=log.segments)
    yield lambda: Today(index, catalogue=CATALOGUE, clock_seconds=clock, monotonic=clock)
    index.close()


@pytest.fixture
def today(counting: Callable[[], Today]) -> Today:
    return counting()


def test_the_city_counts_every_query_once(today: Today) -> None:
    """Queries, denials and the rows delivered; by purpose, office and hour; by department what touched its datasets."""
    use = today.use(CITY)
    assert use.since == NOON - 12 * 3600
    assert use.total == UseCounts(queries=3, denials=2, rows=38)
    assert dict(use.offices) == {STREET: UseCounts(2, 1, 37), OTHER_STREET: UseCounts(1, 1, 1)}
    assert use.purposes[VISITS] == UseCounts(2, 0, 37)
    assert use.purposes[""] == UseCounts(0, 1, 0), "a purpose that nobody catalogued has no name of its own"
    assert dict(use.departments) == {"public_security": UseCounts(2, 1, 91), "housing": UseCounts(2, 2, 68)}
    assert [hour for hour, counts in enumerate(use.hours) if counts != UseCounts()] == [12]
    assert use.hours[12] == use.total


def test_a_department_counts_what_touched_its_datasets(today: Today) -> None:
    """Rows are those that left it; other departments are not named."""
    use = today.use(Scope(ScopeKind.DEPARTMENT, "public_security"))
    assert use.total == UseCounts(2, 1, 91)
    assert dict(use.departments) == {"public_security": use.total}
    assert dict(use.offices) == {STREET: UseCounts(1, 0, 90), OTHER_STREET: UseCounts(1, 1, 1)}
    assert use.purposes[VISITS] == UseCounts(1, 0, 90)
    assert use.hours[12] == use.total


def test_an_office_counts_its_own_queries(today: Today) -> None:
    """And the departments whose data it had."""
    use = today.use(Scope(ScopeKind.OFFICE, OTHER_STREET))
    assert use.total == UseCounts(1, 1, 1)
    assert dict(use.offices) == {OTHER_STREET: use.total}
    assert dict(use.departments) == {"public_security": UseCounts(1, 1, 1), "housing": UseCounts(0, 1, 0)}


@pytest.mark.parametrize("scope", [Scope(ScopeKind.DEPARTMENT, ""), Scope(ScopeKind.OFFICE, "310115")])
def test_a_scope_without_queries_is_empty(today: Today, scope: Scope) -> None:
    """A department that does not exist is not the city."""
    use = today.use(scope)
    assert use == TodaysUse(since=use.since)


def test_numbers_follow_the_log(today: Today, log: AuditLog, clock: Clock) -> None:
    """What is recorded later is counted once, at most a few seconds later, and nothing is counted again."""
    before = today.use(CITY).total
    log.append(*intent("ann", STREET, VISITS, DWELLING))
    log.append(*denial("ann", STREET, VISITS, DWELLING, code="CASE_MISSING"))
    assert today.use(CITY).total == before
    for _ in range(3):
        clock.now += SECONDS_BETWEEN
        assert today.use(CITY).total == UseCounts(4, 3, 38)


def test_an_explanation_is_no_query(today: Today, log: AuditLog, clock: Clock) -> None:
    """Who only looks at why a draft would be denied has asked nothing."""
    before = today.use(CITY).total
    kind, body = denial("ann", STREET, VISITS, DWELLING, code="CASE_MISSING")
    log.append(kind, body | {"channel": "explain"})
    clock.now += SECONDS_BETWEEN
    for scope in (CITY, Scope(ScopeKind.DEPARTMENT, "housing"), Scope(ScopeKind.OFFICE, STREET)):
        assert today.use(scope).total.denials == (1 if scope.kind is ScopeKind.OFFICE else 2)
    assert today.use(CITY).total == before


def test_a_restart_brings_them_back(today: Today, counting: Callable[[], Today], log: AuditLog) -> None:
    """Counting anew gives the same, from sealed segments and the open one."""
    for scope in (CITY, Scope(ScopeKind.DEPARTMENT, "housing"), Scope(ScopeKind.OFFICE, STREET)):
        assert counting().use(scope) == today.use(scope)


def test_the_day_ends_at_midnight_in_shanghai(today: Today, log: AuditLog, clock: Clock) -> None:
    """Then everything starts at zero; what was recorded after midnight is counted, and stays when it is asked again."""
    assert today.use(CITY).total.queries == 3
    clock.now = NOON + DAY / 2 - 1
    log.append(*intent("ann", STREET, VISITS, DWELLING))
    assert today.use(CITY).hours[23].queries == 1
    clock.now += 1
    log.append(*denial("ann", STREET, VISITS, DWELLING, code="CASE_MISSING"))
    use = today.use(CITY)
    assert (use.since, use.total, use.hours[0]) == (NOON + DAY // 2, UseCounts(0, 1, 0), UseCounts(0, 1, 0))
    clock.now += 10
    assert today.use(CITY).total == UseCounts(0, 1, 0)


def test_only_what_is_new_is_read(today: Today, log: AuditLog, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked, the log is read once in a few seconds, from where it was read before."""
    asked: list[int] = []
    query = EntryIndex.query

    def seen(index: EntryIndex, *arguments: object, after: int = 0, **options: object) -> object:
        asked.append(after)
        return query(index, *arguments, after=after, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(EntryIndex, "query", seen)
    for _ in range(100):
        today.use(CITY)
    clock.now += SECONDS_BETWEEN
    today.use(CITY)
    assert asked == [0, 9], "entry 9 is the newest that counts"


def test_fifty_ask_at_once(today: Today) -> None:
    """All get the same numbers."""
    found: list[TodaysUse] = []
    threads = [threading.Thread(target=lambda: found.append(today.use(CITY))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 50
    assert all(use == found[0] for use in found)
