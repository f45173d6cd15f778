"""Hold the access log against the departments' own logs: neither can hide what the other saw."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.grant_log import GRANTED, SERVED
from connectors.sdk.tlog.entry import Entry
from gateway.audit.department_logs import DepartmentLogs
from gateway.errors import GatewayError, InvalidQuery, TooLarge, Unavailable
from gateway.messages import Reason

MARGIN_SECONDS = 900
"""How far apart the two logs may have recorded the same scan: a grant's life, a scan, and clocks that differ."""
PERIOD_DAYS_MAX = 31
SCANS_MAX = 500_000
"""Scans of one department that the gateway's log may have for one comparison."""
_DAY_SECONDS = 86_400
_MICROS = 1_000_000
_INT64 = range(1 << 63)
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_DATASET = re.compile(r"[a-z0-9_.]{1,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

_SCANS = """
WITH intents AS (
  SELECT entry_id, decision_id, epoch_us(recorded_at) AS time_micros, from_json(body->'$.scans', $3) AS scans
  FROM entries
  WHERE kind = 'intent' AND recorded_at >= to_timestamp($1) AND recorded_at < to_timestamp($2)
), receipts AS (
  SELECT intent, from_json(body->'$.scans', $3) AS scans
  FROM entries WHERE kind = 'receipt' AND recorded_at >= to_timestamp($1)
), scans AS (
  SELECT decision_id, entry_id, time_micros,
    unnest(CASE WHEN len(receipts.scans) > 0 THEN receipts.scans ELSE intents.scans END) AS scan
  FROM intents LEFT JOIN receipts ON receipts.intent = intents.entry_id
)
"""
"""What the access log says of every scan: rows and digest where a receipt has them."""
_SCAN_TYPE = '[{"dataset": "VARCHAR", "controller": "VARCHAR", "rows": "BIGINT", "sha256": "VARCHAR"}]'


class DifferenceKind(StrEnum):
    """What two logs do not agree on."""

    ONLY_GATEWAY = "only_gateway"
    ONLY_DEPARTMENT = "only_department"
    ROWS = "rows"
    NO_LOG = "no_log"
    AGREED = "agreed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedScan:
    """A scan as one of the logs has it."""

    decision_id: str
    dataset: str
    entry_id: str
    time_micros: int
    rows: int | None
    """None when that log does not know: the scan is still running, or its end was never recorded."""
    sha256: str = ""
    """Hex digest over a stream that the log says was complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the two logs do not agree on, or how many scans they agree on."""

    kind: DifferenceKind
    department: str
    gateway: RecordedScan | None = None
    served: RecordedScan | None = None
    agreed: int = 0
    error: GatewayError | None = None
    """Why there is no log to compare with."""


def reconcile(index: EntryIndex, *, logs: DepartmentLogs, from_time: int, until_time: int) -> Iterator[Difference]:
    """Yield the differences between the access log and every department's, and for each department on how many they agree.

    A scan that the gateway says it ended early agrees when it received no more rows than the department sent. Whatever a
    department answers, the others are still compared.

    Args:
        index: The access log.
        logs: The departments'.
        from_time: Not before, in seconds since 1970-01-01 UTC.
        until_time: Before; at most `PERIOD_DAYS_MAX` days later.

    Raises:
        InvalidQuery: The period is empty or too long.
        OSError, ValueError: The access log cannot be read.
    """
    if not 0 < until_time - from_time <= PERIOD_DAYS_MAX * _DAY_SECONDS:
        raise InvalidQuery(Reason.PERIOD_INVALID, str(PERIOD_DAYS_MAX))
    begin, end = from_time - MARGIN_SECONDS, until_time + MARGIN_SECONDS
    for department in sorted({*logs.departments, *_scanned(index, from_time=begin, until_time=end)}):
        try:
            ours = _gateway_scans(index, department=department, from_time=begin, until_time=end)
            served = _served_scans(logs.read(department, from_time=begin, until_time=end), department=department)
            pairs = _paired(ours, served)
        except GatewayError as error:
            yield Difference(kind=DifferenceKind.NO_LOG, department=department, error=error)
            continue
        agreed = 0
        for gateway, theirs in pairs:
            seen = gateway or theirs
            if seen is None or not from_time * _MICROS <= seen.time_micros < until_time * _MICROS:
                continue
            kind = _compared(gateway, theirs)
            if kind is DifferenceKind.AGREED:
                agreed += 1
            elif kind is not None:
                yield Difference(kind=kind, department=department, gateway=gateway, served=theirs)
        yield Difference(kind=DifferenceKind.AGREED, department=department, agreed=agreed)


def _compared(ours: RecordedScan | None, theirs: RecordedScan | None) -> DifferenceKind | None:
    """Return how two records of a scan compare; None when there is nothing to compare yet, or the scan was never begun."""
    if ours is None:
        return DifferenceKind.ONLY_DEPARTMENT
    if theirs is None:
        return DifferenceKind.ONLY_GATEWAY if ours.rows or ours.sha256 else None
    if ours.rows is None:
        return None
    ended_early = not ours.sha256
    same = ours.rows <= (theirs.rows or 0) if ended_early else (ours.sha256, ours.rows) == (theirs.sha256, theirs.rows)
    return DifferenceKind.AGREED if same else DifferenceKind.ROWS


def _paired(
    ours: Iterable[RecordedScan], theirs: Iterable[RecordedScan]
) -> list[tuple[RecordedScan | None, RecordedScan | None]]:
    """Pair the scans of the same decision and dataset: first those with the same digest, then by their number of rows."""
    waiting: dict[tuple[str, str], list[RecordedScan]] = defaultdict(list)
    for scan in theirs:
        waiting[scan.decision_id, scan.dataset].append(scan)
    pairs: list[tuple[RecordedScan | None, RecordedScan | None]] = []
    for scan in sorted(ours, key=lambda scan: (not scan.sha256, -(scan.rows or 0))):
        candidates = waiting.get((scan.decision_id, scan.dataset), [])
        best = max(candidates, key=lambda other: (other.sha256 == scan.sha256, other.rows or 0), default=None)
        if best is not None:
            candidates.remove(best)
        pairs.append((scan, best))
    pairs.extend((None, scan) for candidates in waiting.values() for scan in candidates)
    return pairs


def _scanned(index: EntryIndex, *, from_time: int, until_time: int) -> list[str]:
    """Return the departments whose data the access log says was scanned."""
    sql = f"{_SCANS} SELECT DISTINCT scan.controller FROM scans WHERE scan.controller IS NOT NULL"  # noqa: S608
    with index.query(sql, [from_time, until_time, _SCAN_TYPE]) as found:
        return [department for (department,) in found.fetch_all()]


def _gateway_scans(index: EntryIndex, *, department: str, from_time: int, until_time: int) -> list[RecordedScan]:
    """Return what the access log says of every scan of one department."""
    sql = f"""{_SCANS} SELECT decision_id, scan.dataset, entry_id, time_micros, scan.rows, scan.sha256
        FROM scans WHERE scan.controller = $4 LIMIT {SCANS_MAX + 1}"""  # noqa: S608 - own text
    with index.query(sql, [from_time, until_time, _SCAN_TYPE, department]) as found:
        rows = found.fetch_all()
    if len(rows) > SCANS_MAX:
        raise TooLarge(Reason.DEPARTMENT_LOG_TOO_LARGE, f"{department} ({SCANS_MAX:,} scans)")
    return [
        RecordedScan(
            decision_id=decision_id, dataset=dataset, entry_id=entry_id, time_micros=at, rows=count, sha256=sha256 or ""
        )
        for decision_id, dataset, entry_id, at, count, sha256 in rows
    ]


def _served_scans(entries: Iterable[Entry], *, department: str) -> Iterator[RecordedScan]:
    """Yield what a department's log says of every grant that it accepted.

    Raises:
        Unavailable: An entry is not as a connector writes it.
    """
    running: dict[str, RecordedScan] = {}
    try:
        for entry in entries:
            if entry.kind == GRANTED:
                grant_id = _text(entry.body, "grant_id", form=_ID)
                if grant_id in running:
                    yield running[grant_id]
                running[grant_id] = RecordedScan(
                    decision_id=_text(entry.body, "decision_id", form=_ID),
                    dataset=_text(entry.body, "dataset", form=_DATASET),
                    entry_id=entry.entry_id,
                    time_micros=entry.time_micros,
                    rows=None,
                )
            elif entry.kind == SERVED:
                granted = running.pop(_text(entry.body, "grant_id", form=_ID), None)
                rows, sha256, complete = _end(entry.body)
                if granted is not None:
                    yield replace(granted, rows=rows, sha256=sha256 if complete else "")
    except ValueError as error:
        raise Unavailable(Reason.DEPARTMENT_LOG_INVALID, department, internal=str(error)) from error
    yield from running.values()


def _end(body: Mapping[str, Any]) -> tuple[int, str, bool]:
    rows, complete = body.get("rows"), body.get("complete")
    if type(rows) is not int or rows not in _INT64 or type(complete) is not bool:
        raise ValueError("an end has no number of rows")
    return rows, _text(body, "sha256", form=_SHA256), complete


def _text(body: Mapping[str, Any], name: str, *, form: re.Pattern[str]) -> str:
    value = body.get(name)
    if type(value) is not str or not form.fullmatch(value):
        raise ValueError(f"an entry has no valid {name}")
    return value
