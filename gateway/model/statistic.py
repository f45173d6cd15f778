"""A statistic: what the requester asks for, and how the engine's answer to it is laid out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlglot.expressions as exp

from connectors.sdk.predicates import Predicate

SKETCH_BUCKETS = 256
"""Parts of a sketch; every person falls into one of them."""


class AggregateKind(StrEnum):
    """What a statistic may compute over a group."""

    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    SUM = "sum"
    AVG = "avg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregate of a statistic."""

    kind: AggregateKind
    column: exp.Column | None
    """Qualified; None for `count(*)` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One item of ORDER BY."""

    column: str
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One SELECT of group keys and aggregates.

    The engine computes the columns `key_0`, … and `value_0`, …; HAVING, ORDER BY and LIMIT are for `release`, after suppression,
    and name these columns.
    """

    keys: tuple[exp.Column, ...]
    aggregates: tuple[Aggregate, ...]
    outputs: tuple[tuple[str, str], ...]
    """(output name, column) in the order of the SELECT."""
    having: Predicate | None
    order: tuple[SortKey, ...]
    limit: int | None
    offset: int

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Engine columns of the keys."""
        return tuple(f"key_{i}" for i in range(len(self.keys)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """An engine column that stands for the people behind a number of each group.

    Each person falls into one of `SKETCH_BUCKETS` buckets; a bucket holds the sum, modulo 2^32, of its people's hashes, each as
    often as the person counts. Buckets without people are left out.
    """

    column: str
    """Engine column: list of structs, one for each bucket, with its number (`bucket`, uint8) and sums (uint32)."""
    sum: str
    """Field of the struct."""
    people: str
    """Engine column: int64, the distinct people."""
    pool: str
    """Only sketches of one pool are compared: those of one kind of person, or of one summed column."""
    once: bool
    """Every one of these people is behind one row at most, so that groups never overlap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStatistic:
    """How the engine's answer is laid out. Made by `rewrite`."""

    definition: str
    """Digest of everything but the group keys that says who is counted: tables, joins, conditions, filters, treatments."""
    people: tuple[str, ...]
    """Engine columns, int64: distinct data subjects of each dataset, those with a value in each summed column, and whoever
    else is counted."""
    sketches: tuple[Sketch, ...]
