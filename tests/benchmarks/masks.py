"""Masks and pseudonyms, against `pyarrow.compute.utf8_upper` over the same values; one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.enforce import BATCH_ROWS_MAX
from connectors.sdk.masks import is_treated, treat
from tests.benchmarks.measure import Line, Setting, rate
from tests.benchmarks.sample_rows import small_city

_RESIDENT, _ENTERPRISE = "population.resident", "legal_entity.enterprise"
CASES = (
    (ColumnAction.PSEUDONYM, None, _RESIDENT, "resident_id"),
    (ColumnAction.PARTIAL, Mask.NAME, _RESIDENT, "name"),
    (ColumnAction.PARTIAL, Mask.RESIDENT_ID, _RESIDENT, "resident_id"),
    (ColumnAction.PARTIAL, Mask.CREDIT_CODE, _ENTERPRISE, "credit_code"),
    (ColumnAction.PARTIAL, Mask.PHONE, _RESIDENT, "phone"),
    (ColumnAction.PARTIAL, Mask.ADDRESS_COMMITTEE, _RESIDENT, "residence_address"),
    (ColumnAction.PARTIAL, Mask.ADDRESS, _RESIDENT, "residence_address"),
    (ColumnAction.PARTIAL, Mask.ADDRESS_LANE, _RESIDENT, "residence_address"),
    (ColumnAction.GENERALISE, Mask.DATE_MONTH, _RESIDENT, "birth_date"),
    (ColumnAction.GENERALISE, Mask.DATE_YEAR, _RESIDENT, "birth_date"),
    (ColumnAction.GENERALISE, Mask.AGE_BAND, _RESIDENT, "birth_date"),
    (ColumnAction.GENERALISE, Mask.BUCKET, _ENTERPRISE, "employees"),
    (ColumnAction.GENERALISE, Mask.DIVISION_TOWNSHIP, _RESIDENT, "residence_division"),
)
_VALUES_A_SECOND_MIN = 1e6


def run(setting: Setting) -> list[Line]:
    """Measure."""
    city = small_city(setting.folder, residents=setting.size(150_000, quick=20_000))
    datasets = load_catalogue().datasets
    lines = []
    for action, mask, dataset, name in CASES:
        column = datasets[dataset].column(name)
        buckets = () if column is None else column.buckets
        batches = _batches(city, dataset=dataset, column=name)
        lines.append(_line(action, mask, batches, buckets=buckets, setting=setting))
    return lines


def _line(
    action: ColumnAction, mask: Mask | None, batches: list[pa.Array], *, buckets: tuple[int, ...], setting: Setting
) -> Line:
    runs, key = setting.size(7, quick=3), bytes(range(32))
    text = [batch.cast(pa.string()) for batch in batches]
    treatment = partial(treat, action=action, mask=mask, pseudonym_key=key, buckets=buckets)
    check = partial(is_treated, action=action, mask=mask, buckets=buckets)
    treated = [treatment(batch) for batch in batches]
    values = sum(len(batch) for batch in batches)
    treating = _rate(lambda i: treatment(batches[i]), batches, runs=runs)
    checking = _rate(lambda i: check(treated[i]), batches, runs=runs)
    upper = _rate(lambda i: pc.utf8_upper(text[i]), batches, runs=runs)
    return Line(
        what=f"{action}{f' {mask}' if mask else ''}",
        measured=f"{rate(treating)} values/s (re-check {rate(checking)})",
        baseline=f"utf8_upper: {rate(upper)} values/s",
        ratio=treating / upper,
        bar="≥ 1 M values/s/core",
        reached=None if setting.quick else treating >= _VALUES_A_SECOND_MIN,
        numbers={"values": values, "values_per_second": treating, "recheck_values_per_second": checking}
        | {"baseline_values_per_second": upper},
    )


def _batches(city: Path, *, dataset: str, column: str) -> list[pa.Array]:
    """Return the column's values in batches; nulls stay."""
    values = pq.read_table(city / f"{dataset}.parquet", columns=[column])[column].combine_chunks()
    return [
        pa.concat_arrays([values.slice(first, BATCH_ROWS_MAX)])  # with buffers of its own
        for first in range(0, len(values), BATCH_ROWS_MAX)
    ]


def _rate(call: Callable[[int], object], batches: list[pa.Array], *, runs: int) -> float:
    """Return values a second of processor time: the median of several runs over all batches, after one."""

    def once() -> float:
        started = time.process_time()
        for index in range(len(batches)):
            call(index)
        return time.process_time() - started

    once()
    return float(sum(len(batch) for batch in batches) / np.median([once() for _ in range(runs)]))
