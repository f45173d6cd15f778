"""The whole catalogue as one frozen value."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, model_validator

from catalog.dataset import Dataset, Entry, Text
from catalog.purpose import LegalBasis, Purpose
from catalog.vocabulary import Category, ColumnAction, IdentifierKind, OfficeKind

DEPARTMENT_ID = r"^[a-z][a-z0-9_]{0,62}$"


class Department(Entry):
    """A controller: the department answerable for its datasets."""

    id: str = Field(pattern=DEPARTMENT_ID)
    """Also in the department's certificates, as a DNS label."""
    title: Text
    contact: str


class Grade(Entry):
    """A sensitivity grade of GB/T 43697-2024; a higher rank is more sensitive."""

    id: str
    rank: int = Field(ge=1)
    title: Text
    description: Text


class Grades(Entry):
    """The grade table, how treatments lower a column's grade, and how far each channel may go."""

    grades: tuple[Grade, ...]
    grade_of_treated: dict[ColumnAction, str]
    """Highest grade that a column still has after the action; actions that are not named do not lower the grade."""
    channel_ceilings: dict[str, str]
    """Highest grade that may leave through a channel; nothing leaves through a channel that is not named."""

    def rank(self, grade: str) -> int:
        """Return the rank of `grade`. Raises KeyError when it is not in the table."""
        return {g.id: g.rank for g in self.grades}[grade]


class CombinationMember(Entry):
    """One part of a combination: the columns of any of these categories or identifiers."""

    categories: frozenset[Category] = frozenset()
    identifiers: frozenset[IdentifierKind] = frozenset()

    @model_validator(mode="after")
    def _matches_something(self) -> CombinationMember:
        if not self.categories | self.identifiers:
            raise ValueError("needs a category or an identifier")
        return self


class Combination(Entry):
    """Information that no result may bring together, except for purposes that name the combination."""

    id: str
    title: Text
    legal_basis: tuple[LegalBasis, ...] = Field(min_length=1)
    members: tuple[CombinationMember, ...] = Field(min_length=2)
    """A query combines them when it releases at least one column of every member."""


class NegativeListEntry(Entry):
    """A ground on which a controller may refuse a data need (负面清单; Shanghai Data Regulation, article 38)."""

    id: str
    title: Text
    legal_basis: LegalBasis
    controllers: frozenset[str] = frozenset()
    """Departments that may use it; empty for all."""


class AnswerDays(Entry):
    """How long a controller has to answer."""

    working_days: int = Field(ge=1, le=250)
    legal_basis: LegalBasis


class Deadlines(Entry):
    """How long a controller has to answer what an office asks for."""

    catalogued_need: AnswerDays
    uncatalogued_need: AnswerDays
    correction: AnswerDays


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """An administrative division."""

    code: str
    """2, 6, 9 or 12 digits: municipality, district, township or street, committee."""
    title: str
    parent_code: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DivisionChange:
    """A division that was merged into another or given another code; old rows may still bear its code."""

    from_code: str
    to_code: str
    since: datetime.date
    """First day in Shanghai time on which the other division is responsible."""
    source: str
    """The document that says so."""


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
    combinations: Mapping[str, Combination]
    divisions: Mapping[str, Division]
    division_changes: Mapping[str, DivisionChange]
    """By the old code."""
    offices: Mapping[str, Office]
    datasets: Mapping[str, Dataset]
    purposes: Mapping[str, Purpose]
    negative_list: Mapping[str, NegativeListEntry]
    deadlines: Deadlines
