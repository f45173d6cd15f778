"""What the columns of a result are: their meaning, what was done to them, and how their values are shown."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from catalog.dataset import Text
from catalog.vocabulary import Mask
from gateway.client import RequestError
from gateway.client.catalog import Catalog
from gateway.client.printable import printable
from gateway.client.subscriptions import SUBSCRIPTION
from gateway.doors.console.visit import CITY_TIME, Language, words
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

Show = Callable[[Any], str]
_NO_SEPARATORS = ("year", "_id", "code", "number", "no", "年", "号", "码")
"""Endings of names of whole numbers that name rather than count."""
_DIVISION = "division_code"
_DIVISION_NAMES = ("division", "division_code")
_OF_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "sharing_change": {
        "title": Text(zh="变化", en="Change"),
        "codes": {
            "insert": Text(zh="新增", en="added"),
            "update": Text(zh="变更", en="changed"),
            "delete": Text(zh="删除", en="deleted"),
        },
    },
    "sharing_key": {"title": Text(zh="记录标识", en="Record key")},
}
"""What a subscription that brings changes adds to the columns of its query."""
_YES, _NO = Text(zh="是", en="yes"), Text(zh="否", en="no")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a result."""

    name: str
    title: Text | None
    """What the catalogue calls it; None when it was computed, or the name means several things."""
    treatments: tuple[Text, ...]
    """What was done to it, in words; empty when it was computed."""
    clear: bool
    """It is as it stands in the department's system."""
    masks: frozenset[str]
    codes: Mapping[str, Text]
    """What its values mean, when they are codes."""
    type: pa.DataType

    is_division: bool = False
    """Its values are codes of administrative divisions."""

    @property
    def is_name(self) -> bool:
        """Whether its numbers, if they are numbers, name rather than count."""
        return self.name.lower().endswith(_NO_SEPARATORS)

    @property
    def kind(self) -> Literal["number", "text"]:
        """How it is set: numbers stand at the right."""
        numeric = pa.types.is_integer(self.type) or pa.types.is_floating(self.type) or pa.types.is_decimal(self.type)
        return "number" if numeric else "text"

    def label(self, language: Language) -> str:
        """Return its title, or its name when it has none."""
        return words(self.title, language) if self.title else self.name

    def heading(self, language: Language) -> str:
        """Return its title and name, as the grid has them too; only the name when it has no title."""
        return f"{words(self.title, language)} {self.name}" if self.title else self.name

    def label_of(self, code: str, language: Language) -> str:
        """Return what a code means; with the code itself where people know it."""
        meaning = words(self.codes[code], language)
        return f"{meaning} {code}" if self.is_division else meaning

    def worded(self, language: Language) -> Show | None:
        """Return what says a value, other than null, in words; None when the value speaks for itself."""
        if self.codes:
            codes = {code: self.label_of(code, language) for code in self.codes}
            return lambda value: codes.get(value, printable(value))
        if Mask.DATE_YEAR in self.masks and pa.types.is_date(self.type):
            return lambda value: f"{value:%Y}"
        if Mask.DATE_MONTH in self.masks and pa.types.is_date(self.type):
            return lambda value: f"{value:%Y-%m}"
        if pa.types.is_boolean(self.type):
            return lambda value: words(_YES if value else _NO, language)
        return None

    def shown(self, language: Language) -> Show:
        """Return what turns a value, other than null, into text."""
        if worded := self.worded(language):
            return worded
        if pa.types.is_timestamp(self.type):
            return _time
        if self.kind == "number" and not self.is_name:
            return lambda value: f"{value:,}"
        return printable


def columns_of(schema: pa.Schema, *, catalog: Catalog) -> tuple[Column, ...]:
    """Return the columns of a result.

    Args:
        schema: With the terms in its metadata.
        catalog: As it is open to the requester; without an answer the columns have no titles.
    """
    metadata = schema.metadata or {}
    cuts = defaultdict(list)
    for cut in json.loads(metadata.get(b"sharing.cuts", b"[]")):
        cuts[cut["column"]].append(cut)
    described = _described(json.loads(metadata.get(b"sharing.treatment", b"{}")), catalog=catalog)
    columns = [_column(field, cuts=cuts[field.name], described=described.get(field.name, [])) for field in schema]
    if SUBSCRIPTION.encode() in metadata:
        columns = [replace(column, **_OF_CHANGES.get(column.name, {})) for column in columns]
    divisions = _divisions(catalog) if any(column.is_division for column in columns) else {}
    return tuple(replace(column, codes=divisions) if column.is_division else column for column in columns)


def page(batches: Iterable[pa.RecordBatch], *, columns: Sequence[Column], language: Language) -> list[list[str | None]]:
    """Return rows as texts to show; None for null."""
    shows = [column.shown(language) for column in columns]
    rows: list[list[str | None]] = []
    for batch in batches:
        rows += map(list, zip(*map(texts, batch.columns, shows), strict=True))
    return rows


def texts(values: pa.Array, show: Show) -> list[str | None]:
    """Return values as texts; None for null."""
    return [None if value is None else show(value) for value in values.to_pylist()]


def _column(field: pa.Field, *, cuts: Sequence[Mapping[str, Any]], described: Sequence[Any]) -> Column:
    titles = {(one.title.zh, one.title.en) for one in described}
    codes = {code.code: Text(zh=code.title.zh, en=code.title.en) for one in described for code in one.codes}
    said = dict.fromkeys((cut["text"]["zh"], cut["text"]["en"]) for cut in cuts)
    return Column(
        name=field.name,
        title=Text(zh=next(iter(titles))[0], en=next(iter(titles))[1]) if len(titles) == 1 else None,
        treatments=tuple(Text(zh=zh, en=en) for zh, en in said),
        clear=all(cut["action"] == "clear" for cut in cuts),
        masks=frozenset(cut["mask"] for cut in cuts if cut["mask"]),
        codes=codes if len(titles) == 1 else {},
        type=field.type,
        is_division=any(one.identifier == _DIVISION or one.name.endswith(_DIVISION_NAMES) for one in described),
    )


def _divisions(catalog: Catalog) -> dict[str, Text]:
    try:
        divisions = catalog.divisions().divisions
    except RequestError:
        return {}
    return {one.code: Text(zh=one.title.zh, en=one.title.en) for one in divisions}


def _described(
    treatment: Mapping[str, Mapping[str, str]], *, catalog: Catalog
) -> dict[str, list[catalog_pb2.ColumnDescription]]:
    found: dict[str, list[catalog_pb2.ColumnDescription]] = defaultdict(list)
    try:
        for dataset, used in treatment.items():
            for column in catalog.dataset(dataset).columns:
                if column.name in used:
                    found[column.name].append(column)
    except RequestError:
        return {}
    return found


def _time(value: datetime.datetime) -> str:
    return f"{value.astimezone(CITY_TIME) if value.tzinfo else value:%Y-%m-%d %H:%M:%S}"
