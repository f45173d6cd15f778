"""The whole catalogue as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field

from catalog.dataset import Dataset, Entry, Text
from catalog.purpose import Purpose
from catalog.vocabulary import ColumnAction, OfficeKind


class Department(Entry):
    """A controller: the department answerable for its datasets."""

    id: str
    title: Text
    contact: str


class Grade(Entry):
    """A sensitivity grade of GB/T 43697-2024; a higher rank is more sensitive."""

    id: str
    rank: int = Field(ge=1)
    title: Text
    description: Text


class Grades(Entry):
    """The grade table and how treatments lower a column's grade."""

    grades: tuple[Grade, ...]
    grade_of_treated: dict[ColumnAction, str]
    """Highest grade that a column still has after the action; actions that are not named do not lower the grade."""

    def rank(self, grade: str) -> int:
        """Return the rank of `grade`. Raises KeyError when it is not in the table."""
        return {g.id: g.rank for g in self.grades}[grade]


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """An administrative division."""

    code: str
    """2, 6, 9 or 12 digits: municipality, district, township or street, committee."""
    title: str
    parent_code: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """An office that may ask for data."""

    id: str
    kind: OfficeKind
    title: Text
    division_code: str
    """Prefix of the division codes the office is responsible for: 2 (city), 6 (district) or 9 (street) digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything under `catalog/entries/`, validated."""

    revision: str
    """First 16 hex digits of SHA-256 over all entries."""
    departments: Mapping[str, Department]
    grades: Grades
    divisions: Mapping[str, Division]
    offices: Mapping[str, Office]
    datasets: Mapping[str, Dataset]
    purposes: Mapping[str, Purpose]
