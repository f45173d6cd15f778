"""Days of the city, and the moments at which they begin and end."""

from __future__ import annotations

import datetime

from gateway.doors.console.visit import CITY_TIME


def today(now: float) -> datetime.date:
    """Return the city's day of a moment, in seconds since 1970-01-01 UTC."""
    return datetime.datetime.fromtimestamp(now, CITY_TIME).date()


def midnight(day: datetime.date) -> int:
    """Return when a day begins in the city, in seconds since 1970-01-01 UTC."""
    return int(datetime.datetime.combine(day, datetime.time(), CITY_TIME).timestamp())


def end_of_day(day: str) -> int | None:
    """Return the first second after a day that was typed as `2027-01-31`; None when it is not a day of a near century."""
    try:
        after = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return midnight(after) if 2000 < after.year < 2200 else None


def last_day(seconds: int) -> str:
    """Return the last day before a moment, as a form shows it: the inverse of `end_of_day`."""
    return today(seconds - 1).isoformat()
