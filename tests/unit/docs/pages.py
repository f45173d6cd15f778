"""Reading the documentation's pages."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("README*.md"), *DOCS.glob("*.md"), *DOCS.glob("tools/*.md"), *(ROOT / "gateway" / "adr").glob("*.md")]
)
_CELL_END = re.compile(r"(?<!\\)\|")
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    """Return a page of `docs`."""
    return (DOCS / name).read_text("utf-8")


def section(page: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", without_blocks(page), re.MULTILINE | re.DOTALL)
    assert found, f"no heading '{heading}'"
    return found[1]


def table(text: str) -> list[list[str]]:
    """Return the cells of the only table, without its head."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("|")]
    assert len(lines) > 2, "no table"
    assert set(lines[1]) <= set("|-: "), "a table without a head"
    rows = [[cell.strip().replace("\\|", "|") for cell in _CELL_END.split(line)[1:-1]] for line in lines]
    assert len({len(row) for row in rows}) == 1, "rows of different length"
    return rows[2:]


def code(text: str) -> list[str]:
    """Return what stands between backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the fenced blocks: what follows the opening fence, and the content."""
    return _BLOCK.findall(page)


def without_blocks(page: str) -> str:
    """Return a page without its fenced blocks."""
    return _BLOCK.sub("", page)


def anchor(heading: str) -> str:
    """Return the fragment that a heading can be linked by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
