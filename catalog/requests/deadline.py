"""When an answer is due, in China's working days as the `holidays` library knows them.

The day of filing does not count (Civil Code, article 201); days off and the weekend days that are worked in their place are
those that the State Council has announced for the year.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import lru_cache

from holidays import country_holidays

from catalog.requests.records import Correction, Need

_SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
"""Asia/Shanghai has had no summer time since 1991."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The last day for an answer, in Shanghai time."""

    due_on: datetime.date
    working_days: int
    provisional: bool
    """Whether the days off of a year on the way are not announced yet, so that the day may move."""

    @property
    def ends_at(self) -> int:
        """First second after it, in seconds since 1970-01-01 UTC."""
        next_day = self.due_on + datetime.timedelta(days=1)
        return int(datetime.datetime.combine(next_day, datetime.time(), _SHANGHAI).timestamp())


def deadline(filed_at: int, *, working_days: int) -> Deadline:
    """Return when something filed at `filed_at` (seconds since 1970-01-01 UTC) must be answered."""
    return _deadline(datetime.datetime.fromtimestamp(filed_at, _SHANGHAI).date(), working_days)


@lru_cache(maxsize=4_096)
def _deadline(filed_on: datetime.date, working_days: int) -> Deadline:
    calendar = country_holidays("CN")
    due_on = calendar.get_nth_working_day(filed_on, working_days)
    announced = calendar.special_public_holidays.keys()
    return Deadline(
        due_on=due_on,
        working_days=working_days,
        provisional=not announced >= set(range(filed_on.year, due_on.year + 1)),
    )


def is_overdue(request: Need | Correction, *, now: int) -> bool:
    """Tell whether the last day has passed without an answer at `now`, in seconds since 1970-01-01 UTC."""
    if request.answered_at:
        return False
    return now >= deadline(request.filed_at, working_days=request.working_days).ends_at
