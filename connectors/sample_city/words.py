"""The word lists and places of issue as Arrow arrays and draw tables."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from connectors.sample_city.codes import Ints

_HERE = Path(__file__).parent
_FIRST_YEAR = 1900
_LAST_YEAR = 2100
_DRAWS = 4096
"""Resolution of the table that places of issue are drawn from."""

GIVEN_NAMES_OF_ONE = 0.22
"""Share of given names with one character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Industry:
    """One division of GB/T 4754 in the city."""

    code: str
    words: tuple[str, ...]
    share: float
    licences: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything that names are made of."""

    surnames: pa.Array
    surname_ends: npt.NDArray[np.float64]
    """Cumulative shares; a uniform number finds its surname."""
    given_male: pa.Array
    given_female: pa.Array
    roads: tuple[str, ...]
    trade_names: pa.Array
    industries: tuple[Industry, ...]
    vaccines: pa.Array
    vaccine_ends: npt.NDArray[np.float64]

    @classmethod
    def load(cls, path: Path = _HERE / "words.yaml") -> Words:
        """Read the lists.

        Raises:
            OSError: The file cannot be read.
            KeyError: A list is missing.
        """
        lists: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        trades = lists["trade_names"]
        return cls(
            surnames=pa.array(lists["surnames"]),
            surname_ends=ends(lists["surnames"].values()),
            given_male=_given_names(lists["given_male"]),
            given_female=_given_names(lists["given_female"]),
            roads=tuple(f"{stem}{way}路" for way in lists["road_directions"] for stem in lists["roads"]),
            trade_names=pa.array([a + b for a in trades for b in trades]),
            industries=tuple(Industry(code=code, **entry) for code, entry in lists["industries"].items()),
            vaccines=pa.array(lists["vaccines"]),
            vaccine_ends=ends(lists["vaccines"].values()),
        )


def ends(weights: Iterable[float]) -> npt.NDArray[np.float64]:
    """Return cumulative shares, the last one 1."""
    cumulated = np.cumsum(np.array(list(weights), dtype=np.float64))
    shares: npt.NDArray[np.float64] = cumulated / cumulated[-1]
    shares[-1] = 1.0
    return shares


def draw(rng: np.random.Generator, *, share_ends: npt.NDArray[np.float64], count: int) -> Ints:
    """Draw indices with the given cumulative shares."""
    return np.searchsorted(share_ends, rng.random(count), side="right").astype(np.int64)


def _given_names(characters: str) -> pa.Array:
    """Return the one-character names, then all pairs of different characters."""
    singles = list(dict.fromkeys(characters))
    return pa.array(singles + [a + b for a in singles for b in singles if a != b])


def draw_given_names(rng: np.random.Generator, *, names: pa.Array, count: int) -> Ints:
    """Draw indices into a list of given names: n of one character, then the n * (n - 1) pairs of them."""
    singles = math.isqrt(len(names))
    single = rng.random(count) < GIVEN_NAMES_OF_ONE
    return np.where(single, rng.integers(0, singles, count), rng.integers(singles, len(names), count))


class IssuePlaces:
    """Draws the place of issue in an identity number: a division that existed when its bearer was born."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.codes: Ints = np.array([int(row["code"]) for row in rows], dtype=np.int64)
        first = np.array([int(row["first_birth_year"] or _FIRST_YEAR) for row in rows])
        last = np.array([int(row["last_birth_year"] or _LAST_YEAR) for row in rows])
        weights = np.array([float(row["weight"]) for row in rows])
        provinces = self.codes // 10_000
        shanghai = provinces == 31
        years = range(_FIRST_YEAR, _LAST_YEAR)
        self._tables = tuple(
            np.stack(
                [_year_table((first <= y) & (last >= y) & where, weights=weights, provinces=provinces) for y in years]
            )
            for where in (shanghai, ~shanghai)
        )
        self._current = _year_table((last == _LAST_YEAR) & ~shanghai, weights=weights, provinces=provinces)

    @classmethod
    def load(cls, path: Path = _HERE / "issue_places.csv") -> IssuePlaces:
        """Read the places.

        Raises:
            OSError: The file cannot be read.
        """
        with path.open(encoding="utf-8", newline="") as file:
            return cls(list(csv.DictReader(file)))

    def draw(self, rng: np.random.Generator, *, birth_years: Ints, outside: npt.NDArray[np.bool_]) -> Ints:
        """Return indices into `codes`, one per birth year; `outside` means outside Shanghai."""
        column = rng.integers(0, _DRAWS, len(birth_years))
        inner, outer = self._tables
        row = birth_years - _FIRST_YEAR
        return np.where(outside, outer[row, column], inner[row, column]).astype(np.int64)

    def draw_registrations(self, rng: np.random.Generator, *, count: int) -> Ints:
        """Return six-digit codes of today's counties outside Shanghai."""
        drawn: Ints = self.codes[self._current[rng.integers(0, _DRAWS, count)]]
        return drawn


def _year_table(
    valid: npt.NDArray[np.bool_], *, weights: npt.NDArray[np.float64], provinces: Ints
) -> npt.NDArray[np.int16]:
    """Spread the valid places over a table of `_DRAWS` cells; provinces keep their weights."""
    counts = {p: int((valid & (provinces == p)).sum()) for p in np.unique(provinces).tolist()}
    shares = np.array([w / counts[p] if v else 0.0 for v, w, p in zip(valid, weights, provinces.tolist(), strict=True)])
    if not shares.any():
        return np.zeros(_DRAWS, dtype=np.int16)
    return np.searchsorted(ends(shares), (np.arange(_DRAWS) + 0.5) / _DRAWS, side="right").astype(np.int16)
