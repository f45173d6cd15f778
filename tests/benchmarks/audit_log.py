"""Durable entries a second and verified entries a second, against plain appends with fsync and plain hashing."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway.audit import AuditLog, VerificationKey, record_intent, record_receipt, verify
from gateway.audit.segments import list_segments
from gateway.decide import EmbeddedPdp, decide
from gateway.model.audit import Outcome
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from gateway.rewrite import rewrite
from tests.benchmarks.in_process import REQUESTER, asked_for, new_id, open_log, real_bundle
from tests.benchmarks.measure import Line, Setting, rate, seconds_of

_SQL = "SELECT name, phone, residence_address FROM population.resident WHERE household_id = '310101002001H000001'"
_PURPOSE = "elderly-care-visits"
_THREADS = 32
_ENTRIES_A_SECOND_MIN, _VERIFIED_A_SECOND_MIN = 5_000, 100_000


def run(setting: Setting) -> list[Line]:
    """Measure."""
    seconds = float(setting.size(5, quick=1))
    folder = setting.folder / "audit"
    with open_log(folder) as log:
        entries = 2 * _in_threads(_query_of(log), threads=_THREADS, seconds=seconds)
        public_key = log.public_key
    size = sum(segment.path.stat().st_size for segment in list_segments(folder))
    line = os.urandom(size // entries)
    plain = {count: _plain(setting.folder, line, threads=count, seconds=seconds / 2) for count in (1, _THREADS)}
    written = [
        Line(
            what=f"intents and receipts, {_THREADS} threads, {size // entries:,} bytes each",
            measured=f"{rate(entries / seconds)} entries/s",
            baseline=f"append + fsync, {count} thread{'s' if count > 1 else ''}: {rate(each)}/s",
            ratio=entries / seconds / each,
            bar="≥ 5,000/s" if count == 1 else "",
            reached=None if setting.quick or count > 1 else entries / seconds >= _ENTRIES_A_SECOND_MIN,
            numbers={"entries_per_second": entries / seconds, "baseline_entries_per_second": each},
        )
        for count, each in plain.items()
    ]
    return [*written, _verified(folder, public_key=public_key, quick=setting.quick)]


def _query_of(log: AuditLog) -> Callable[[], None]:
    """Return what one query writes: its intent and its receipt."""
    bundle, catalogue = real_bundle()
    context, pdp = asked_for(_PURPOSE), EmbeddedPdp(bundle)
    resolved = resolve(parse(_SQL, engine_parser=EngineParser()), catalogue=catalogue)
    decision = decide(
        resolved,
        requester=REQUESTER,
        context=context,
        pdp=pdp,
        catalogue=catalogue,
        decision_id=new_id(),
        deadline_seconds=2.0,
    )
    pdp.close()
    scans = rewrite(resolved, decision=decision, catalogue=catalogue).scans

    def write() -> None:
        intent = record_intent(
            log,
            requester=REQUESTER,
            context=context,
            resolved=resolved,
            decision=decision,
            catalogue_revision=catalogue.revision,
            scans=scans,
        )
        record_receipt(
            log,
            intent,
            outcome=Outcome.DELIVERED,
            rows=1,
            bytes_sent=1000,
            content_sha256="0" * 64,
            reason=None,
            durations_micros={"run": 1000},
        )

    return write


def _in_threads(call: Callable[[], None], *, threads: int, seconds: float) -> int:
    """Return how many calls end in `seconds`, or begin in them."""
    deadline, counts = time.monotonic() + seconds, [0] * threads

    def work(index: int) -> None:
        while time.monotonic() < deadline:
            call()
            counts[index] += 1

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts)


def _plain(folder: Path, line: bytes, *, threads: int, seconds: float) -> float:
    """Return appends a second to one file, each followed by fsync."""
    descriptor = os.open(folder / f"plain-{threads}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def append() -> None:
        os.write(descriptor, line)
        os.fsync(descriptor)

    try:
        return _in_threads(append, threads=threads, seconds=seconds) / seconds
    finally:
        os.close(descriptor)


def _verified(folder: Path, *, public_key: VerificationKey, quick: bool) -> Line:
    """Verify the log that was just written; the least anyone can do is hash its lines."""
    found = verify(folder, public_key=public_key)  # also brings the files into memory
    if not found.intact:
        raise RuntimeError(f"the log does not verify: {found.problems}")
    seconds = min(seconds_of(lambda: verify(folder, public_key=public_key)) for _ in range(3))
    hashing = min(seconds_of(lambda: _hash_lines(folder)) for _ in range(3))
    entries = found.entries
    return Line(
        what=f"verify {entries:,} entries",
        measured=f"{rate(entries / seconds)} entries/s",
        baseline=f"SHA-256 of each line: {rate(entries / hashing)}/s",
        ratio=hashing / seconds,
        bar="≥ 100,000/s",
        reached=None if quick else entries / seconds >= _VERIFIED_A_SECOND_MIN,
        numbers={"entries_per_second": entries / seconds, "baseline_entries_per_second": entries / hashing},
    )


def _hash_lines(folder: Path) -> None:
    for segment in list_segments(folder):
        with segment.path.open("rb") as lines:
            for line in lines:
                hashlib.sha256(line).digest()
