"""The tables of docs/policies.md about the rules, made from the policies; run this module to write them into the page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from tests.unit.docs.pages import DOCS, ROOT

ACCESS = ROOT / "policies" / "sharing" / "access"
KINDS = ("allows", "denies", "missing")
_TEST = re.compile(r"^test_(\w+)", re.MULTILINE)


def rules() -> list[str]:
    """Return the rules whose facts a decision needs, in the order in which they are read."""
    source = (ACCESS / "access.rego").read_text("utf-8")
    return re.findall(r"^\t(\w+)\.established$", source, re.MULTILINE)


def metadata(rule: str) -> dict[str, Any]:
    """Return the METADATA of a rule's package."""
    source = (ACCESS / rule / f"{rule}.rego").read_text("utf-8")
    found = re.match(r"# METADATA\n((?:#.*\n)+)package ", source)
    assert found, f"{rule} has no METADATA"
    return yaml.safe_load("\n".join(line[2:] for line in found[1].splitlines()))


def tests_of(rule: str) -> dict[Path, list[str]]:
    """Return the tests of a rule by file, without `test_`."""
    paths = sorted((ACCESS / rule).glob("*_test.rego"))
    return {path: _TEST.findall(path.read_text("utf-8")) for path in paths}


def rule_rows() -> list[list[str]]:
    """Return for each rule what it establishes, its basis, and its tests."""
    rows = []
    for rule in rules():
        said = metadata(rule)
        links = [
            f"[{len(names)} tests](../{path.relative_to(ROOT).as_posix()})" for path, names in tests_of(rule).items()
        ]
        establishes = f"{said['title']}. {_line(said['description'])}"
        rows.append([f"`{rule}`", establishes, _line(said["custom"]["basis"]), " + ".join(links)])
    return rows


def promise_rows() -> list[list[str]]:
    """Return for each rule what its tests of each kind promise, in words."""
    return [
        [
            f"`{rule}`",
            *(_promises(kind, [name for names in tests_of(rule).values() for name in names]) for kind in KINDS),
        ]
        for rule in rules()
    ]


def _promises(kind: str, names: list[str]) -> str:
    return "; ".join(name.removeprefix(f"{kind}_").replace("_", " ") for name in names if name.startswith(f"{kind}_"))


def _line(text: str) -> str:
    return " ".join(text.split())


def _write(heading: str, rows: list[list[str]]) -> None:
    path = DOCS / "policies.md"
    page = path.read_text("utf-8")
    start = page.index("\n|---", page.index(f"\n{heading}\n"))
    start = page.index("\n", start + 1) + 1
    end = page.index("\n\n", start) + 1
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    path.write_text(page[:start] + lines + page[end:], "utf-8")


if __name__ == "__main__":
    _write("## The rules", rule_rows())
    _write("### What the tests of the rules promise", promise_rows())
