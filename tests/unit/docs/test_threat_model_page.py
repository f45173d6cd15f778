"""docs/threat-model.md names tests that exist."""

from __future__ import annotations

import re

from tests.unit.docs.pages import ROOT, code, read, table

PAGE = read("threat-model.md")
TABLES = [text for text in PAGE.split("\n\n") if text.startswith("|")]


def test_every_test_that_is_named_exists_and_tests_something():
    """Each row names at least one file, and each file has tests."""
    assert len(TABLES) == 8
    for row in (row for text in TABLES for row in table(text)):
        paths = code(row[2])
        assert paths, row
        for path in paths:
            assert re.search(r"^def test_", (ROOT / path).read_text("utf-8"), re.MULTILINE), path


def test_every_attack_of_the_tests_is_listed():
    """A new file of attacks or faults is named on the page."""
    named = {path for text in TABLES for row in table(text) for path in code(row[2])}
    found = {path for folder in ("attacks", "faults") for path in (ROOT / "tests" / folder).rglob("test_*.py")}
    assert {path.relative_to(ROOT).as_posix() for path in found} <= named
