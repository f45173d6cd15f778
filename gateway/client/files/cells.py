"""Values as cells of spreadsheets, harmless and exact."""

from __future__ import annotations

import datetime
import math
import re
from decimal import Decimal

_SIGN = "=+\\-@＝＋－＠"
_SKIPPED = "[^\\S\t\r\n]|[\"'\ufeff]"
"""What a spreadsheet may take off the beginning of a field before it looks what it holds."""
_FORMULA_START = re.compile(f"(?:{_SKIPPED})*[{_SIGN}\t\r\n]")
_FIELD_START = f"(?:{_SKIPPED})*(?:[{_SIGN}]|\\Z)"
"""A formula; or the end of the cell, whose quote would open a field that goes on into the next cells."""
_AFTER_SEPARATOR = re.compile(f"(?<=[;\t\r\n])(?={_FIELD_START})")
"""Spreadsheets of other countries cut a CSV file at semicolons, and one that cuts there takes no heed of quotes before."""
_APOSTROPHE_AFTER_SEPARATOR = re.compile(f"(?<=[;\t\r\n])'(?={_FIELD_START})")
_LOSING_DIGITS = re.compile(r"'*(0[0-9]+|[0-9]{16,})")
"""Texts that a spreadsheet which opens a CSV file would turn into another number."""
_EXCEL_DIGITS_MAX = 15
_EXCEL_YEAR_MIN = 1900


def safe_cell(value: object) -> object:
    """Return a value as a spreadsheet cell: null, number, date or text.

    Text that a spreadsheet would run as a formula, also after quotes and blanks, gets a leading apostrophe.
    """
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if value is None or isinstance(value, int | float | Decimal | datetime.date):
        return value
    text = str(value)
    return "'" + text if _FORMULA_START.match(text) else text


def csv_cell(value: object) -> object:
    """Return a value as a cell of a CSV file, where every program guesses anew what is a number and where a cell ends.

    Besides what `safe_cell` does, text gets an apostrophe before digits that a spreadsheet would lose (resident IDs, leading
    zeros), and after a semicolon, tab or end of line where a formula or nothing follows.
    """
    cell = safe_cell(value)
    if not isinstance(cell, str):
        return cell
    if _LOSING_DIGITS.fullmatch(cell):
        return "'" + cell
    return _AFTER_SEPARATOR.sub("'", cell)


def xlsx_cell(value: object) -> object:
    """Return a cell that XLSX holds as it is: numbers it would round and dates it does not know become text."""
    cell = safe_cell(value)
    if isinstance(cell, float):
        exact = math.isfinite(cell)
    elif isinstance(cell, int | Decimal):
        exact = len(Decimal(cell).as_tuple().digits) <= _EXCEL_DIGITS_MAX
    else:
        exact = not isinstance(cell, datetime.date) or cell.year >= _EXCEL_YEAR_MIN
    return cell if exact else str(cell)


def plain_text(cell: str) -> str:
    """Return a text as it was before it became a cell."""
    rest = cell[1:]
    if cell.startswith("'") and (_FORMULA_START.match(rest) or _LOSING_DIGITS.fullmatch(rest)):
        cell = rest
    return _APOSTROPHE_AFTER_SEPARATOR.sub("", cell)
