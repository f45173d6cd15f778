"""docs/command-line.md says what the command line does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.client.files.formats import FileProblem, check_file_name
from gateway.doors.cli import show
from gateway.doors.cli.interactive import COMMANDS, HELD_BYTES_MAX, PAGED_ROWS_MAX
from tests.unit.docs.pages import code, read, section, table

PAGE = read("command-line.md")


def test_output_formats_are_all_there():
    """Each ending is accepted, and the refusal of another one names no further ending."""
    endings = [code(row[0])[0] for row in table(section(PAGE, "Formats"))]
    for ending in endings:
        check_file_name(Path(f"x{ending}"))
    with pytest.raises(FileProblem) as refused:
        check_file_name(Path("x.txt"))
    assert re.findall(r"\.[a-z]+", refused.value.text.en.partition(";")[0])[1:] == endings


def test_exit_codes_are_all_there():
    """The table has every code once."""
    known = {0, 1, 2, *(value for name, value in vars(show).items() if name.startswith("EXIT_"))}
    assert [int(row[0]) for row in table(section(PAGE, "Exit codes"))] == sorted(known)


def test_commands_of_the_conversation_are_all_there():
    """The table names what `\\help` names."""
    assert [code(row[0])[0].split()[0] for row in table(section(PAGE, "Interactive"))] == list(COMMANDS)


def test_limits_are_those_of_the_program():
    """Rows, bytes and seconds are what the page says."""
    text = " ".join(section(PAGE, "Interactive").split())
    assert f"up to {PAGED_ROWS_MAX:,} rows" in text
    assert f"at most {HELD_BYTES_MAX >> 20} MiB" in text
    assert f"the first {show.ROWS_SHOWN} rows" in PAGE
