"""What names mean at one place of a statement, and what is learned about the datasets on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlglot.expressions as exp

from catalog.vocabulary import ColumnUse
from connectors.sdk.predicates import Predicate

Bases = frozenset[tuple[str, str]]
"""Columns of datasets, as (dataset, column), that a value is made from."""
NO_BASES: Bases = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output column of a query."""

    name: str
    bases: Bases


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One table in a FROM or JOIN."""

    alias: str
    columns: Mapping[str, Bases | None]
    """None stands for the dataset's column of the same name."""
    dataset: str | None = None
    """None for CTEs and subqueries."""
    aliased: bool = True
    """Whether the requester gave the alias; then `schema.table.column` does not name it."""
    known: bool = True
    """False for a table that does not exist; any column of it is let pass, as the statement fails anyway."""
    repeated: frozenset[str] = frozenset()
    """Names that several columns have."""

    def bases(self, column: str) -> Bases:
        """Return what `column`, which the source has, is made from."""
        return self.columns[column] or (frozenset({(self.dataset, column)}) if self.dataset else NO_BASES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A column that USING made one."""

    value: exp.Expr
    aliases: frozenset[str]
    """Of the sources it merges."""


@dataclass(slots=True, kw_only=True)
class Scope:
    """The names that one SELECT can see."""

    outer: Scope | None
    ctes: Mapping[str, tuple[Output, ...]]
    sources: dict[str, Source] = field(default_factory=dict)
    merged: dict[str, Merged] = field(default_factory=dict)
    """By column name; of several, the last."""
    aliases: dict[str, list[Bases]] = field(default_factory=dict)
    """Named projections so far."""
    plain: dict[str, exp.Column] = field(default_factory=dict)
    """Those of them that are a column and nothing more."""
    outer_join: bool = False
    correlated: bool = False

    def owners(self, column: str) -> list[Source]:
        """Return the sources of this SELECT that have `column`."""
        return [source for source in self.sources.values() if column in source.columns]

    def knows_all_sources(self) -> bool:
        """Whether no table of this SELECT is unknown."""
        return all(source.known for source in self.sources.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterCandidate:
    """A conjunct that may become a `SourceFilter` once the whole statement is known."""

    node: exp.Expr
    scope: Scope
    dataset: str
    predicate: Predicate


@dataclass(slots=True)
class Findings:
    """What the walk learns."""

    uses: dict[tuple[str, str], set[ColumnUse]] = field(default_factory=lambda: defaultdict(set))
    occurrences: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)
    candidates: list[FilterCandidate] = field(default_factory=list)

    def use(self, bases: Iterable[tuple[str, str]], uses: Iterable[ColumnUse]) -> None:
        """Note that every column in `bases` is put to `uses`."""
        for base in bases:
            self.uses[base].update(uses)

    def miss(self, *parts: str) -> None:
        """Note a name the catalogue does not have. Parts that are no names are replaced: the log must not hold values."""
        self.unknown.add(".".join(part if part.isidentifier() and len(part) <= 63 else "?" for part in parts))
