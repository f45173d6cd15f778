"""What a decision cuts away, in words: the same list in an explanation and in every result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.catalogue import Catalogue
from catalog.dataset import Column, Dataset, Text
from catalog.vocabulary import ColumnAction, ColumnUse, Mask, OfficeKind
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.model.decision import ColumnTreatment, Decision

_ACTION_WORDS: Mapping[ColumnAction, Text] = {
    ColumnAction.DENY: Text(zh="不提供", en="not provided"),
    ColumnAction.LOOKUP: Text(zh="只能按给定的键值查询，不返回", en="only for looking up given keys, never returned"),
    ColumnAction.NULL: Text(zh="一律为空", en="always empty"),
    ColumnAction.PSEUDONYM: Text(zh="换成仅在本次查询内有效的化名", en="a pseudonym that holds within this query only"),
    ColumnAction.CLEAR: Text(zh="原样", en="as it is"),
}
_MASK_WORDS: Mapping[Mask, Text] = {
    Mask.NAME: Text(zh="只保留姓氏", en="surname only"),
    Mask.RESIDENT_ID: Text(zh="只保留前六位地区码", en="the six region digits only"),
    Mask.CREDIT_CODE: Text(zh="只保留前两位和后四位", en="the first two and last four characters only"),
    Mask.PHONE: Text(zh="只保留前三位和后四位", en="the first three and last four digits only"),
    Mask.ADDRESS: Text(zh="只保留到路或街", en="up to the road only"),
    Mask.ADDRESS_LANE: Text(zh="只保留到弄", en="up to the lane only"),
    Mask.ADDRESS_COMMITTEE: Text(zh="只保留到居（村）委会", en="up to the residents' committee only"),
    Mask.DATE_MONTH: Text(zh="只保留年月", en="year and month only"),
    Mask.DATE_YEAR: Text(zh="只保留年份", en="year only"),
    Mask.AGE_BAND: Text(zh="只保留五年一段的出生年段", en="the five-year band of birth years only"),
    Mask.BUCKET: Text(zh="只保留所在区间的下限", en="the lower bound of its bucket only"),
    Mask.DIVISION_TOWNSHIP: Text(zh="只保留到街道（镇）", en="township or street only"),
}
_STATISTICS_WORDS: Mapping[frozenset[str], Text] = {
    frozenset({ColumnUse.COUNTED}): Text(zh="只计数", en="counted only"),
    frozenset({ColumnUse.SUMMED}): Text(zh="只求和或求平均", en="summed or averaged only"),
    frozenset({ColumnUse.COUNTED, ColumnUse.SUMMED}): Text(
        zh="只计数、求和或求平均", en="counted, summed or averaged only"
    ),
}
"""What is left of a column that a statistic uses in no other way."""
_OFFICES_OF_DIVISIONS = frozenset({OfficeKind.CITY, OfficeKind.DISTRICT, OfficeKind.STREET})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnCut:
    """What one column is reduced to."""

    dataset: str
    column: str
    treatment: ColumnTreatment
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCut:
    """Which rows of one dataset are left."""

    dataset: str
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The cut list of a decision, sorted by dataset and column."""

    columns: tuple[ColumnCut, ...]
    rows: tuple[RowCut, ...]

    def columns_json(self) -> str:
        """Return `[{"dataset", "column", "action", "mask", "text": {"zh", "en"}}]`; `mask` may be null."""
        return _json(
            [
                {
                    "dataset": cut.dataset,
                    "column": cut.column,
                    "action": cut.treatment.action,
                    "mask": cut.treatment.mask,
                    "text": cut.text.model_dump(),
                }
                for cut in self.columns
            ]
        )

    def rows_json(self) -> str:
        """Return `[{"dataset", "text": {"zh", "en"}}]`."""
        return _json([{"dataset": cut.dataset, "text": cut.text.model_dump()} for cut in self.rows])


def cuts_of(decision: Decision, *, catalogue: Catalogue) -> Cuts:
    """Return the cut list of a decision.

    A denied decision has treatments where every name was available, and no rows.
    """
    uses = _uses(decision.policy_input)
    decided = sorted(decision.datasets.items())
    return Cuts(
        columns=tuple(
            ColumnCut(
                dataset=name,
                column=column,
                treatment=treatment,
                text=_column_words(
                    treatment,
                    uses=uses.get((name, column), frozenset()),
                    column=catalogue.datasets[name].column(column),
                ),
            )
            for name, dataset in decided
            for column, treatment in sorted(dataset.columns.items())
        ),
        rows=tuple(
            RowCut(
                dataset=name,
                text=rows_in_words(dataset.row_filter, dataset=catalogue.datasets[name], catalogue=catalogue),
            )
            for name, dataset in decided
            if dataset.row_filter is not None
        ),
    )


def in_words(treatment: ColumnTreatment) -> Text:
    """Return what a treatment leaves of a value."""
    return _MASK_WORDS[treatment.mask] if treatment.mask else _ACTION_WORDS[treatment.action]


def rows_in_words(row_filter: Predicate, *, dataset: Dataset, catalogue: Catalogue) -> Text:
    """Return which rows of a dataset a policy's row filter leaves; former codes of a division are named with it."""
    leaves = row_filter.operands if row_filter.op is PredicateOp.OR else (row_filter,)
    columns = {leaf.column if leaf.op is PredicateOp.PREFIX else None for leaf in leaves}
    if len(columns) > 1 or not columns <= set(dataset.jurisdiction.values()):
        return Text(
            zh=f"仅满足条件 {_json(row_filter.to_json())} 的行", en=f"only rows with {_json(row_filter.to_json())}"
        )
    codes = [str(leaf.values[0]) for leaf in leaves]
    former = [code for code in codes[1:] if code in catalogue.division_changes]
    places = [_division(code, catalogue=catalogue) for code in codes if code not in former]
    zh, en = "、".join(place.zh for place in places), " or ".join(place.en for place in places)
    if not former:
        return Text(zh=f"仅{zh}的行", en=f"only rows of {en}")
    word = "code" if len(former) == 1 else "codes"
    return Text(
        zh=f"仅{zh}的行，含原区划代码 {'、'.join(former)}",
        en=f"only rows of {en}, including former {word} {', '.join(former)}",
    )


def _column_words(treatment: ColumnTreatment, *, uses: frozenset[str], column: Column | None) -> Text:
    text = _STATISTICS_WORDS.get(uses)
    if text is None or treatment.action is ColumnAction.DENY:
        return in_words(treatment)
    if ColumnUse.SUMMED not in uses or column is None or column.clamp is None:
        return text
    low, high = column.clamp.low, column.clamp.high
    return Text(zh=f"{text.zh}，每个值限于 {low} 至 {high}", en=f"{text.en}, each value limited to {low} to {high}")


def _uses(policy_input: Mapping[str, Any]) -> Mapping[tuple[str, str], frozenset[str]]:
    return {
        (dataset["name"], column["name"]): frozenset(column["uses"])
        for dataset in policy_input.get("query", {}).get("datasets", ())
        for column in dataset["columns"]
    }


def _division(code: str, *, catalogue: Catalogue) -> Text:
    """Return a division by title and code; committees have a Chinese title only, and what is unknown has none."""
    titles = (
        office.title
        for office in catalogue.offices.values()
        if office.division_code == code and office.kind in _OFFICES_OF_DIVISIONS
    )
    division = catalogue.divisions.get(code)
    title = next(titles, None) or (Text(zh=division.title, en=division.title) if division else None)
    return Text(zh=f"{title.zh}（{code}）", en=f"{title.en} ({code})") if title else Text(zh=code, en=code)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
