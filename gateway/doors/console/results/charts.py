"""What a picture of a result says more than its rows: how many there are of which kind."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from gateway.doors.console.results.columns import Column

Kind = Literal["value", "age"]
_VALUES_MAX = 400
"""Of a column whose rows are counted by value."""
_GROUPS_SHOWN = 24
_SERIES_SHOWN = 8
_AGES = ((0, 5), (6, 17), (18, 34), (35, 59), (60, 79), (80, None))
"""First and last age of each band."""
_AGE_NAMES = ("age", "年龄")
_PREFERRED = ("industry", "enterprise_kind", "registration_kind", "sex", "kind", "status")
"""Beginnings of what says most of a list, the best first."""
OTHERS = "…"
"""Stands for the groups that are not shown one by one."""
Key = str | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """By what rows are counted: the values of a column, or the age bands made of it."""

    column: int
    kind: Kind = "value"
    values: int = 0
    """How many different there are; 0 when nobody counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A picture to be drawn."""

    group: Dimension
    part: Dimension | None = None
    """By what the groups are divided again."""
    measure: int | None = None
    """Column that is summed; None to count rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What may be drawn of a result."""

    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[int, ...] = ()
    """Columns that can be summed."""
    suggested: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Numbers of a picture, in the order in which they are shown."""

    wish: Wish
    groups: tuple[Key, ...]
    series: tuple[Key, ...]
    """One, None, when groups are not divided."""
    numbers: Mapping[tuple[Key, Key], float]
    """By group and series."""

    def total(self, group: Key) -> float:
        """Return the number of a group."""
        return sum(self.numbers.get((group, one), 0) for one in self.series)


def choices(batches: Iterable[pa.RecordBatch], *, columns: Sequence[Column]) -> Choices:
    """Look through the rows once for what can be drawn of them."""
    counted = {i: _Distinct() for i, column in enumerate(columns) if not _is_fraction(column) and not _is_date(column)}
    for batch in batches:
        for index, distinct in counted.items():
            distinct.add(batch.column(index))
    dimensions = [
        Dimension(column=i, kind="age", values=len(_AGES)) for i, column in enumerate(columns) if _has_age(column)
    ]
    dimensions += [
        Dimension(column=index, values=len(distinct.values))
        for index, distinct in counted.items()
        if len(distinct.values) >= 2 and not distinct.many and not _has_age(columns[index])
    ]
    measures = tuple(i for i, column in enumerate(columns) if column.kind == "number" and not _names(column))
    dimensions = [one for one in dimensions if one.kind == "age" or one.column not in measures]
    return Choices(
        dimensions=tuple(dimensions),
        measures=measures,
        suggested=_suggested(dimensions, columns=columns, measures=measures),
    )


def draw(batches: Iterable[pa.RecordBatch], wishes: Sequence[Wish], *, today: datetime.date) -> list[Picture]:
    """Count, in one pass over the rows.

    Args:
        batches: The rows.
        wishes: What to draw.
        today: At which ages are told.
    """
    sums: list[dict[tuple[Key, Key], float]] = [defaultdict(float) for _ in wishes]
    for batch in batches:
        for wish, numbers in zip(wishes, sums, strict=True):
            for group, part, number in _counted(batch, wish, today=today):
                numbers[group, part] += number or 0
    return [_picture(wish, numbers) for wish, numbers in zip(wishes, sums, strict=True)]


def age_band(index: int) -> str:
    """Return an age band as text."""
    first, last = _AGES[index]
    return f"{first}+" if last is None else f"{first}–{last}"


@dataclass(slots=True)
class _Distinct:
    values: set[Key] = field(default_factory=set)
    many: bool = False

    def add(self, column: pa.Array) -> None:
        if not self.many:
            self.values.update(pc.unique(column).to_pylist())
            self.many = len(self.values) > _VALUES_MAX
            if self.many:
                self.values = set()


def _suggested(
    dimensions: Sequence[Dimension], *, columns: Sequence[Column], measures: Sequence[int]
) -> tuple[Wish, ...]:
    computed = [i for i in measures if not columns[i].treatments]
    measure = computed[0] if computed else None
    ages = [one for one in dimensions if one.kind == "age"]
    divisions = [one for one in dimensions if columns[one.column].is_division]
    others = sorted(
        (one for one in dimensions if one not in ages and one not in divisions and one.values <= 2 * _GROUPS_SHOWN),
        key=lambda one: _preference(columns[one.column]),
    )
    ages, divisions = ages[:1], divisions[:1]
    if ages and divisions:
        first = Wish(group=divisions[0], part=ages[0], measure=measure)
        rest = [Wish(group=one, measure=measure) for one in others]
    else:
        group = (ages or others or divisions)[:1]
        part = [one for one in (*divisions, *others) if one not in group and one.values <= _SERIES_SHOWN][:1]
        if not group:
            return ()
        first = Wish(group=group[0], measure=measure)
        rest = [Wish(group=one, measure=measure) for one in (*divisions, *others) if one not in group]
        if part and not rest:
            rest = [Wish(group=group[0], part=part[0], measure=measure)]
    return (first, *rest[:1])


def _preference(column: Column) -> tuple[int, int]:
    known = [place for place, start in enumerate(_PREFERRED) if column.name.startswith(start)]
    return (known[0] if known else len(_PREFERRED), 0 if column.codes else 1)


def _picture(wish: Wish, numbers: Mapping[tuple[Key, Key], float]) -> Picture:
    groups, of_group = _shown([(group, number) for (group, _), number in numbers.items()], wish.group, _GROUPS_SHOWN)
    parts, of_part = _shown([(part, number) for (_, part), number in numbers.items()], wish.part, _SERIES_SHOWN)
    shown: dict[tuple[Key, Key], float] = defaultdict(float)
    for (group, part), number in numbers.items():
        shown[of_group(group), of_part(part)] += number
    return Picture(wish=wish, groups=groups, series=parts, numbers=dict(shown))


def _shown(
    numbers: Sequence[tuple[Key, float]], dimension: Dimension | None, most: int
) -> tuple[tuple[Key, ...], Callable[[Key], Key]]:
    """Return which keys are shown, in order, and what stands for a key: itself, or `OTHERS`."""
    totals: dict[Key, float] = defaultdict(float)
    for key, number in numbers:
        totals[key] += number
    largest = sorted(totals, key=lambda key: -totals[key])
    kept = largest[:most] if len(largest) <= most else largest[: most - 1]
    if dimension is not None and dimension.kind == "age":
        kept.sort(key=lambda key: (key is None, key))
    order = (*kept, OTHERS) if len(kept) < len(largest) else tuple(kept)
    return order, lambda key: key if key in kept else OTHERS


def _counted(batch: pa.RecordBatch, wish: Wish, *, today: datetime.date) -> Iterable[tuple[Key, Key, float]]:
    group = _keys(batch, wish.group, today=today)
    part = _keys(batch, wish.part, today=today) if wish.part else pa.nulls(batch.num_rows, pa.int8())
    table = {"group": group, "part": part}
    if wish.measure is None:
        found = pa.table(table).group_by(["group", "part"]).aggregate([([], "count_all")])
        numbers = found["count_all"]
    else:
        table["measure"] = batch.column(wish.measure).cast(pa.float64(), safe=False)
        found = pa.table(table).group_by(["group", "part"]).aggregate([("measure", "sum")])
        numbers = found["measure_sum"]
    return zip(found["group"].to_pylist(), found["part"].to_pylist(), numbers.to_pylist(), strict=True)


def _keys(batch: pa.RecordBatch, dimension: Dimension, *, today: datetime.date) -> pa.Array:
    values = batch.column(dimension.column)
    if dimension.kind == "value":
        return values
    ages = _ages(values, today=today) if pa.types.is_date(values.type) else values.cast(pa.int32(), safe=False)
    band = pa.nulls(len(ages), pa.int8())
    for index, (first, last) in enumerate(_AGES):
        inside = pc.greater_equal(ages, first)
        if last is not None:
            inside = pc.and_(inside, pc.less_equal(ages, last))
        band = pc.if_else(pc.fill_null(inside, False), pa.scalar(index, pa.int8()), band)
    return band


def _ages(births: pa.Array, *, today: datetime.date) -> pa.Array:
    years = pc.subtract(pa.scalar(today.year, pa.int64()), pc.year(births))
    day = pc.add(pc.multiply(pc.month(births), 100), pc.day(births))
    ahead = pc.greater(day, today.month * 100 + today.day)
    return pc.subtract(years, ahead.cast(pa.int64()))


def _has_age(column: Column) -> bool:
    if _is_date(column):
        return "birth" in column.name or (column.title is not None and "出生" in column.title.zh)
    return pa.types.is_integer(column.type) and column.name.lower() in _AGE_NAMES


def _is_date(column: Column) -> bool:
    return bool(pa.types.is_temporal(column.type))


def _is_fraction(column: Column) -> bool:
    return bool(
        pa.types.is_floating(column.type) or pa.types.is_decimal(column.type) or pa.types.is_nested(column.type)
    )


def _names(column: Column) -> bool:
    """Return whether a number names rather than counts."""
    return _has_age(column) or column.is_name
