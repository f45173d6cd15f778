"""What one purpose opens, as it is offered for picking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from catalog.dataset import Text
from gateway.client.catalogue_names import CatalogueNames
from gateway.doors.console.asking.picks import (
    ColumnFacts,
    ColumnName,
    Condition,
    Facts,
    Join,
    Kind,
    Measure,
    Measured,
    kind_of,
)
from gateway.doors.console.asking.treatments import Treated, treated
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_CODES_SHOWN_MAX = 8
_DIVISIONS_MAX = 300
_TOWNSHIP_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A column as it is offered under a purpose."""

    name: ColumnName
    title: Text
    kind: Kind
    treated: Treated
    codes: Sequence[catalog_pb2.Code]
    division: bool
    conditions: tuple[Condition, ...]
    """By which it may be bounded; the usual one first."""
    measures: tuple[Measured, ...]
    """What may be told of it when groups are counted."""
    groups: bool
    """Whether it may be shown, or make groups."""

    @property
    def open(self) -> bool:
        """Whether the purpose opens it."""
        return self.treated.extent != "closed"


class Shelf:
    """What one purpose opens to the requester.

    Args:
        names: The catalogue as the requester sees it.
        purpose: Id of the purpose; one that is not known opens nothing.
    """

    def __init__(self, names: CatalogueNames, *, purpose: str) -> None:
        self.names = names
        self.purpose: catalog_pb2.PurposeDescription | None = names.purposes().get(purpose)

    @cached_property
    def datasets(self) -> Mapping[str, catalog_pb2.GetDatasetResponse]:
        """The datasets that it opens, by name."""
        known = self.names.datasets()
        opened = self.purpose.datasets if self.purpose else ()
        return {name: self.names.described(name) for name in opened if name in known}

    @cached_property
    def facts(self) -> Facts:
        """Of every column of the datasets, also of those that other purposes open."""
        return {
            ColumnName(dataset=name, column=column.name): ColumnFacts(
                kind=kind_of(column.type), title=Text(zh=column.title.zh, en=column.title.en)
            )
            for name, dataset in self.datasets.items()
            for column in dataset.columns
        }

    def columns(self, dataset: str) -> list[Offered]:
        """Return the columns of a dataset, those first that the purpose opens."""
        if dataset not in self.datasets or self.purpose is None:
            return []
        offered = [self._offered(dataset, column) for column in self.datasets[dataset].columns]
        return sorted(offered, key=lambda column: not column.open)

    def column(self, name: ColumnName) -> Offered | None:
        """Return one column; None when it is not known."""
        return next((column for column in self.columns(name.dataset) if column.name == name), None)

    def joins(self, dataset: str) -> list[Join]:
        """Return what a dataset can be joined with under the purpose by known keys, in either direction, once each."""
        found: dict[str, Join] = {}
        for join in self._joins(dataset):
            if join.dataset != dataset and join.dataset not in found and self._opens(dataset, join):
                found[join.dataset] = join
        return list(found.values())

    def name(self, dataset: str, column: str) -> ColumnName:
        """Return the name of a column."""
        return ColumnName(dataset=dataset, column=column)

    def title(self, dataset: str) -> catalog_pb2.Text | Text:
        """Return a dataset's title."""
        known = self.names.datasets().get(dataset)
        return known.title if known else Text(zh=dataset, en=dataset)

    def values_of(self, column: Offered) -> list[tuple[str, catalog_pb2.Text]]:
        """Return the values to choose from, with their titles; none when they are typed."""
        if column.codes:
            return [(code.code, code.title) for code in column.codes]
        if not column.division:
            return []
        divisions = self.names.divisions()
        few = len(divisions) <= _DIVISIONS_MAX
        return [(code.code, code.title) for code in divisions if few or len(code.code) <= _TOWNSHIP_DIGITS]

    def _joins(self, dataset: str) -> Iterator[Join]:
        for key in self.datasets[dataset].foreign_keys if dataset in self.datasets else ():
            yield Join(dataset=key.referenced_dataset, on=tuple(zip(key.columns, key.referenced_columns, strict=True)))
        for name, other in self.datasets.items():
            for key in other.foreign_keys:
                if key.referenced_dataset == dataset:
                    yield Join(dataset=name, on=tuple(zip(key.referenced_columns, key.columns, strict=True)))

    def _opens(self, dataset: str, join: Join) -> bool:
        if join.dataset not in self.datasets:
            return False
        pairs = [(dataset, own) for own, _ in join.on] + [(join.dataset, other) for _, other in join.on]
        columns = [self.column(ColumnName(dataset=name, column=column)) for name, column in pairs]
        return all(column and column.open and column.treated.extent != "lookup" for column in columns)

    def _offered(self, dataset: str, column: catalog_pb2.ColumnDescription) -> Offered:
        assert self.purpose is not None  # noqa: S101 - `columns` has looked
        name, kind = ColumnName(dataset=dataset, column=column.name), kind_of(column.type)
        left = treated(column, purpose=self.purpose)
        action = column.treatments.get(self.purpose.id, "").partition(":")[0]
        statistic = self.purpose.aggregate_only
        shown = action not in ("", "lookup") and (not statistic or (column.groupable and action != "pseudonym"))
        return Offered(
            name=name,
            title=Text(zh=column.title.zh, en=column.title.en),
            kind=kind,
            treated=left,
            codes=column.codes,
            division=column.identifier == "division_code",
            conditions=_conditions(column, kind=kind, action=action, statistic=statistic),
            measures=_measures(column, name=name, action=action, statistic=statistic),
            groups=shown,
        )


def _conditions(
    column: catalog_pb2.ColumnDescription, *, kind: Kind, action: str, statistic: bool
) -> tuple[Condition, ...]:
    if action == "lookup":
        return (Condition.EQUALS, Condition.ONE_OF)
    if action in ("", "null", "pseudonym") or (statistic and not column.groupable):
        return ()
    empty = () if statistic else (Condition.PRESENT, Condition.MISSING)
    match kind:
        case Kind.TRUTH:
            return (Condition.EQUALS, *empty)
        case Kind.NUMBER:
            return (Condition.AT_LEAST, Condition.AT_MOST, Condition.EQUALS, *empty)
        case Kind.DATE | Kind.MOMENT if statistic:
            return (Condition.AT_LEAST, Condition.AT_MOST)
        case Kind.DATE | Kind.MOMENT:
            years = (Condition.YEARS_AT_LEAST, Condition.YEARS_LESS)
            return (*years, Condition.AT_LEAST, Condition.AT_MOST, *empty)
    if column.codes:
        few = len(column.codes) <= _CODES_SHOWN_MAX
        return (*((Condition.ONE_OF,) if few else ()), Condition.EQUALS, Condition.DIFFERS, *empty)
    if column.identifier == "division_code":
        return (Condition.EQUALS,) if statistic else (Condition.BEGINS,)
    if action == "partial":
        return (Condition.BEGINS, *empty)
    return (Condition.EQUALS,) if statistic else (Condition.CONTAINS, Condition.BEGINS, Condition.EQUALS, *empty)


def _measures(
    column: catalog_pb2.ColumnDescription, *, name: ColumnName, action: str, statistic: bool
) -> tuple[Measured, ...]:
    if action in ("", "lookup", "null"):
        return ()
    if action == "pseudonym":
        return (Measured(measure=Measure.DISTINCT, column=name),)
    if column.summable or (not statistic and kind_of(column.type) is Kind.NUMBER and not column.codes):
        return (Measured(measure=Measure.SUM, column=name), Measured(measure=Measure.AVERAGE, column=name))
    return ()
