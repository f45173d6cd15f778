"""Cells: harmless in a spreadsheet, and exact."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.files.cells import csv_cell, plain_text, safe_cell

FORMULAS = [
    "=cmd|' /C calc'!A0",
    "=1+1",
    "+86 21",
    "-1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    " =1",
    "'=1",
    '"=1',
    "\u3000'\" -1",
]


@pytest.mark.parametrize("text", ["", "'1", " 1", "a=1", "1-2", "南京", "{=1+1}", "http://example.org"])
def test_other_text_is_left_as_it_is(text: str) -> None:
    """Only what would be run is changed."""
    assert safe_cell(text) == text


@pytest.mark.parametrize("value", [-1, -1.5, Decimal("-1.5"), True, None, datetime.date(2024, 1, 1), 0])
def test_numbers_and_dates_stay_what_they_are(value: object) -> None:
    """A negative number is no formula."""
    assert safe_cell(value) is value


@pytest.mark.parametrize("text", [*FORMULAS, "张*", "", "'", "it's"])
def test_a_text_is_read_back_from_its_cell(text: str) -> None:
    """The apostrophe that keeps a text from being a formula is taken off again."""
    assert plain_text(str(safe_cell(text))) == text


@pytest.mark.parametrize("text", ["310101199001011234", "007", "00", "'007"])
def test_digits_that_a_spreadsheet_would_lose_are_kept_in_csv(text: str) -> None:
    """Resident IDs and leading zeros are marked as text; twin: without the mark they are numbers of other digits."""
    assert csv_cell(text) == "'" + text
    assert plain_text(f"'{text}") == text
    assert str(int(float(text.lstrip("'")))) != text


@pytest.mark.parametrize("text", ["123456789012345", "0", "11010519491231002X", "13800138000", "-"])
def test_digits_that_a_spreadsheet_keeps_are_left_alone(text: str) -> None:
    """Up to 15 digits nothing is lost."""
    assert plain_text(str(csv_cell(text))) == text
    assert csv_cell(text) == safe_cell(text)


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r"])
@pytest.mark.parametrize("formula", ["=1+1", "@SUM(A1)", "+1", "-1", "＝1", " =1+1", '"=1+1', "'=1+1", "\u3000\"' -1"])
def test_a_formula_after_a_separator_is_defused_in_csv(separator: str, formula: str) -> None:
    """A spreadsheet set to semicolons or tabs cuts there, quotes or not; twin: the row as it was begins a formula."""
    text = f"南京东路{separator}{formula}{separator}x"
    cell = str(csv_cell(text))
    assert cell.split(separator)[1] == "'" + formula
    assert formula in text.split(separator)
    assert plain_text(cell) == text


@given(st.text("ax0 '\";\t\r\n,=+-@＝\u3000\xa0"))
def test_every_text_is_read_back_from_its_csv_cell(text: str) -> None:
    """However signs, quotes and separators mix, a copy is recognised as what was delivered."""
    assert plain_text(str(csv_cell(text))) == text


@pytest.mark.parametrize("value", [-1, -1.5, Decimal("-1.5"), True, None, datetime.date(2024, 1, 1), 10**17])
def test_numbers_stay_numbers_in_csv(value: object) -> None:
    """Only texts are marked."""
    assert csv_cell(value) is value
