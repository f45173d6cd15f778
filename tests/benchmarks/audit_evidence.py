"""What evidence costs a stream: content hash, marks, sets of data subjects; each against the plainest pass over the same rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.sdk.content_hash import ContentHash
from connectors.sdk.enforce import BATCH_ROWS_MAX
from connectors.sdk.subject_sets import SubjectCollector, pack_set
from connectors.sdk.watermark import mark_texts
from tests.benchmarks.measure import Line, Setting, rate
from tests.benchmarks.sample_rows import small_city

_KEY = bytes(range(16))
_COLUMNS = ["resident_id", "name", "birth_date", "phone", "residence_address"]


def run(setting: Setting) -> list[Line]:
    """Measure."""
    city = small_city(setting.folder, residents=setting.size(150_000, quick=20_000))
    table = pq.read_table(city / "population.resident.parquet", columns=_COLUMNS).combine_chunks()
    batches = [
        pa.RecordBatch.from_arrays([pa.concat_arrays([column]) for column in batch.columns], schema=batch.schema)
        for batch in table.to_batches(BATCH_ROWS_MAX)
    ]  # with buffers of their own
    runs = setting.size(9, quick=3)
    return [
        _hashing(name, batches, runs=runs, plain=plain)
        for name, plain in (("sha256", hashlib.sha256), ("sm3", lambda: hashlib.new("sm3")))
    ] + [_marks(batches, runs=runs), _subjects(batches, runs=runs)]


def _hashing(name: str, batches: list[pa.RecordBatch], *, runs: int, plain: Callable[[], hashlib._Hash]) -> Line:
    def content() -> None:
        hashed = ContentHash(name, schema=batches[0].schema)
        for batch in batches:
            hashed.add(batch)
        hashed.text  # noqa: B018 - the last step of the hash

    def buffers() -> None:
        digest = plain()
        for batch in batches:
            for column in batch.columns:
                for buffer in filter(None, column.buffers()):
                    digest.update(buffer)

    return _line(f"content hash, {name}", content, f"{name} of the same buffers", buffers, batches, runs=runs)


def _marks(batches: list[pa.RecordBatch], *, runs: int) -> Line:
    columns = [batch[name] for batch in batches for name in ("name", "residence_address")]
    mark = pa.scalar("\u2060")

    def marked() -> None:
        for column in columns:
            mark_texts(column, key=_KEY)

    def appended() -> None:
        for column in columns:
            pc.binary_join_element_wise(column, mark, "")

    return _line("marks in two columns", marked, "the same mark everywhere", appended, batches, runs=runs)


def _subjects(batches: list[pa.RecordBatch], *, runs: int) -> Line:
    columns = [batch["resident_id"] for batch in batches]
    packed = 0

    def collected() -> None:
        nonlocal packed
        collector, packed = SubjectCollector(key=_KEY), 0
        for column in columns:
            packed += sum(len(pack_set(full)) for full in collector.add(column))
        packed += sum(len(pack_set(rest)) for rest in collector.rest())

    def unkeyed() -> None:
        for column in columns:
            pc.count_distinct(column)

    line = _line("set of the data subjects", collected, "count of different values", unkeyed, batches, runs=runs)
    size = packed / line.numbers["rows"]
    return replace(line, what=f"{line.what}, {size:.1f} bytes a row", numbers={**line.numbers, "bytes_per_row": size})


def _line(
    what: str,
    call: Callable[[], object],
    baseline: str,
    plain: Callable[[], object],
    batches: list[pa.RecordBatch],
    *,
    runs: int,
) -> Line:
    rows = sum(batch.num_rows for batch in batches)
    measured, plainly = (rows / _seconds(each, runs=runs) for each in (call, plain))
    return Line(
        what=what,
        measured=f"{rate(measured)} rows/s",
        baseline=f"{baseline}: {rate(plainly)} rows/s",
        ratio=measured / plainly,
        numbers={"rows": rows, "rows_per_second": measured, "baseline_rows_per_second": plainly},
    )


def _seconds(call: Callable[[], object], *, runs: int) -> float:
    """Return the median of processor time over several runs, after one."""

    def once() -> float:
        started = time.process_time()
        call()
        return time.process_time() - started

    once()
    return float(np.median([once() for _ in range(runs)]))
