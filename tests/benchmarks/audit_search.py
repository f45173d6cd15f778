"""Questions over a log of ten million entries, against looking for the same text in its files."""

from __future__ import annotations

import hashlib
import itertools
import mmap
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.access_log import EntryIndex, connect, parquet_beside
from connectors.sdk.access_log.sealed import write_rows
from connectors.sdk.tlog.canonical import JsonValue, encode_canonical
from connectors.sdk.tlog.entry import encode_entry, leaf_hash
from connectors.sdk.tlog.note import sign_checkpoint
from connectors.sdk.tlog.segments import Segment, checkpoint_frame, entry_frame, list_segments
from gateway.audit import SearchFilters, recorded_decisions, search
from gateway.model.audit import EntryKind
from tests.benchmarks.measure import Line, Setting, seconds_of

SEGMENT_ENTRIES = 100_000
_BODIES = 20_000
_START_MICROS, _STEP_MICROS = 1_735_660_800_000_000, 3_000_000
_SECONDS_MAX = 10.0
_OFFICES = [f"310101{number:03}" for number in range(1, 11)]
_PURPOSES = ("elderly-care-visits", "grid-inspection", "venue-verification", "epidemic-control")
_COLUMNS = ("name", "phone", "resident_id", "birth_date", "residence_address", "residence_division")
_HOURS = """
SELECT office, purpose, hour(recorded_at), count(*), count(DISTINCT requester) FROM entries
WHERE kind = 'intent' GROUP BY ALL
"""
_Drawn = list[tuple[EntryKind, bytes]]


def run(setting: Setting) -> list[Line]:
    """Measure."""
    segments = setting.size(100, quick=3)
    folder, entries = setting.folder / "audit", segments * SEGMENT_ENTRIES
    _write_log(folder, segments=segments)
    with closing(EntryIndex(folder)) as index:
        first = seconds_of(lambda: _count(index))
        if _count(index) != entries + segments:
            raise RuntimeError("the index has not every entry")
        period = {"from_time": _START_MICROS // 1_000_000, "until_time": 0}
        middle = f"e{entries // 2:012}"
        questions: list[tuple[str, Callable[[], object]]] = [
            ("a requester's newest 1,000", lambda: list(search(index, filters=SearchFilters(requester="clerk-77")))),
            ("who looked up one person", lambda: list(search(index, filters=SearchFilters(person=_token(77))))),
            ("newest 1,000 that used a column", lambda: list(search(index, filters=SearchFilters(column="phone")))),
            (
                "a decision by its id",
                lambda: list(recorded_decisions(index, entry_id=middle, entries_max=1, **period)),
            ),
            ("accesses by office, purpose and hour", lambda: index.query(_HOURS).fetch_all()),
        ]
        seconds = {what: min(seconds_of(ask) for _ in range(3)) for what, ask in questions}
    plain = min(seconds_of(lambda: _read_all(folder, b"clerk-77")) for _ in range(2))
    lines = [(f"first question of a process, {entries:,} entries", first), *seconds.items()]
    return [_line(what, taken, plain, quick=setting.quick) for what, taken in lines]


def _line(what: str, taken: float, plain: float, *, quick: bool) -> Line:
    return Line(
        what=what,
        measured=f"{taken:.3f} s",
        baseline=f"the text sought in the segments: {plain:.1f} s",
        ratio=plain / taken,
        bar="≤ 10 s",
        reached=None if quick else taken <= _SECONDS_MAX,
        numbers={"seconds": taken, "baseline_seconds": plain},
    )


def _count(index: EntryIndex) -> object:
    with index.query("SELECT count(*) FROM entries") as found:
        return found.fetch_all()[0][0]


def _read_all(folder: Path, needle: bytes) -> None:
    for segment in list_segments(folder):
        with segment.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = data.find(needle)
            while at >= 0:
                at = data.find(needle, at + 1)


def _write_log(folder: Path, *, segments: int) -> None:
    """Write sealed segments of the same bodies, and a last one that records the hashes of their rows."""
    folder.mkdir()
    key = Ed25519PrivateKey.generate()
    pool = list(_bodies())
    drawn = [pool[number % _BODIES] for number in range(SEGMENT_ENTRIES)]
    sealed: _Drawn = []
    rows: pa.Table | None = None
    for number in range(segments):
        segment = _write_segment(folder, drawn, first=number * SEGMENT_ENTRIES + 1, key=key)
        parquet = parquet_beside(segment.path)
        if rows is None:
            with closing(connect()) as database:
                write_rows(segment, next_sequence=SEGMENT_ENTRIES + 1, target=parquet, database=database)
            rows = pq.read_table(parquet)
        else:
            pq.write_table(_shifted(rows, first=segment.first_sequence), parquet, compression="zstd")
        body: dict[str, JsonValue] = {
            "segment": segment.path.name,
            "first": segment.first_sequence,
            "parquet_sha256": hashlib.sha256(parquet.read_bytes()).hexdigest(),
        }
        sealed.append((EntryKind.SEALED, encode_canonical(body)))
    _write_segment(folder, sealed, first=segments * SEGMENT_ENTRIES + 1, key=key)


def _write_segment(folder: Path, drawn: _Drawn, *, first: int, key: Ed25519PrivateKey) -> Segment:
    """Write what the log's writer would, but for the root, which questions do not look at."""
    frames = []
    for sequence, (kind, body) in enumerate(drawn, first):
        leaf = encode_entry(
            body, sequence=sequence, entry_id=f"e{sequence:012}", kind=kind, time_micros=_micros(sequence)
        )
        frames.append(entry_frame(leaf, hash_=leaf_hash(leaf)))
    note = sign_checkpoint(name="benchmark", size=first + len(drawn) - 1, root=bytes(32), signing_key=key)
    path = folder / f"segment-{first:012}.log"
    path.write_bytes(b"".join((*frames, checkpoint_frame(note))))
    return Segment(path=path, first_sequence=first)


def _micros(sequence: int) -> int:
    return _START_MICROS + sequence * _STEP_MICROS


def _shifted(rows: pa.Table, *, first: int) -> pa.Table:
    """Return the rows of a segment with the same bodies that begins at another sequence."""
    sequences = np.arange(first, first + len(rows))
    changed = {
        "sequence": pa.array(sequences),
        "entry_id": pa.array([f"e{sequence:012}" for sequence in sequences]),
        "recorded_at": pa.array(_micros(sequences)).cast(rows.schema.field("recorded_at").type),
    }
    return pa.table({name: changed.get(name, rows[name]) for name in rows.column_names}, schema=rows.schema)


def _token(person: int) -> str:
    return f"st1.{person:054}"


def _bodies() -> Iterator[tuple[EntryKind, bytes]]:
    """Yield intents, receipts and denials, as short as they can be with everything that questions ask for."""
    random_ = random.Random(1)
    for number in itertools.count():
        if number == _BODIES:
            return
        office, names = random_.choice(_OFFICES), sorted(random_.sample(_COLUMNS, 3))
        columns = [{"name": name, "uses": ["selected"], "action": "clear", "mask": None} for name in names]
        dataset = {"name": "population.resident", "people": [_token(random_.randrange(_BODIES))]}
        body = {
            "requester": {
                "subject": f"clerk-{random_.randrange(5_000)}",
                "office": office,
                "office_kind": "street",
                "division_code": office,
            },
            "purpose": random_.choice(_PURPOSES),
            "case": "",
            "channel": "flight_sql",
        }
        kind = random_.choice((EntryKind.INTENT, EntryKind.RECEIPT, EntryKind.DENIAL))
        if kind == EntryKind.INTENT:
            body |= {"datasets": [{**dataset, "columns": columns}], "decision_id": f"d-{number}"}
        elif kind == EntryKind.RECEIPT:
            body |= {"datasets": [{"name": dataset["name"]}], "outcome": "delivered", "sent": {"rows": number}}
        else:
            body |= {"datasets": [dataset], "denials": [{"code": "NOT_AVAILABLE"}]}
        yield kind, encode_canonical(body)  # type: ignore[arg-type]
