"""Durable entries a second and verified entries a second, against plain appends with fsync and plain hashing."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from connectors.sdk.tlog.segments import list_segments, read_leaves
from gateway.audit import AuditLog, SubjectKey, VerificationKey, named_people, record_intent, record_receipt, verify
from gateway.decide import EmbeddedPdp, decide
from gateway.model.audit import AuditEntry, EntryKind, Outcome
from gateway.model.result import ReceivedScan
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from gateway.rewrite import rewrite
from tests.benchmarks.in_process import REQUESTER, STANDING, asked_for, new_id, open_log, real_bundle
from tests.benchmarks.measure import Line, Setting, rate, seconds_of

_SQL = "SELECT name, phone, residence_address FROM population.resident WHERE household_id = '310101002001H000001'"
_PURPOSE = "elderly-care-visits"
_THREADS = 32
_ENTRIES_A_SECOND_MIN, _VERIFIED_A_SECOND_MIN = 5_000, 100_000
_SMALL_BATCH = 1_000


def run(setting: Setting) -> list[Line]:
    """Measure."""
    seconds = float(setting.size(4, quick=1))
    folder = setting.folder / "audit"
    with open_log(folder) as log:
        query = _query_of(log)
        ready = [(EntryKind(entry.kind), entry.body) for entry in query()]

        def append() -> None:
            for kind, body in ready:
                log.append(kind, body)

        appended = len(ready) * _rate(append, threads=_THREADS, seconds=seconds)
        recorded = len(ready) * _rate(query, threads=_THREADS, seconds=seconds)
        public_key = log.verification_key
    verified = _verified(folder, public_key=public_key, what="")
    size = sum(segment.path.stat().st_size for segment in list_segments(folder))
    line = os.urandom(int(size / verified.numbers["entries"]))
    plain = {threads: _plain(setting.folder, line, threads=threads, seconds=seconds / 2) for threads in (1, _THREADS)}
    reached = None if setting.quick else appended >= _ENTRIES_A_SECOND_MIN
    return [
        _written(f"append, {_THREADS} threads, {len(line):,} bytes each", appended, plain, threads=1, reached=reached),
        _written("the same", appended, plain, threads=_THREADS),
        _written(f"record_intent, record_receipt, {_THREADS} threads", recorded, plain, threads=_THREADS),
        verified,
        _verified_small(setting),
    ]


def _written(
    what: str, entries_per_second: float, plain: Mapping[int, float], *, threads: int, reached: bool | None = None
) -> Line:
    return Line(
        what=what,
        measured=f"{rate(entries_per_second)} entries/s",
        baseline=f"append + fsync, {threads} thread{'s' if threads > 1 else ''}: {rate(plain[threads])}/s",
        ratio=entries_per_second / plain[threads],
        bar="≥ 5,000/s" if threads == 1 else "",
        reached=reached,
        numbers={"entries_per_second": entries_per_second, "baseline_entries_per_second": plain[threads]},
    )


def _query_of(log: AuditLog) -> Callable[[], tuple[AuditEntry, AuditEntry]]:
    """Return what one query writes: its intent and its receipt."""
    bundle, catalogue = real_bundle()
    context, pdp, subject_key = asked_for(_PURPOSE), EmbeddedPdp(bundle), SubjectKey(bytes(range(64)))
    resolved = resolve(parse(_SQL, engine_parser=EngineParser()), catalogue=catalogue)
    decision = decide(
        resolved,
        requester=REQUESTER,
        context=context,
        standing=STANDING,
        pdp=pdp,
        catalogue=catalogue,
        decision_id=new_id(),
        deadline_seconds=2.0,
    )
    pdp.close()
    plan = rewrite(resolved, decision=decision, catalogue=catalogue)
    received = [
        ReceivedScan(dataset=planned.dataset, controller=planned.controller, rows=1, sha256="0" * 64)
        for planned in plan.scans
    ]

    def write() -> tuple[AuditEntry, AuditEntry]:
        intent = record_intent(
            log,
            requester=REQUESTER,
            context=context,
            plan=plan,
            catalogue_revision=catalogue.revision,
            people=named_people(resolved, catalogue=catalogue, key=subject_key),
        )
        receipt = record_receipt(
            log,
            intent,
            outcome=Outcome.DELIVERED,
            sent={"rows": 1, "bytes_sent": 1000, "content_hash": "sha256:" + "0" * 64},
            scans=received,
            expires_at=context.time,
            reason=None,
            durations_micros={"run": 1000},
        )
        return intent, receipt

    return write


def _rate(call: Callable[[], object], *, threads: int, seconds: float) -> float:
    """Return calls a second from so many threads."""
    counts, started = [0] * threads, time.monotonic()

    def work(index: int) -> None:
        while time.monotonic() < started + seconds:
            call()
            counts[index] += 1

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.monotonic() - started)


def _plain(folder: Path, line: bytes, *, threads: int, seconds: float) -> float:
    """Return appends a second to one file, each followed by fsync."""
    descriptor = os.open(folder / f"plain-{threads}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def append() -> None:
        os.write(descriptor, line)
        os.fsync(descriptor)

    try:
        return _rate(append, threads=threads, seconds=seconds)
    finally:
        os.close(descriptor)


def _verified_small(setting: Setting) -> Line:
    """Verify a log of the smallest entries, where the tree and the checks are most of the work."""
    folder = setting.folder / "small"
    items = [(EntryKind.AUDIT_QUERY, {"action": "search", "filters": {}})] * _SMALL_BATCH
    with open_log(folder) as log:
        for _ in range(setting.size(500, quick=20)):
            log.append_many(items)
        public_key = log.verification_key
    reached = None if setting.quick else _VERIFIED_A_SECOND_MIN
    return _verified(folder, public_key=public_key, what=" small", entries_a_second_min=reached)


def _verified(
    folder: Path, *, public_key: VerificationKey, what: str, entries_a_second_min: float | None = None
) -> Line:
    """Verify a log; the least anyone can do is hash its entries."""
    found = verify(folder, public_key=public_key)  # also brings the files into memory
    if not found.intact:
        raise RuntimeError(f"the log does not verify: {found.problems}")
    seconds = min(seconds_of(lambda: verify(folder, public_key=public_key)) for _ in range(3))
    hashing = min(seconds_of(lambda: _hash_entries(folder)) for _ in range(3))
    entries = found.entries
    return Line(
        what=f"verify {entries:,}{what} entries",
        measured=f"{rate(entries / seconds)} entries/s",
        baseline=f"SHA-256 of each entry: {rate(entries / hashing)}/s",
        ratio=hashing / seconds,
        bar="≥ 100,000/s" if what else "",
        reached=None if entries_a_second_min is None else entries / seconds >= entries_a_second_min,
        numbers={
            "entries": entries,
            "entries_per_second": entries / seconds,
            "baseline_entries_per_second": entries / hashing,
        },
    )


def _hash_entries(folder: Path) -> None:
    for segment in list_segments(folder):
        for leaf in read_leaves(segment):
            hashlib.sha256(leaf).digest()
