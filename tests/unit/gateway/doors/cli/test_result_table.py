"""Tables that fit the terminal and cannot steer it."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from gateway.client.printable import printable
from gateway.doors.cli.result_table import Heading, show_table

HEADINGS = (
    Heading(name="name", title="姓名"),
    Heading(name="people", title="人数", number=True),
    Heading(name="residence_address", title="居住地址"),
)
ROWS = (("欧阳娜娜", "12", "上海市黄浦区南京东路街道" * 4), ("Li", "3", "–"))


def shown(*, width: int, terminal: bool = True, headings=HEADINGS, rows=ROWS) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, highlight=False)
    show_table(console, headings=headings, rows=rows)
    return [line.rstrip() for line in file.getvalue().split("\n") if line.strip()]


def columns_of(line: str, *words: str) -> list[int]:
    """Return the terminal cell at which each word begins."""
    return [cell_len(line[: line.index(word)]) for word in words]


def test_columns_stand_under_their_titles_whatever_the_script():
    """A Chinese character takes two cells, so `Li` stands under `欧阳娜娜`; numbers end where the title ends."""
    titles, names, _, first, *_, second = shown(width=100)
    assert (
        columns_of(titles, "姓名") == columns_of(names, "name") == columns_of(first, "欧阳") == columns_of(second, "Li")
    )
    assert columns_of(first, "12")[0] + 2 == columns_of(second, "3")[0] + 1 == columns_of(titles, "人数")[0] + 4


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_nothing_is_wider_than_the_terminal_and_nothing_is_lost(width):
    """Every line fits, and every character of a long text is there."""
    lines = shown(width=width)
    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).count("南") == 4
    assert "".join(lines).count("道") == 4


def test_rows_that_do_not_fit_stand_below_each_other():
    """Thirty columns are a list per row, in which each value has its name beside it."""
    headings = [Heading(name=f"column_{number}", title=f"第{number}列") for number in range(30)]
    lines = shown(width=80, headings=headings, rows=[[f"value_{number}" for number in range(30)]] * 2)
    assert [line.split() for line in lines[1:31]] == [[f"第{n}列", f"column_{n}", f"value_{n}"] for n in range(30)]
    assert sum(line.startswith("──") for line in lines) == 2


def test_a_file_gets_whole_lines():
    """Where no terminal is, lines are as long as they need to be, so that other programs can read them."""
    lines = shown(width=40, terminal=False)
    assert len(lines) == 3 + len(ROWS)
    assert ROWS[0][2] in lines[3]


def test_no_rows_are_a_heading():
    """An empty result still shows its columns."""
    assert "residence_address" in "".join(shown(width=100, rows=()))


HOSTILE = "\x1b]0;owned\x07\x1b[2Jx\u202egnp.exe\r\nsecond\u0000"


def test_a_value_cannot_steer_the_terminal():
    """Escape sequences, direction marks and line ends in a value are shown, not obeyed."""
    lines = shown(width=100, rows=[(printable(HOSTILE), "1", HOSTILE)])
    assert not {"\x1b", "\x07", "\u202e", "\r", "\x00"} & set("".join(lines))
    assert "\\u001b]0;owned\\u0007" in "".join(lines)


def test_without_the_defence_it_would():
    """The twin: rich itself lets an escape sequence through."""
    file = io.StringIO()
    Console(file=file, force_terminal=True, color_system=None).print(Text(HOSTILE))
    assert "\x1b]0;" in file.getvalue()
