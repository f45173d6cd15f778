"""Entries are counted in groups; a department hears of its own datasets and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.sdk.access_log import EntryIndex
from gateway.audit.log import AuditLog
from gateway.audit.search import SearchFilters, search
from gateway.audit.summary import GROUPINGS_MAX, OWN_DAYS_MAX, Dimension, Group, summarise
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from tests.unit.gateway.audit.used_log import (
    CHECK,
    DWELLING,
    HOUSEHOLD,
    ITEMS,
    OTHER_STREET,
    POLICE,
    RESIDENT,
    STREET,
    VISITS,
    denial,
)

START = 1_700_000_000
PERIOD = {"from_time": START, "until_time": START + 86_400}


@pytest.fixture(params=[400, 64 << 20], ids=["many segments", "one segment"])
def index(open_log: Callable[..., AuditLog], request: pytest.FixtureRequest) -> Iterator[EntryIndex]:
    with open_log(segment_bytes_max=request.param) as log:
        for kind, content in ITEMS:
            log.append(kind, content)
        index = EntryIndex(log.directory)
        yield index
        index.close()


def groups(
    index: EntryIndex, *dimensions: Dimension, own: frozenset[str] | None = None, groups_max: int = 0, **filters: Any
) -> dict[tuple[str, ...], Group]:
    (grouped,) = summarise(
        index, filters=SearchFilters(**filters), groupings=[dimensions], own=own, groups_max=groups_max
    )
    return {group.values: group for group in grouped.groups}


def numbers(found: dict[tuple[str, ...], Group]) -> dict[tuple[str, ...], tuple[int, int, int, int]]:
    return {values: (group.accesses, group.denials, group.rows, group.requesters) for values, group in found.items()}


def test_an_auditor_counts_everything(index: EntryIndex) -> None:
    """Without dimensions there is one group of all entries, with the rows that were delivered."""
    found = groups(index)
    assert numbers(found) == {(): (3, 2, 38, 4)}
    assert found[()].entries == 11
    assert found[()].last_time_micros == (START + 10) * 1_000_000


@pytest.mark.parametrize(
    ("dimensions", "expected"),
    [
        ([Dimension.OFFICE], {(STREET,): (2, 1, 37, 2), (OTHER_STREET,): (1, 1, 1, 1), ("",): (0, 0, 0, 0)}),
        ([Dimension.OUTCOME], {("delivered",): (0, 0, 38, 3), ("",): (3, 2, 0, 4)}),
        (
            [Dimension.DATASET],
            {
                (RESIDENT,): (2, 1, 41, 3),
                (HOUSEHOLD,): (1, 0, 50, 1),
                (DWELLING,): (2, 2, 68, 3),
                ("",): (0, 0, 0, 0),
            },
        ),
        (
            [Dimension.REASON, Dimension.REQUESTER],
            {
                ("CASE_MISSING", "cid"): (0, 1, 0, 1),
                ("PURPOSE_UNKNOWN", "bob"): (0, 1, 0, 1),
                ("TOKEN_INVALID", ""): (0, 0, 0, 0),
                ("", "ann"): (1, 0, 30, 1),
                ("", "bob"): (1, 0, 7, 1),
                ("", "cid"): (1, 0, 1, 1),
            },
        ),
        ([Dimension.DAY, Dimension.HOUR], {("2023-11-15", "06"): (3, 2, 38, 4)}),
    ],
    ids=str,
)
def test_groups(
    index: EntryIndex, dimensions: list[Dimension], expected: dict[tuple[str, ...], tuple[int, int, int, int]]
) -> None:
    """Accesses, denials, rows and requesters of each; days and hours are Shanghai's; rows by dataset left its department."""
    found = numbers(groups(index, *dimensions))
    assert {values: counted for values, counted in found.items() if values in expected} == expected


def test_groups_and_search_speak_of_the_same_entries(index: EntryIndex) -> None:
    """Each filter counts as many entries as it finds."""
    for filters in (
        {"requester": "bob"},
        {"dataset": DWELLING},
        {"column": f"{RESIDENT}.division_code"},
        {"kind": "denial"},
    ):
        found = groups(index, **filters)[()].entries
        assert found == len(list(search(index, filters=SearchFilters(**filters)))) > 0


def test_a_department_hears_of_the_use_of_its_own_datasets(index: EntryIndex) -> None:
    """A join with another department counts with the own rows; changes of agreements are no use."""
    assert numbers(groups(index, own=POLICE, **PERIOD)) == {(): (2, 1, 91, 2)}
    assert numbers(groups(index, Dimension.DATASET, own=POLICE, **PERIOD)) == {
        (RESIDENT,): (2, 1, 41, 2),
        (HOUSEHOLD,): (1, 0, 50, 1),
    }
    assert numbers(groups(index, Dimension.PURPOSE, Dimension.OFFICE, own=POLICE, **PERIOD)) == {
        (VISITS, STREET): (1, 0, 90, 1),
        (CHECK, OTHER_STREET): (1, 1, 1, 1),
    }


@pytest.mark.parametrize(
    ("filters", "accesses"),
    [
        ({"dataset": RESIDENT}, 2),
        ({"column": "division_code"}, 2),
        ({"column": f"{HOUSEHOLD}.division_code"}, 1),
        ({"person": f"st1.{HOUSEHOLD}"}, 1),
        ({"office": STREET}, 1),
        ({"requester": "cid"}, 1),
        ({"purpose": CHECK}, 1),
    ],
    ids=str,
)
def test_a_department_may_filter(index: EntryIndex, filters: dict[str, Any], accesses: int) -> None:
    """By its own datasets, columns and people, and by who and what for."""
    assert groups(index, own=POLICE, **PERIOD, **filters)[()].accesses == accesses


@pytest.mark.parametrize("seconds", [-1, 0, OWN_DAYS_MAX * 86_400 + 1])
def test_a_department_names_a_bounded_time(index: EntryIndex, seconds: int) -> None:
    """It is told how long the longest is."""
    with pytest.raises(InvalidQuery) as refused:
        groups(index, own=POLICE, from_time=START, until_time=START + seconds)
    assert (refused.value.reason, refused.value.detail) == (Reason.PERIOD_INVALID, "366")
    assert groups(index, own=POLICE, from_time=START, until_time=START + OWN_DAYS_MAX * 86_400)


def test_an_explained_denial_is_an_entry_and_no_denial(open_log: Callable[..., AuditLog]) -> None:
    """An auditor finds it by its kind; to a department it is no use of its data."""
    with open_log() as log:
        kind, body = denial("dan", STREET, CHECK, RESIDENT, code="NOT_AVAILABLE")
        log.append(kind, body | {"channel": "explain"})
        log.append(kind, body | {"channel": "flight_sql"})
        index = EntryIndex(log.directory)
        (found,) = groups(index, Dimension.KIND, kind="denial").values()
        assert (found.entries, found.accesses, found.denials) == (2, 0, 1)
        assert numbers(groups(index, Dimension.DATASET, kind="denial")) == {(RESIDENT,): (0, 1, 0, 1)}
        assert groups(index, own=POLICE, **PERIOD)[()].entries == 1
        index.close()


@pytest.mark.parametrize("dimensions", [[Dimension.REASON], [Dimension.REQUESTER, Dimension.REASON]], ids=str)
def test_a_department_does_not_hear_reasons(index: EntryIndex, dimensions: list[Dimension]) -> None:
    """Those of a denied join may be about another department's dataset."""
    with pytest.raises(InvalidQuery) as refused:
        groups(index, *dimensions, own=POLICE, **PERIOD)
    assert refused.value.reason is Reason.GROUPING_INVALID


def test_a_department_without_datasets_hears_nothing(index: EntryIndex) -> None:
    """No dataset, no use."""
    assert groups(index, own=frozenset(), **PERIOD) == {}


def test_many_groupings_are_one_question(index: EntryIndex) -> None:
    """Each is answered for itself, in the order in which it was asked, also one that is asked twice."""
    asked = [
        (Dimension.KIND,),
        (),
        (Dimension.DATASET, Dimension.KIND),
        (Dimension.KIND,),
        (Dimension.KIND, Dimension.DAY),
    ]
    answers = summarise(index, filters=SearchFilters(), groupings=asked, own=None)
    assert [len(answer.groups[0].values) for answer in answers] == [1, 0, 2, 1, 2]
    assert answers[0] == answers[3]
    assert {group.values[1]: group.entries for group in answers[2].groups if group.values[0] == RESIDENT} == {
        "intent": 2,
        "receipt": 2,
        "denial": 1,
        "governance": 1,
    }


def test_only_the_largest_groups_are_told(index: EntryIndex) -> None:
    """And how many there are in all."""
    (grouped,) = summarise(index, filters=SearchFilters(), groupings=[[Dimension.OFFICE]], own=None, groups_max=1)
    assert [group.values for group in grouped.groups] == [(STREET,)]
    assert grouped.groups_total == 4


@pytest.mark.parametrize(
    "groupings",
    [
        [[Dimension.KIND]] * (GROUPINGS_MAX + 1),
        [[Dimension.KIND, Dimension.KIND]],
        [[Dimension.KIND, Dimension.OFFICE, Dimension.PURPOSE, Dimension.DAY, Dimension.HOUR]],
    ],
)
def test_too_many_groupings_are_refused(index: EntryIndex, groupings: list[list[Dimension]]) -> None:
    """Before anything is read."""
    with pytest.raises(InvalidQuery) as refused:
        summarise(index, filters=SearchFilters(), groupings=groupings, own=None)
    assert refused.value.reason is Reason.GROUPING_INVALID
