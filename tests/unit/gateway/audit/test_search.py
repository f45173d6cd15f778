"""Filters find the entries they name, over any number of segments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.sdk.access_log import EntryIndex, parquet_beside
from connectors.sdk.tlog import list_segments
from gateway.audit import Sealer
from gateway.audit.log import AuditLog
from gateway.audit.search import ENTRIES_MAX, SearchFilters, find_entry, search
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import EntryKind

START = 1_700_000_000


def body(subject: str, office: str, purpose: str, case: str, *datasets: str) -> dict[str, Any]:
    return {
        "requester": {"subject": subject, "office": office},
        "purpose": purpose,
        "case": case,
        "datasets": [
            {
                "name": name,
                "columns": [{"name": "address", "uses": ["selected"], "action": "clear", "mask": None}],
                "people": [f"st1.{subject}"],
            }
            for name in datasets
        ],
    }


ITEMS = [
    (EntryKind.INTENT, body("ann", "310101002", "visits", "c-1", "population.resident", "housing.dwelling")),
    (EntryKind.DENIAL, body("ann", "310101002", "grid", "", "housing.dwelling")),
    (EntryKind.INTENT, body("bob", "310101", "visits", "c-2", "population.resident")),
    (EntryKind.FAILURE, {"reason": "TOKEN_INVALID"}),
    (
        EntryKind.AUDIT_QUERY,
        {"requester": {"subject": "eve", "office": "audit-office"}, "filters": {"office": "310101"}},
    ),
    (EntryKind.RECEIPT, {**body("bob", "310101", "visits", "c-2"), "outcome": "revoked"}),
    (EntryKind.GOVERNANCE, {**body("eve", "audit-office", "", ""), "target": "bob", "facts": {"reason": "ann"}}),
    (EntryKind.GOVERNANCE, {**body("eve", "audit-office", "", ""), "target": "a-1", "facts": {"purposes": ["grid"]}}),
]
"""Entries 2 to 9, at START + 1 to START + 8 seconds; entry 1 says that the log was opened."""


@pytest.fixture
def log(open_log: Callable[..., AuditLog]) -> Iterator[AuditLog]:
    with open_log(segment_bytes_max=400) as log:
        for kind, content in ITEMS:
            log.append(kind, content)
        yield log


@pytest.fixture
def index(log: AuditLog) -> Iterator[EntryIndex]:
    index = EntryIndex(log.directory)
    yield index
    index.close()


def found(index: EntryIndex, **filters: Any) -> list[int]:
    return [entry.sequence for entry in search(index, filters=SearchFilters(**filters))]


@pytest.mark.parametrize(
    ("filters", "sequences"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ({"requester": "ann"}, [2, 3]),
        ({"requester": "bob"}, [4, 7, 8]),
        ({"purpose": "grid"}, [3, 9]),
        ({"purpose": "grid", "kind": "governance"}, [9]),
        ({"office": "310101"}, [4, 7]),
        ({"purpose": "visits"}, [2, 4, 7]),
        ({"dataset": "housing.dwelling"}, [2, 3]),
        ({"kind": "denial"}, [3]),
        ({"kind": "denia"}, []),
        ({"case": "c-2"}, [4, 7]),
        ({"case": "c-"}, []),
        ({"from_time": START + 3}, [4, 5, 6, 7, 8, 9]),
        ({"until_time": START + 3}, [1, 2, 3]),
        ({"from_time": START + 2, "until_time": START + 4}, [3, 4]),
        ({"purpose": "visits", "kind": "intent", "requester": "bob"}, [4]),
        ({"requester": "ann", "office": "310101"}, []),
        ({"entries_max": 2}, [8, 9]),
        ({"entries_max": 2, "purpose": "visits"}, [4, 7]),
        ({"entries_max": -1, "kind": "denial"}, [3]),
        ({"entries_max": 2, "before_sequence": 8}, [6, 7]),
        ({"entries_max": 2, "before_sequence": 4, "purpose": "visits"}, [2]),
        ({"before_sequence": 1}, []),
        ({"requester": "a'b"}, []),
        ({"outcome": "revoked"}, [7]),
        ({"column": "address"}, [2, 4]),
        ({"column": "housing.dwelling.address"}, [2]),
        ({"column": "address", "requester": "bob"}, [4]),
        ({"column": "addres"}, []),
        ({"person": "st1.bob"}, [4]),
        ({"person": "st1."}, []),
    ],
    ids=str,
)
def test_filters(index: EntryIndex, filters: dict[str, Any], sequences: list[int]) -> None:
    """Only entries that match every filter exactly are found, the newest of them, oldest first.

    What was done to a requester, or decided about a purpose, is found by their names too; other facts are not searched.
    """
    assert len(list_segments(index.directory)) > 2
    assert found(index, **filters) == sequences


def test_pages_of_two_show_every_entry_once(index: EntryIndex) -> None:
    """Each page ends before the oldest entry of the one before."""
    pages: list[list[int]] = []
    while page := found(index, entries_max=2, before_sequence=pages[-1][0] if pages else 0):
        pages.append(page)
    assert [sequence for page in reversed(pages) for sequence in page] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_an_entry_is_found_by_its_id(index: EntryIndex) -> None:
    """Whatever its kind; no entry has another's id, or none."""
    entry = find_entry(index, entry_id="entry-3")
    assert entry is not None
    assert (entry.sequence, entry.kind) == (3, "denial")
    assert find_entry(index, entry_id="entry-") is None
    assert find_entry(index, entry_id="") is None


def test_entries_are_those_of_the_log(log: AuditLog, index: EntryIndex) -> None:
    """What is found is what was appended, with the bytes that the log's proofs are about."""
    entries = list(search(index, filters=SearchFilters()))
    assert [entry.body for entry in entries[1:]] == [json.loads(json.dumps(content)) for _, content in ITEMS]
    assert log.append(EntryKind.DENIAL, {"a": 1}) == next(
        search(index, filters=SearchFilters(kind="denial", entries_max=1))
    )


def test_without_a_bound_the_newest_thousand(log: AuditLog, index: EntryIndex) -> None:
    """A question without a bound returns a bounded answer."""
    log.append_many([(EntryKind.FAILURE, {})] * (ENTRIES_MAX + 10))
    assert found(index) == list(range(20, 20 + ENTRIES_MAX))


def test_a_damaged_log_is_no_answer(log: AuditLog, index: EntryIndex) -> None:
    """No answer is better than a partial one."""
    first = list_segments(index.directory)[0].path
    data = bytearray(first.read_bytes())
    data[30] ^= 1
    first.write_bytes(data)
    with pytest.raises(Unavailable) as refused:
        found(index)
    assert refused.value.reason is Reason.AUDIT_UNAVAILABLE


def test_the_sealer_writes_every_closed_segment(log: AuditLog, index: EntryIndex) -> None:
    """Each has its Parquet file, whose hash the log then has; answers stay the same, and nothing is sealed twice."""
    before = found(index)
    sealer = Sealer(log, index=index)
    closed = list_segments(index.directory)[:-1]
    assert sealer.seal() == len(closed)
    assert all(parquet_beside(segment.path).is_file() for segment in closed)
    sealed = list(search(index, filters=SearchFilters(kind="sealed")))
    assert [entry.body["first"] for entry in sealed] == [segment.first_sequence for segment in closed]
    assert [entry.body["last"] + 1 for entry in sealed[:-1]] == [entry.body["first"] for entry in sealed[1:]]
    assert found(index)[: len(before)] == before
    newly_closed = len(list_segments(index.directory)) - 1 - len(closed)
    assert sealer.seal() == newly_closed
    assert found(index, kind="intent") == [2, 4]


def test_a_stopped_log_is_not_sealed_and_still_searched(log: AuditLog, index: EntryIndex) -> None:
    """Sealing waits for a log that can record it; auditors do not."""
    before = found(index)
    log.close()
    with pytest.raises(Unavailable):
        Sealer(log, index=index).seal()
    assert found(index) == before
