"""Statements before and after, as data in `cases/`: what names stand for and which uses of which columns are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from gateway.errors import InvalidQuery
from gateway.model.query import ResolvedQuery
from gateway.parse import parse
from gateway.resolve import resolve

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['promise']}")
    for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.safe_load(path.read_text("utf-8"))
]


def outcome(sql: str, engine_parser, catalogue) -> dict[str, object]:
    try:
        resolved = resolve(parse(sql, engine_parser=engine_parser), catalogue=catalogue)
    except InvalidQuery as error:
        return {"error": f"{error.reason} {error.detail}".strip()}
    return {
        "resolved": resolved.tree.sql(dialect="duckdb").replace('"', ""),
        "uses": uses(resolved),
        "filters": [
            f"{f.dataset} {f.predicate.column} {f.predicate.op} {f.predicate.to_json()['values']}"
            for f in resolved.source_filters
        ],
        "unknown": list(resolved.unknown_names),
        "aggregate_only": resolved.aggregate_only,
        "normalised": resolved.normalised_sql.replace('"', ""),
    }


def uses(resolved: ResolvedQuery) -> dict[str, dict[str, str]]:
    return {
        dataset.name + (f" x{dataset.occurrences}" if dataset.occurrences > 1 else ""): {
            column.name: " ".join(sorted(column.uses)) for column in dataset.columns
        }
        for dataset in resolved.datasets
    }


@pytest.mark.parametrize("case", CASES)
def test_statement_is_resolved_as_written_down(case, engine_parser, catalogue):
    """Each case of `cases/` comes out as it says."""
    expected = {key: value for key, value in case.items() if key not in ("promise", "sql")}
    found = outcome(case["sql"], engine_parser, catalogue)
    assert {key: found.get(key) for key in expected} == expected


def test_the_parsed_tree_is_left_alone(engine_parser, catalogue):
    """Resolving does not change what parse made."""
    parsed = parse("SELECT * FROM population.resident R WHERE R.Name = 'x'", engine_parser=engine_parser)
    before = parsed.tree.sql(dialect="duckdb")
    resolve(parsed, catalogue=catalogue)
    assert parsed.tree.sql(dialect="duckdb") == before
