"""How fresh a dataset is promised to be: its update cycle turned into a time at which it must be newer."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from catalog.vocabulary import UpdateCycle

_SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
_REAL_TIME_SECONDS: Final = 900
_DAYS: Final[Mapping[UpdateCycle, int]] = {UpdateCycle.DAILY: 1, UpdateCycle.WEEKLY: 7}
_MONTHS: Final[Mapping[UpdateCycle, int]] = {
    UpdateCycle.MONTHLY: 1,
    UpdateCycle.QUARTERLY: 3,
    UpdateCycle.HALF_YEARLY: 6,
    UpdateCycle.YEARLY: 12,
}


def due_at(cycle: UpdateCycle, as_of: int) -> int | None:
    """Return when data that was true at `as_of` must have been replaced, in seconds since 1970-01-01 UTC.

    Real time allows fifteen minutes. Every other cycle ends with the Shanghai day one cycle after the day of `as_of`, so that
    a nightly load at any hour keeps its promise; days count whether or not they are working days, and 31 January is followed
    by the last day of February. Data is late from the returned second on.

    Args:
        cycle: What the catalogue promises.
        as_of: Seconds since 1970-01-01 UTC.

    Returns:
        None for `irregular`, which promises nothing.
    """
    if cycle is UpdateCycle.IRREGULAR:
        return None
    if cycle is UpdateCycle.REAL_TIME:
        return as_of + _REAL_TIME_SECONDS
    day = datetime.datetime.fromtimestamp(as_of, tz=_SHANGHAI).date()
    last = _months_later(day, _MONTHS[cycle]) if cycle in _MONTHS else day + datetime.timedelta(days=_DAYS[cycle])
    end = last + datetime.timedelta(days=1)
    return int(datetime.datetime.combine(end, datetime.time(), tzinfo=_SHANGHAI).timestamp())


def _months_later(day: datetime.date, months: int) -> datetime.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
