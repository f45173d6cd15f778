"""Columns over time."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from gateway.doors.console.visit import render


def shown(amounts: list[int]) -> str:
    rows = [(f"day-{number}", amount, 0) for number, amount in enumerate(amounts)]
    return render("audit/report.html", language="en", hours=rows)


@pytest.mark.parametrize("columns", [1, 6, 7, 24, 62])
def test_columns_are_narrow_and_beside_each_other(columns):
    """One day is no block, and many days do not touch: a column takes 40 of 900 px at most and 80 % of its place."""
    wide = {float(found) for found in re.findall(r'class="all" x="[\d.]+%" width="([\d.]+)%"', shown([3] * columns))}
    places = [float(found) for found in re.findall(r'class="all" x="([\d.]+)%"', shown([3] * columns))]
    assert len(places) == columns
    (width,) = wide
    assert width == min(4.444, round(80 / max(columns, 6), 3))
    assert all(after - before > width for before, after in pairwise(places))
    assert 0 <= places[0] < places[-1] + width <= 100


def test_values_stand_above_where_there_is_room():
    """A few days say how much and which day; of two months only the first and the last day are named."""
    few, many = (re.findall("<text[^>]*>([^<]*)", shown(amounts)) for amounts in ([1203, 0], [1203] * 62))
    assert few == ["1,203", "day-0", "day-1"]
    assert many == ["day-0", "day-61"]
