"""Picks as the fields of a form."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.datastructures import FormData

from gateway.doors.console.asking.picks import ColumnName, Condition, Filter, Measured, Order, Picks
from gateway.doors.console.asking.shelf import Shelf

_FILTERS_MAX = 30
_DIGITS_MAX = 7


def picks_of(form: FormData, *, shelf: Shelf) -> Picks:
    """Return what a form holds; names and conditions that do not exist are left out."""
    dataset = _text(form, "dataset")
    joined = set(_texts(form, "join"))
    counting = _text(form, "counting") == "counts"
    return Picks(
        dataset=dataset,
        joins=tuple(join for join in shelf.joins(dataset) if str(join) in joined),
        keep=_text(form, "keep") != "off",
        columns=tuple(ColumnName.parse(name) for name in _texts(form, "column")),
        filters=tuple(_filters(form)),
        counting=counting,
        measures=tuple(_measures(form)) if counting else (),
        order=_order(form),
        rows_max=_rows_max(form),
    )


def _filters(form: FormData) -> Iterator[Filter]:
    for number in range(_FILTERS_MAX):
        column = _text(form, f"filter-{number}-column")
        try:
            condition = Condition(_text(form, f"filter-{number}-condition"))
        except ValueError:
            condition = Condition.EQUALS
        if column:
            values = _texts(form, f"filter-{number}-value")
            if condition is Condition.ONE_OF:
                values = [line.strip() for value in values for line in value.splitlines() if line.strip()]
            yield Filter(column=ColumnName.parse(column), condition=condition, values=tuple(values))


def _measures(form: FormData) -> Iterator[Measured]:
    for text in _texts(form, "measure"):
        try:
            yield Measured.parse(text)
        except ValueError:
            continue


def _order(form: FormData) -> Order | None:
    text = _text(form, "order")
    if not text:
        return None
    try:
        by: ColumnName | Measured = Measured.parse(text)
    except ValueError:
        by = ColumnName.parse(text)
    return Order(by=by, descending=_text(form, "direction") == "descending")


def _rows_max(form: FormData) -> int | None:
    text = _text(form, "rows_max")
    return int(text) or None if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX else None


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _texts(form: FormData, name: str) -> list[str]:
    return [value for value in form.getlist(name) if isinstance(value, str)]
