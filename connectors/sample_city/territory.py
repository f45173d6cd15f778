"""Where the city's people live: the real districts, streets and committees, cut into slices of bounded size."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.sample_city.codes import Ints
from connectors.sample_city.rates import SLICE_RESIDENTS_MAX

ENTRIES = Path(__file__).parents[2] / "catalog" / "entries"

VILLAGE_WEIGHT = 0.45
OTHER_TOWNSHIP_WEIGHT = 0.10
"""Industrial parks, farms and the like have few residents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A run of neighbouring committees of one district that is generated at once."""

    index: int
    """Position in the city; seeds the slice."""
    district_code: int
    district_title: str
    residents: int
    committees: Ints
    """Twelve-digit codes, ascending."""
    ordinals: Ints
    """Position of each committee in its district."""
    weights: npt.NDArray[np.float64]
    """Share of the slice's residents; sums to 1."""
    township_titles: tuple[str, ...]
    """One per committee."""
    village: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """All committees of the city, by code."""

    committees: Ints
    weights: npt.NDArray[np.float64]
    """Share of the city's residents."""
    township_titles: tuple[str, ...]
    village: npt.NDArray[np.bool_]
    districts: tuple[tuple[int, str, int], ...]
    """Code, title, residents in the census."""

    @classmethod
    def load(cls, entries: Path = ENTRIES, *, seed: int) -> Territory:
        """Read the divisions and the census; committee sizes are drawn with `seed`.

        Raises:
            OSError: A file is missing.
            KeyError: A file lacks a column or a parent division.
        """
        divisions = _read(entries / "divisions.csv")
        titles = {row["code"]: row["name"] for row in divisions}
        kinds = {row["code"]: row["kind"] for row in divisions}
        rows = sorted((row for row in divisions if row["kind"] == "committee"), key=lambda row: row["code"])
        codes = np.array([int(row["code"]) for row in rows], dtype=np.int64)
        village = codes // 100 % 10 == 2
        other = np.array([kinds[row["parent_code"]] == "other" for row in rows])
        sizes = np.random.default_rng([seed, 0]).lognormal(0.0, 0.35, len(rows))
        sizes *= np.where(village, VILLAGE_WEIGHT, 1.0) * np.where(other, OTHER_TOWNSHIP_WEIGHT, 1.0)
        census = _read(entries / "census2020_shanghai_districts.csv")
        districts = tuple((int(r["district_code"]), r["district_name"], int(r["residents"])) for r in census)
        return cls(
            committees=codes,
            weights=_within_districts(codes, sizes=sizes, districts=districts),
            township_titles=tuple(titles[row["parent_code"]] for row in rows),
            village=village,
            districts=districts,
        )

    def slices(self, residents: int) -> Iterator[Slice]:
        """Yield the city in slices of whole committees with about `SLICE_RESIDENTS_MAX` residents or fewer, `residents` in all."""
        index = 0
        totals = apportion(residents, weights=np.array([count for _, _, count in self.districts], dtype=np.float64))
        for (code, title, _), total in zip(self.districts, totals.tolist(), strict=True):
            here = np.flatnonzero(self.committees // 1_000_000 == code)
            parts = max(1, -(-total // SLICE_RESIDENTS_MAX))
            ends = np.cumsum(self.weights[here]) / self.weights[here].sum()
            groups = np.minimum((ends * parts - 1e-9).astype(np.int64), parts - 1)
            runs = [np.flatnonzero(groups == part) for part in np.unique(groups)]
            shares = np.array([self.weights[here[run]].sum() for run in runs])
            for run, count in zip(runs, apportion(total, weights=shares).tolist(), strict=True):
                where = here[run]
                yield Slice(
                    index=index,
                    district_code=code,
                    district_title=title,
                    residents=count,
                    committees=self.committees[where],
                    ordinals=run,
                    weights=self.weights[where] / self.weights[where].sum(),
                    township_titles=tuple(self.township_titles[i] for i in where.tolist()),
                    village=self.village[where],
                )
                index += 1


def apportion(total: int, *, weights: npt.NDArray[np.float64]) -> Ints:
    """Split `total` in proportion to `weights` by largest remainders; the parts sum to `total`."""
    exact = total * weights / weights.sum()
    parts: Ints = np.floor(exact).astype(np.int64)
    largest = np.argsort(parts - exact, kind="stable")[: total - int(parts.sum())]
    parts[largest] += 1
    return parts


def _within_districts(
    codes: Ints, *, sizes: npt.NDArray[np.float64], districts: tuple[tuple[int, str, int], ...]
) -> npt.NDArray[np.float64]:
    """Scale committee sizes so that every district has its census share."""
    weights = np.zeros(len(codes))
    city = sum(count for _, _, count in districts)
    for code, _, count in districts:
        here = codes // 1_000_000 == code
        weights[here] = sizes[here] / sizes[here].sum() * count / city
    return weights


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
