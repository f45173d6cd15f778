"""A query on its way: parsed, then resolved."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot.expressions as exp

from catalog.vocabulary import ColumnUse
from connectors.sdk.predicates import Predicate
from gateway.model.statistic import Statistic

SOURCE_FILTER = "source_filter"
"""Key in a tree node's `meta`: the index of the `SourceFilter` that stands for the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """One read-only statement made of allow-listed nodes and functions only. Made by `parse`."""

    sql: str
    """What the requester sent."""
    tree: exp.Query
    """Not qualified yet. Never changed in place: copy first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedColumn:
    """A column of a dataset and every way the query uses it."""

    name: str
    uses: frozenset[ColumnUse]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDataset:
    """A dataset and its used columns, sorted by name."""

    name: str
    columns: tuple[UsedColumn, ...]
    occurrences: int
    """How often the dataset stands in a FROM or JOIN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFilter:
    """A top-level WHERE conjunct on one column of a dataset that a connector could apply before the join.

    Only conjuncts for which that leaves the answer unchanged: the dataset occurs once in the statement and its scope has
    no outer join. The node in the tree carries `meta[SOURCE_FILTER] = index`.
    """

    index: int
    dataset: str
    predicate: Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedQuery:
    """Every table and column named. Made by `resolve`."""

    sql: str
    tree: exp.Query
    """Qualified: tables are `schema.table AS alias`, columns `alias.column`, stars expanded. Copy before changing."""
    datasets: tuple[UsedDataset, ...]
    """Sorted by name."""
    unknown_names: tuple[str, ...]
    """Tables and columns that the catalogue does not have, sorted. With any, the tree may be unqualified."""
    source_filters: tuple[SourceFilter, ...]
    aggregate_only: bool
    """Whether the statement is a `statistic`."""
    normalised_sql: str
    """Regenerated SQL with every literal replaced by `?`; safe for the log."""
    statistic: Statistic | None = None
    """The statement as group keys and aggregates, when it is nothing else."""
