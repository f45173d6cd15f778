"""A query as somebody picks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog.dataset import Text


class Kind(StrEnum):
    """What the values of a column are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"
    TRUTH = "truth"


_KINDS = {"string": Kind.TEXT, "bool": Kind.TRUTH, "date32[day]": Kind.DATE}


def kind_of(type_: str) -> Kind:
    """Return what the values of an Arrow type are."""
    return Kind.MOMENT if type_.startswith("timestamp") else _KINDS.get(type_, Kind.NUMBER)


class Condition(StrEnum):
    """How the values of a column are bounded."""

    EQUALS = "equals"
    DIFFERS = "differs"
    ONE_OF = "one_of"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BEGINS = "begins"
    CONTAINS = "contains"
    YEARS_AT_LEAST = "years_at_least"
    """So many years ago or more."""
    YEARS_LESS = "years_less"
    """Less than so many years ago."""
    MISSING = "missing"
    PRESENT = "present"


class Measure(StrEnum):
    """What is told of a group."""

    ROWS = "rows"
    DISTINCT = "distinct"
    SUM = "sum"
    AVERAGE = "average"


WITHOUT_VALUE = frozenset({Condition.MISSING, Condition.PRESENT})
OF_YEARS = frozenset({Condition.YEARS_AT_LEAST, Condition.YEARS_LESS})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ColumnName:
    """A column of a dataset."""

    dataset: str
    column: str

    @classmethod
    def parse(cls, text: str) -> ColumnName:
        """Read `schema.table.column`."""
        dataset, _, column = text.rpartition(".")
        return cls(dataset=dataset, column=column)

    def __str__(self) -> str:
        """Return `schema.table.column`."""
        return f"{self.dataset}.{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFacts:
    """What has to be known of a column to write SQL with it."""

    kind: Kind
    title: Text


Facts = Mapping[ColumnName, ColumnFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Another dataset, by a known key."""

    dataset: str
    on: tuple[tuple[str, str], ...]
    """Pairs: column of the picked dataset, column of the other one."""

    def __str__(self) -> str:
        """Return `schema.table:own=other,own=other`, unique among the joins of a dataset."""
        return f"{self.dataset}:{','.join(f'{own}={other}' for own, other in self.on)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A condition on one column."""

    column: ColumnName
    condition: Condition
    values: tuple[str, ...] = ()
    """As typed. A filter without the values that it needs has no effect yet."""

    @property
    def complete(self) -> bool:
        """Whether it has the values that it needs."""
        return self.condition in WITHOUT_VALUE or any(value.strip() for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A number told of every group."""

    measure: Measure
    column: ColumnName | None = None
    """None for `ROWS` only."""

    @classmethod
    def parse(cls, text: str) -> Measured:
        """Read `rows` or `sum:schema.table.column`. Raises ValueError."""
        measure, _, column = text.partition(":")
        return cls(measure=Measure(measure), column=ColumnName.parse(column) if column else None)

    def __str__(self) -> str:
        """Return `rows` or `sum:schema.table.column`."""
        return f"{self.measure}:{self.column}" if self.column else str(self.measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By what the result is sorted."""

    by: ColumnName | Measured
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picks:
    """A query as somebody picks it: of one dataset, with others that known keys lead to."""

    dataset: str = ""
    joins: tuple[Join, ...] = ()
    keep: bool = True
    """Whether rows stay that have none in the joined datasets."""
    columns: tuple[ColumnName, ...] = ()
    """Shown; when counting, those that make the groups."""
    filters: tuple[Filter, ...] = ()
    counting: bool = False
    """Whether groups are counted instead of rows listed."""
    measures: tuple[Measured, ...] = ()
    """When counting."""
    order: Order | None = None
    rows_max: int | None = None


class PickProblem(Exception):
    """Something picked cannot become SQL.

    Args:
        text: What is wrong and what to do.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.zh)
        self.text = text
