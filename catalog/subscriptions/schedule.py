"""When a subscription runs, in Shanghai time."""

from __future__ import annotations

import datetime

from catalog.subscriptions.records import Cycle

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
"""Asia/Shanghai has had no summer time since 1991."""
_STEPS = {
    Cycle.HOURLY: datetime.timedelta(hours=1),
    Cycle.DAILY: datetime.timedelta(days=1),
    Cycle.WEEKLY: datetime.timedelta(weeks=1),
}
_MORE_THAN_A_MONTH = datetime.timedelta(days=32)


def next_time(cycle: Cycle, *, minute_of_day: int, after: int) -> int:
    """Return the first time of a cycle after `after`; both in seconds since 1970-01-01 UTC.

    Args:
        cycle: How often.
        minute_of_day: 0 to 1439; hourly ones run at its minute.
        after: The moment before.
    """
    now = datetime.datetime.fromtimestamp(after, SHANGHAI)
    hour, minute = divmod(minute_of_day, 60)
    time = now.replace(hour=now.hour if cycle is Cycle.HOURLY else hour, minute=minute, second=0, microsecond=0)
    if cycle is Cycle.WEEKLY:
        time -= datetime.timedelta(days=time.weekday())
    if cycle is Cycle.MONTHLY:
        time = time.replace(day=1)
    if time <= now:
        time = time + _STEPS[cycle] if cycle in _STEPS else (time + _MORE_THAN_A_MONTH).replace(day=1)
    return int(time.timestamp())
