"""Large Parquet files for departments: rows of a small sample city drawn again and again, with keys of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.load import load_catalogue
from connectors.sample_city.city import CityPlan, generate
from connectors.sample_city.codes import Ints, credit_codes, digits, fixed_width_text, letters
from tests.benchmarks.deployment import OFFICE

CHUNK_ROWS = 100_000
"""One row group."""
_OTHER_OFFICE = "310104"
Rng = np.random.Generator
Keys = Callable[[int, int], Mapping[str, pa.Array]]
"""Makes the columns that are not drawn, of so many rows from a row number."""


def small_city(folder: Path, *, residents: int) -> Path:
    """Generate a sample city and return the folder of its files."""
    generate(folder / "city", plan=CityPlan(residents=residents, seed=1), progress=lambda *_: None)
    return folder / "city"


def write_enterprises(folder: Path, *, city: Path, rows: int) -> int:
    """Write enterprises, ten in eleven of them `OFFICE`'s and the others mixed in; return how many are its own."""
    drawn, rng = pq.read_table(city / "legal_entity.enterprise.parquet"), np.random.default_rng(1)
    here, there = _committees(OFFICE), _committees(_OTHER_OFFICE)
    own = 0

    def chunk(first: int, count: int) -> Mapping[str, pa.Array]:
        nonlocal own
        inside = rng.random(count) < 10 / 11
        own += int(inside.sum())
        committees = np.where(inside, rng.choice(here, count), rng.choice(there, count))
        serials = np.arange(first, first + count, dtype=np.int64)
        return {
            "credit_code": credit_codes(serials, categories=np.ones_like(serials), districts=committees // 10**6),
            "division_code": fixed_width_text(digits(committees, width=12)),
        }

    _write(folder / "legal_entity.enterprise", drawn, rows=rows, rng=rng, keys=chunk)
    return own


def write_households_and_dwellings(folder: Path, *, city: Path, rows: int) -> None:
    """Write as many households as dwellings, all `OFFICE`'s; each dwelling has one household, in another order."""
    rng, committees = np.random.default_rng(1), _committees(OFFICE)
    order = rng.permutation(rows)

    def divisions(count: int) -> pa.Array:
        return fixed_width_text(digits(rng.choice(committees, count), width=12))

    def dwellings(first: int, count: int) -> Mapping[str, pa.Array]:
        codes = _codes("F", np.arange(first, first + count))
        return {"dwelling_code": codes, "division_code": divisions(count)}

    def households(first: int, count: int) -> Mapping[str, pa.Array]:
        return {
            "household_id": _codes("H", np.arange(first, first + count)),
            "dwelling_code": _codes("F", order[first : first + count]),
            "division_code": divisions(count),
        }

    drawn = pq.read_table(city / "housing.dwelling.parquet")
    _write(folder / "housing.dwelling", drawn, rows=rows, rng=rng, keys=dwellings)
    drawn = pq.read_table(city / "population.household.parquet")
    _write(folder / "population.household", drawn, rows=rows, rng=rng, keys=households)


def _write(folder: Path, drawn: pa.Table, *, rows: int, rng: Rng, keys: Keys) -> None:
    folder.mkdir(parents=True)
    drawn = drawn.combine_chunks()
    with pq.ParquetWriter(folder / "part-0.parquet", drawn.schema, compression="zstd") as writer:
        for first in range(0, rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - first)
            own = keys(first, count)
            taken = drawn.take(pa.array(rng.integers(0, drawn.num_rows, count)))
            columns = [own.get(field.name, taken.column(field.name)) for field in drawn.schema]
            writer.write_table(pa.Table.from_arrays(columns, schema=drawn.schema), row_group_size=CHUNK_ROWS)


def _committees(office: str) -> Ints:
    codes = (code for code in load_catalogue().divisions if len(code) == 12 and code.startswith(office))
    return np.array(sorted(int(code) for code in codes), dtype=np.int64)


def _codes(letter: str, numbers: Ints) -> pa.Array:
    return fixed_width_text(letters(letter, rows=len(numbers)), digits(numbers.astype(np.int64), width=18))
