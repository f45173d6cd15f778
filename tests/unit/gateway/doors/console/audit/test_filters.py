from __future__ import annotations

import datetime

import pytest

from gateway.doors.console.audit.filters import FIELDS, PeriodInvalid, last_days, read_period, request_fields

EMPTY = dict.fromkeys(FIELDS, "")


def test_days_are_the_citys():
    """The last day counts to its end, in the city's time."""
    fields = request_fields(EMPTY | {"from": "2026-01-31", "until": "2026-01-31", "office": "310101002"})
    assert fields["until_time"] - fields["from_time"] == 86_400
    assert fields["from_time"] == int(datetime.datetime.fromisoformat("2026-01-31T00:00:00+08:00").timestamp())
    assert fields["office"] == "310101002"


def test_days_left_empty_are_no_bound():
    """Nobody has to give a period."""
    fields = request_fields(EMPTY)
    assert (fields["from_time"], fields["until_time"]) == (0, 0)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-02-30", ""),
        ("", "yesterday"),
        ("2026-02-02", "2026-02-01"),
        ("1999-12-31", ""),
        ("0001-01-01", "9999-12-31"),
        ("", "2101-01-01"),
    ],
)
def test_what_is_no_period_is_told(first, last):
    """A wrong date is answered with what to write instead."""
    with pytest.raises(PeriodInvalid) as told:
        read_period(first, last)
    assert told.value.text.zh
    assert told.value.text.en


def test_the_last_days_end_today():
    """Late in the evening UTC it is already tomorrow in the city."""
    now = datetime.datetime.fromisoformat("2026-01-31T17:00:00+00:00").timestamp()
    assert last_days(now, days=1) == (datetime.date(2026, 1, 31), datetime.date(2026, 2, 1))
