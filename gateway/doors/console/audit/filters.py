"""What an auditor filters the access log by."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from catalog.dataset import Text
from gateway.doors.console.days import midnight, today
from gateway.doors.console.visit import Visit

PERIOD_DAYS = 30
"""What a search covers when nobody says otherwise."""
_YEARS = (2000, 2100)
_OPEN = ("from", "until", "kind", "outcome", "office", "purpose", "dataset", "column")
"""What may stand in an address."""
FIELDS = (*_OPEN, "requester", "case", "person")
"""All of them; what names a person, a requester or a case is only ever posted."""
TITLES: Mapping[str, Text] = {
    "from": Text(zh="起", en="From"),
    "until": Text(zh="止（含）", en="Until, inclusive"),
    "kind": Text(zh="类别", en="Kind"),
    "outcome": Text(zh="结果", en="Outcome"),
    "office": Text(zh="单位", en="Office"),
    "purpose": Text(zh="用途", en="Purpose"),
    "dataset": Text(zh="数据集", en="Dataset"),
    "column": Text(zh="列", en="Column"),
    "requester": Text(zh="请求人", en="Requester"),
    "case": Text(zh="事项编号", en="Case number"),
    "person": Text(zh="人员标记", en="Person's token"),
}


class PeriodInvalid(ValueError):
    """A day is no date or of a year that cannot be meant, or the last one is before the first; `text` says what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.text = Text(zh=zh, en=en)


def asked_filters(visit: Visit) -> dict[str, str]:
    """Return the filters of a form; without a form those of the address, and the last days."""
    if visit.form:
        return {name: visit.text(name) for name in FIELDS}
    values = dict.fromkeys(FIELDS, "") | {name: visit.query.get(name, "").strip() for name in _OPEN}
    if not values["from"] and not values["until"]:
        first, last = last_days(visit.now)
        values |= {"from": first.isoformat(), "until": last.isoformat()}
    return values


def last_days(now: float, *, days: int = PERIOD_DAYS) -> tuple[datetime.date, datetime.date]:
    """Return the first and the last of so many days before today, in the city."""
    last = today(now)
    return last - datetime.timedelta(days=days), last


def read_period(first: str, last: str) -> tuple[datetime.date | None, datetime.date | None]:
    """Return two days as they were typed; None for one that was left empty.

    Raises:
        PeriodInvalid: One is no date of these decades, or they stand the wrong way round.
    """
    begin, end = _day(first), _day(last)
    if begin and end and end < begin:
        raise PeriodInvalid("“止”早于“起”。请改正日期。", "The last day is before the first one. Correct the dates.")
    return begin, end


def request_fields(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the filters as the fields of a request.

    Raises:
        PeriodInvalid: See `read_period`.
    """
    first, last = read_period(values["from"], values["until"])
    fields: dict[str, Any] = {name: values[name] for name in FIELDS if name not in ("from", "until")}
    fields["from_time"] = midnight(first) if first else 0
    fields["until_time"] = midnight(last + datetime.timedelta(days=1)) if last else 0
    return fields


def _day(text: str) -> datetime.date | None:
    try:
        day = datetime.date.fromisoformat(text) if text else None
    except ValueError:
        raise PeriodInvalid(
            f"“{text[:20]}”不是日期。请按 2026-01-31 的样子填写。",
            f"'{text[:20]}' is no date. Write it like 2026-01-31.",
        ) from None
    if day and not _YEARS[0] <= day.year <= _YEARS[1]:
        raise PeriodInvalid(
            f"“{text[:20]}”的年份不对。请填写 {_YEARS[0]} 年至 {_YEARS[1]} 年之间的日期。",
            f"'{text[:20]}' is in an odd year. Give a day from {_YEARS[0]} to {_YEARS[1]}.",
        )
    return day
