"""The shape that readers rely on: who makes what, which order the stages have, and how large things may grow."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("gateway", "connectors", "catalog") for path in (ROOT / folder).rglob("*.py"))
MADE_BY = {
    "Requester": "authenticate",
    "ParsedQuery": "parse",
    "ResolvedQuery": "resolve",
    "Decision": "decide",
    "EnforcedPlan": "rewrite",
    "ScannedTables": "scan",
    "ComputedResult": "execute",
    "ReleasableResult": "release",
}
ORDER = [*list(MADE_BY.values())[:5], "audit", *list(MADE_BY.values())[5:], "deliver"]
LINES_MAX, FUNCTION_LINES_MAX = 400, 50


def calls(path: Path) -> list[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


@pytest.mark.parametrize("name", MADE_BY)
def test_only_its_stage_makes_a_type(name):
    """A stage that is skipped leaves nothing to go on with, because nobody else makes its type."""
    makers = {
        path.relative_to(ROOT / "gateway").parts[0]
        for path in SOURCES
        if "gateway" in path.parts and name in calls(path)
    }
    assert makers == {MADE_BY[name]}


@pytest.mark.parametrize(("number", "stage"), list(enumerate(ORDER, 1)))
def test_a_stage_says_where_it_stands(number, stage):
    """Each stage package opens with its place on the path."""
    text = (ROOT / "gateway" / stage / "__init__.py").read_text("utf-8")
    assert re.match(rf'"""Stage {number} of 10: \S.* → \S', text)


def test_the_query_path_calls_the_stages_in_order():
    """query_path.py reads from top to bottom as the query runs; nothing is scanned before the intent is durable."""
    source = (ROOT / "gateway" / "query_path.py").read_text("utf-8")
    names = [
        "return authenticate",
        "resolve(parse",
        "decide",
        "rewrite",
        "= record_intent",
        "scan",
        "execute",
        "release",
        "deliver",
    ]
    places = [re.search(rf"{re.escape(name)}\(", source[source.index("class QueryPath") :]) for name in names]
    assert [place.start() for place in places] == sorted(place.start() for place in places)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path):
    """Nobody has to scroll for long: modules of at most 400 lines, functions of at most 50."""
    text = path.read_text("utf-8")
    assert text.count("\n") <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


def test_the_project_stands_alone():
    """No file names a path of somebody's machine or a folder outside the project."""
    pattern = r"\.\./shared|(^|[^.a-z])/(work|root)/"
    found = subprocess.run(
        ["git", "grep", "-lIE", pattern, "--", ":!tests/architecture"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_the_lock_holds_names_versions_and_hashes_only():
    """Where packages come from is the installer's business."""
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    assert all(
        re.fullmatch(r"[a-z0-9._-]+==\S+( ; .+)?( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines
    )
