"""Which groups an office may be told about, given what it was told before; on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.statistic import SKETCH_BUCKETS
from gateway.release.ledger import KEPT_SECONDS, ReleasedGroup, StatisticsLedger, ledger_url


class Clock:
    seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger(store_url, clock):
    made = StatisticsLedger(store_url, clock_seconds=clock)
    yield made
    made.close()


def group(people: Iterable[int], definition: str | None = None, *, pool: str = "resident_id") -> ReleasedGroup:
    """Return the group of some people, in a definition of its own."""
    members = sorted(set(people))
    sums = [0] * SKETCH_BUCKETS
    for person in members:
        digest = hashlib.sha256(str(person).encode()).digest()
        sums[digest[0]] += int.from_bytes(digest[1:5])
    return ReleasedGroup(
        definition=definition or hashlib.sha256(str(members).encode()).hexdigest(),
        pool=pool,
        people_low=len(members),
        people_high=len(members),
        sketch=np.array([total % 2**32 for total in sums], dtype=np.uint32),
    )


def admit(ledger: StatisticsLedger, *groups: ReleasedGroup, office: str = "310101", people_min: int = 10) -> None:
    ledger.admit(groups, office=office, people_min=people_min)


def refused(ledger: StatisticsLedger, *groups: ReleasedGroup, office: str = "310101", people_min: int = 10) -> bool:
    try:
        admit(ledger, *groups, office=office, people_min=people_min)
    except Denied as denied:
        return denied.reason is Reason.STATISTICS_DIFFERENCING
    return False


@pytest.mark.parametrize("few", [1, 2, 9])
def test_a_group_that_differs_by_few_people_is_refused(ledger, few):
    """Whether they are added, missing or exchanged."""
    admit(ledger, group(range(100)))
    assert refused(ledger, group(range(100 + few)))
    assert refused(ledger, group(range(few, 100)))
    assert few > 4 or refused(ledger, group(range(few, 100 + few)))


def test_equal_groups_and_those_that_differ_by_enough_people_pass(ledger):
    """The same people in another question, ten people more or less, and quite other people."""
    admit(ledger, group(range(100)))
    assert not refused(ledger, group(range(100), "the same people"))
    assert not refused(ledger, group(range(110)))
    assert not refused(ledger, group(range(90)))
    assert not refused(ledger, group(range(50, 150)))
    assert not refused(ledger, group(range(1000, 1010)))


def test_large_groups_are_told_apart_like_small_ones(ledger):
    """One person among a hundred thousand is seen."""
    admit(ledger, group(range(100_000)))
    assert refused(ledger, group(range(1, 100_000)))
    assert not refused(ledger, group(range(10, 100_000)))


def test_no_conflict_is_missed_among_many_groups(ledger):
    """The search over earlier groups finds what comparing every pair finds, for small and large groups."""
    rng = random.Random(3)
    earlier = [set(rng.sample(range(2000), k=rng.choice([10, 12, 25, 60, 300]))) for _ in range(150)]
    admit(ledger, *(group(people) for people in earlier))
    for people in rng.sample(earlier, k=60):
        changed = people ^ set(rng.sample(range(2000), k=rng.randrange(1, 6)))
        assert len(changed) < 10 or changed == people or refused(ledger, group(changed))


def test_groups_of_one_answer_are_compared_too(ledger):
    """Two numbers of one answer are subtracted as easily; then none of it is stored."""
    assert refused(ledger, group(range(50)), group(range(51)))
    assert not refused(ledger, group(range(51)))


def test_derived_groups_are_compared_with_other_answers_only(ledger):
    """What totals of other answers would reveal never leaves together, but it is held against the next answer."""
    assert not refused(ledger, group(range(50)), replace(group(range(51)), derived=True))
    assert not refused(
        ledger, replace(group(range(100, 150)), derived=True), replace(group(range(100, 152)), derived=True)
    )
    assert refused(ledger, group(range(101, 150)))
    assert refused(ledger, replace(group(range(49)), derived=True))


def test_the_same_question_may_be_asked_again(ledger):
    """The people of a definition move from month to month, and its answers are not compared with each other."""
    admit(ledger, group(range(50), "monthly"))
    assert not refused(ledger, group(range(3, 52), "monthly"))
    assert refused(ledger, group(range(4, 52), "another"))


def test_offices_and_kinds_of_people_are_apart(ledger):
    """What one office knows is not held against another; households are not compared with residents."""
    admit(ledger, group(range(50)))
    assert not refused(ledger, group(range(51)), office="310104")
    assert not refused(ledger, group(range(51), pool="credit_code"))
    assert refused(ledger, group(range(51)))


def test_the_larger_of_two_smallest_groups_counts(ledger):
    """A purpose that needs groups of twenty people is protected from answers of one that needs ten."""
    admit(ledger, group(range(100)), people_min=20)
    assert refused(ledger, group(range(112)), people_min=10)
    admit(ledger, group(range(200, 300), "ten"), people_min=10)
    admit(ledger, group(range(200, 300), "ten"), people_min=20)
    assert refused(ledger, group(range(200, 312)), people_min=10)


def test_sizes_that_are_not_known_do_not_excuse(ledger):
    """Where people may stand in several groups, only the sketches count."""
    sure, unsure = group(range(50)), group(range(45))
    wide = ReleasedGroup(definition="wide", pool=unsure.pool, people_low=5, people_high=500, sketch=unsure.sketch)
    admit(ledger, sure)
    assert refused(ledger, wide)


def test_released_groups_outlive_the_process_and_are_forgotten_in_the_end(ledger, clock, store_url):
    """The ledger is durable; after a year the oldest answers no longer count."""
    admit(ledger, group(range(50)))
    again = StatisticsLedger(store_url, clock_seconds=clock)
    assert refused(again, group(range(51)))
    clock.seconds += KEPT_SECONDS
    assert refused(again, group(range(51)))
    clock.seconds += 1
    assert not refused(again, group(range(51)))
    again.close()


def test_asking_again_keeps_a_group_from_being_forgotten(ledger, clock):
    """The year begins with the last answer."""
    admit(ledger, group(range(50), "d"))
    clock.seconds += KEPT_SECONDS - 1
    admit(ledger, group(range(50), "d"))
    clock.seconds += 2
    assert refused(ledger, group(range(51)))


def test_of_two_at_the_same_time_one_is_refused(ledger):
    """Check and entry are one step: racing requests cannot both pass."""
    outcomes: list[bool] = []
    groups = [group(range(start, 60)) for start in range(6)]
    racers = [threading.Thread(target=lambda g=g: outcomes.append(refused(ledger, g))) for g in groups]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(outcomes) == [False] + [True] * 5


def test_two_gateways_admit_groups_of_several_offices_at_the_same_time(store_url, clock):
    """Each waits for the other, and both are remembered."""
    ledgers = [StatisticsLedger(store_url, clock_seconds=clock) for _ in range(2)]
    outcomes: list[bool] = []

    def admit_some(number: int) -> None:
        for start in range(0, 500, 50):
            outcomes.append(refused(ledgers[number], group(range(start, start + 50)), office=f"31010{number}"))

    racers = [threading.Thread(target=admit_some, args=[number]) for number in range(2)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert outcomes == [False] * 20
    assert all(
        refused(ledger, group(range(51)), office=office) for ledger in ledgers for office in ("310100", "310101")
    )
    for ledger in ledgers:
        ledger.close()


def test_twin_without_the_memory_both_pass(tmp_path, clock):
    """Two ledgers that know nothing of each other admit what one refuses."""
    for name, people in (("a", 50), ("b", 51)):
        other = StatisticsLedger(f"sqlite:///{tmp_path}/{name}.db", clock_seconds=clock)
        assert not refused(other, group(range(people)))
        other.close()


@pytest.mark.parametrize(
    ("registry", "ledger"),
    [
        ("sqlite:////var/lib/registry.db", "sqlite:////var/lib/registry-statistics.db"),
        ("sqlite+pysqlite:///registry", "sqlite+pysqlite:///registry-statistics"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://u:secret@h/registry", "postgresql://u:secret@h/registry"),
    ],
)
def test_the_ledger_has_a_file_of_its_own(registry, ledger):
    """SQLite has one writer at a time, and a revocation must not wait for a statistic; other databases have many."""
    assert ledger_url(registry) == ledger
