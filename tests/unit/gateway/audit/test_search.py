from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.chain import read_entry
from gateway.audit.log import AuditLog
from gateway.audit.search import ENTRIES_MAX, SearchFilters, scan, search
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import EntryKind

START = 1_700_000_000


def body(subject: str, office: str, purpose: str, case: str, *datasets: str) -> dict[str, Any]:
    return {
        "requester": {"subject": subject, "office": office},
        "purpose": purpose,
        "case": case,
        "datasets": [{"name": name} for name in datasets],
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
    (EntryKind.RECEIPT, body("bob", "310101", "visits", "c-2", "population.resident")),
    (EntryKind.GOVERNANCE, {**body("eve", "audit-office", "", ""), "target": "bob", "facts": {"reason": "ann"}}),
    (EntryKind.GOVERNANCE, {**body("eve", "audit-office", "", ""), "target": "a-1", "facts": {"purposes": ["grid"]}}),
]
"""Entries 2 to 9, at START + 1 to START + 8 seconds; entry 1 says that the log was opened."""


@pytest.fixture
def log(open_log: Callable[..., AuditLog]) -> AuditLog:
    with open_log(segment_bytes_max=400) as log:
        for kind, content in ITEMS:
            log.append(kind, content)
        yield log


def found(log: AuditLog, **filters: Any) -> list[int]:
    return [stored.entry.sequence for stored in search(log.directory, filters=SearchFilters(**filters))]


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
        ({"requester": 'a"b'}, []),
    ],
    ids=str,
)
def test_filters(log: AuditLog, filters: dict[str, Any], sequences: list[int]) -> None:
    """Only entries that match every filter exactly are found, the newest of them, oldest first.

    What was done to a requester, or decided about a purpose, is found by their names too; other facts are not searched.
    """
    assert len(list(log.directory.glob("segment-*"))) > 2
    assert found(log, **filters) == sequences


def test_returns_the_bytes_on_disk(log: AuditLog) -> None:
    """Each entry comes with the canonical JSON whose hash it carries."""
    for stored in search(log.directory, filters=SearchFilters()):
        assert hashlib.sha256(stored.canonical_json).hexdigest() == stored.entry.sha256
        assert read_entry(stored.canonical_json + b"\n") == stored.entry


def test_a_scan_reads_in_the_order_of_the_log(log: AuditLog) -> None:
    """Entries come oldest first over all segments, and what is wanted may depend on those before."""
    seen: list[int] = []
    for entry in scan(log.directory, wanted=lambda tail, line: len(seen) < 3):
        seen.append(entry.sequence)
    assert seen == [1, 2, 3]


def test_without_a_bound_the_newest_thousand(log: AuditLog) -> None:
    """A question without a bound returns a bounded answer."""
    log.append_many([(EntryKind.FAILURE, {})] * (ENTRIES_MAX + 10))
    sequences = found(log)
    assert sequences == list(range(20, 20 + ENTRIES_MAX))


def test_unfinished_line_is_not_an_entry(log: AuditLog) -> None:
    """What is being written at this moment is not shown."""
    last = sorted(log.directory.glob("segment-*"))[-1]
    with last.open("ab") as file:
        file.write(b'{"body":{"half')
    assert found(log) == [1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_damaged_log_gives_no_partial_answer(log: AuditLog) -> None:
    """An auditor is told that the log cannot be read rather than shown a part of it."""
    first = sorted(log.directory.glob("segment-*"))[0]
    first.write_bytes(b"garbage\n")
    with pytest.raises(Unavailable) as refused:
        found(log, requester="ann")
    assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
    assert "segment-000000000001.jsonl:1" in refused.value.internal


def test_missing_log(tmp_path: Path) -> None:
    """A directory that is not there is a failure, not an empty answer."""
    with pytest.raises(Unavailable):
        list(search(tmp_path / "nowhere", filters=SearchFilters()))


def test_answers_while_closed(log: AuditLog) -> None:
    """Questions need no writer."""
    log.close()
    assert found(log, kind="denial") == [3]


def test_filters_mirror_the_request() -> None:
    """Every filter of the public request exists here under the same name."""
    from sharing_stubs.sharing.audit.v1.audit_pb2 import SearchEntriesRequest

    public = {field.name for field in SearchEntriesRequest.DESCRIPTOR.fields}
    assert {field.name for field in dataclasses.fields(SearchFilters)} == public
