"""Tables on a terminal: as columns when they fit, else one row below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.client.printable import printable

_LONG_CELLS = 40
"""Longer text may be folded, in terminal cells; a Chinese character takes two."""
_GAP_CELLS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Heading of a column."""

    name: str
    title: str = ""
    """What it means, when that is known."""
    number: bool = False


def show_table(console: Console, *, headings: Sequence[Heading], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as a table; on a terminal too narrow for it, every row as a list of its cells.

    Args:
        console: One that is no terminal gets lines as long as they need to be.
        headings: One per column.
        rows: Cells; may have several lines.
    """
    rows = [[printable_lines(cell) for cell in row] for row in rows]
    widths = [
        max(cell_len(line) for cell in (heading.name, heading.title, *cells) for line in cell.split("\n"))
        for heading, cells in zip(headings, zip(*rows, strict=True) if rows else [()] * len(headings), strict=True)
    ]
    if not console.is_terminal:
        wide = Console(file=console.file, width=sum(widths) + _GAP_CELLS * len(widths) + 1, highlight=False)
        wide.print(_columns(headings, rows=rows, widths=[0] * len(widths)))
    elif sum(min(width, _LONG_CELLS) + _GAP_CELLS for width in widths) <= console.width:
        console.print(_columns(headings, rows=rows, widths=widths))
    else:
        for number, row in enumerate(rows, 1):
            console.print(_record(headings, row=row, number=number))


def printable_lines(text: str) -> str:
    """Return a text whose lines are `printable`."""
    return "\n".join(map(printable, text.split("\n")))


def _columns(headings: Sequence[Heading], *, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Table:
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(
            Text("\n".join(filter(None, (heading.title, heading.name)))),
            overflow="fold",
            no_wrap=width <= _LONG_CELLS,
            justify="right" if heading.number else "left",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _record(headings: Sequence[Heading], *, row: Sequence[str], number: int) -> Table:
    record = Table(title=f"── {number} ──", title_justify="left", show_header=False, box=None, padding=(0, 1, 0, 0))
    record.add_column(style="bold", no_wrap=True)
    record.add_column(overflow="fold")
    for heading, cell in zip(headings, row, strict=True):
        record.add_row(Text(" ".join(filter(None, (heading.title, heading.name)))), Text(cell))
    return record
