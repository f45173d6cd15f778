"""The access log against the departments' own logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog.entry import Entry
from gateway.audit.log import AuditLog
from gateway.audit.reconcile import Difference, DifferenceKind, reconcile
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.audit import EntryKind
from tests.fakes.department_logs import DepartmentsInMemory
from tests.unit.gateway.audit.conftest import START_MICROS, OpenLog

START = START_MICROS // 1_000_000
HOUR = 3_600


@pytest.fixture
def log(open_log: OpenLog) -> Iterator[AuditLog]:
    """An open access log."""
    with open_log() as opened:
        yield opened


def query(log: AuditLog, decision: str, *received: tuple[str, int, str], outcome: str | None = "delivered") -> str:
    """Record a query over the dataset `population.resident` and what came of its scans; return the intent's id."""
    scans = [{"dataset": "population.resident", "controller": "police"} for _ in received]
    intent = log.append(EntryKind.INTENT, {"decision_id": decision, "scans": scans})
    if outcome:
        came = [
            {"dataset": dataset, "controller": "police", "rows": rows, "sha256": sha256}
            for dataset, rows, sha256 in received
        ]
        log.append(EntryKind.RECEIPT, {"intent": intent.entry_id, "outcome": outcome, "scans": came})
    return intent.entry_id


def served(decision: str, *, rows: int | None, sha256: str = "", grant: str = "g", at: int = START) -> list[Entry]:
    """What a department's log has of one grant; without `rows` its end is missing."""
    body = {"grant_id": grant, "decision_id": decision, "dataset": "population.resident"}
    entries = [_entry("granted", body, at=at, entry_id=f"granted-{grant}")]
    if rows is not None:
        end = {**body, "rows": rows, "sha256": sha256 or "aa" * 32, "complete": bool(sha256)}
        entries.append(_entry("served", end, at=at, entry_id=f"served-{grant}"))
    return entries


def _entry(kind: str, body: dict[str, Any], *, at: int, entry_id: str) -> Entry:
    return Entry(sequence=1, entry_id=entry_id, kind=kind, time_micros=at * 1_000_000, body=body, leaf=b"")


def compared(
    directory: Path, *entries: Entry, from_time: int = START - HOUR, until_time: int = START + HOUR
) -> list[Difference]:
    """Reconcile with one department that has these entries."""
    logs = DepartmentsInMemory(entries={"police": entries})
    with closing(EntryIndex(directory)) as index:
        return list(reconcile(index, logs=logs, from_time=from_time, until_time=until_time))


def kinds(found: list[Difference]) -> list[tuple[DifferenceKind, int]]:
    return [(difference.kind, difference.agreed) for difference in found]


def test_what_both_logs_have_alike_agrees(log: AuditLog, directory: Path) -> None:
    """Same decision, dataset, rows and digest: one line says on how many scans both agree."""
    query(log, "d1", ("population.resident", 5, "ab" * 32))
    query(log, "d2", ("population.resident", 0, "cd" * 32), ("population.resident", 7, "ef" * 32))
    found = compared(
        directory,
        *served("d1", rows=5, sha256="ab" * 32, grant="1"),
        *served("d2", rows=7, sha256="ef" * 32, grant="2"),
        *served("d2", rows=0, sha256="cd" * 32, grant="3"),
    )
    assert kinds(found) == [(DifferenceKind.AGREED, 3)]


def test_a_removed_intent_shows(log: AuditLog, directory: Path) -> None:
    """A grant that was served without an entry of the access log is found with its decision and the department's entry."""
    [difference, _] = compared(directory, *served("removed", rows=5, sha256="ab" * 32))
    assert difference.kind is DifferenceKind.ONLY_DEPARTMENT
    assert difference.served is not None
    assert (difference.served.decision_id, difference.served.entry_id, difference.served.rows) == (
        "removed",
        "granted-g",
        5,
    )


def test_a_forged_second_grant_shows(log: AuditLog, directory: Path) -> None:
    """A second grant under the id of a genuine decision is found although the decision is known."""
    query(log, "d1", ("population.resident", 5, "ab" * 32))
    found = compared(
        directory,
        *served("d1", rows=5, sha256="ab" * 32, grant="genuine"),
        *served("d1", rows=90_000, sha256="ff" * 32, grant="forged"),
    )
    assert kinds(found) == [(DifferenceKind.ONLY_DEPARTMENT, 0), (DifferenceKind.AGREED, 1)]
    assert found[0].served is not None
    assert found[0].served.entry_id == "granted-forged"


def test_a_scan_that_the_department_does_not_know_shows(log: AuditLog, directory: Path) -> None:
    """Rows that the gateway received without a grant in the department's log are found with the gateway's entry."""
    intent = query(log, "d1", ("population.resident", 5, "ab" * 32))
    [difference, _] = compared(directory)
    assert difference.kind is DifferenceKind.ONLY_GATEWAY
    assert difference.gateway is not None
    assert difference.gateway.entry_id == intent


@pytest.mark.parametrize(("rows", "sha256"), [(6, "ab" * 32), (5, "ac" * 32), (6, "ac" * 32), (5, ""), (None, "")])
def test_other_rows_show(log: AuditLog, directory: Path, rows: int | None, sha256: str) -> None:
    """A complete scan of which the department has other rows, another digest or no complete end is found."""
    query(log, "d1", ("population.resident", 5, "ab" * 32))
    found = compared(directory, *served("d1", rows=rows, sha256=sha256))
    assert kinds(found) == [(DifferenceKind.ROWS, 0), (DifferenceKind.AGREED, 0)]


def test_a_scan_that_was_ended_early_agrees_as_long_as_no_row_came_from_nowhere(log: AuditLog, directory: Path) -> None:
    """Of a cancelled scan the gateway may have received fewer rows than the department sent, but never more."""
    query(log, "few", ("population.resident", 8, ""), outcome="cancelled")
    query(log, "more", ("population.resident", 9, ""), outcome="cancelled")
    query(log, "nothing", ("population.resident", 0, ""), outcome="failed")
    found = compared(
        directory,
        *served("few", rows=8, grant="1"),
        *served("more", rows=8, grant="2"),
    )
    assert kinds(found) == [(DifferenceKind.ROWS, 0), (DifferenceKind.AGREED, 1)]


def test_rows_without_the_departments_end_show(log: AuditLog, directory: Path) -> None:
    """A connector that was killed after rows had left is found, also when the gateway knows that the scan broke."""
    query(log, "broke", ("population.resident", 5, ""), outcome="failed")
    query(log, "nothing", ("population.resident", 0, ""), outcome="failed")
    found = compared(directory, *served("broke", rows=None, grant="1"), *served("nothing", rows=None, grant="2"))
    assert kinds(found) == [(DifferenceKind.ROWS, 0), (DifferenceKind.AGREED, 1)]


def test_a_grant_that_was_served_twice_is_counted_twice(log: AuditLog, directory: Path) -> None:
    """A grant replayed at a restarted connector has the same id, and does not hide behind the first."""
    query(log, "d1", ("population.resident", 5, "ab" * 32))
    found = compared(directory, *served("d1", rows=None), *served("d1", rows=5, sha256="ab" * 32))
    assert kinds(found) == [(DifferenceKind.ONLY_DEPARTMENT, 0), (DifferenceKind.AGREED, 1)]


@pytest.mark.parametrize(
    ("from_time", "until_time"), [(START, 0), (START, START), (0, START), (START, START + 32 * 86_400)]
)
def test_a_period_that_cannot_be_compared_is_refused(
    log: AuditLog, directory: Path, from_time: int, until_time: int
) -> None:
    """An empty period, which would agree on nothing, and one of more than 31 days are no answer but an error."""
    query(log, "d1", ("population.resident", 5, "ab" * 32))
    with pytest.raises(InvalidQuery) as caught:
        compared(directory, from_time=from_time, until_time=until_time)
    assert (caught.value.reason, caught.value.detail) == (Reason.PERIOD_INVALID, "31")


def test_a_running_query_is_no_difference(log: AuditLog, directory: Path) -> None:
    """An intent without its receipt is not compared yet, whether its grant is served already or not."""
    query(log, "running", ("population.resident", 0, ""), outcome=None)
    query(log, "begun", ("population.resident", 0, ""), outcome=None)
    assert kinds(compared(directory, *served("begun", rows=None))) == [(DifferenceKind.AGREED, 0)]


def test_a_department_that_does_not_answer_is_named(log: AuditLog, directory: Path) -> None:
    """No answer is a finding of its own, also for a department that only the access log knows; the others are compared."""
    query(log, "d1", ("population.resident", 5, "ab" * 32))
    logs = DepartmentsInMemory(entries={"housing": [], "police": None})
    with closing(EntryIndex(directory)) as index:
        found = list(reconcile(index, logs=logs, from_time=START - HOUR, until_time=START + HOUR))
    assert [(difference.department, difference.kind) for difference in found] == [
        ("housing", DifferenceKind.AGREED),
        ("police", DifferenceKind.NO_LOG),
    ]
    assert found[1].error is not None
    assert found[1].error.reason is Reason.CONNECTOR_UNAVAILABLE


def test_only_the_period_counts_and_its_edges_are_compared_with_what_lies_outside(
    log: AuditLog, directory: Path
) -> None:
    """A scan that one clock put just outside the period is still paired, and what is far outside is not looked at."""
    query(log, "edge", ("population.resident", 5, "ab" * 32))
    outside = served("edge", rows=5, sha256="ab" * 32, at=START - 60)
    far = served("far", rows=5, sha256="ab" * 32, grant="far", at=START - 10 * HOUR)
    found = compared(directory, *outside, *far, from_time=START - 1, until_time=START + HOUR)
    assert kinds(found) == [(DifferenceKind.AGREED, 1)]
