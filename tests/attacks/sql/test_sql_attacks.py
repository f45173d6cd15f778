"""Attacks by SQL at the first two stages, each family with a twin that shows the attack working on raw tables."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
import sqlglot
import yaml
from sqlglot.optimizer.qualify import qualify

from catalog.load import load_catalogue
from gateway.errors import InvalidQuery
from gateway.model.query import SOURCE_FILTER, ResolvedQuery
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from tests.unit.gateway.resolve.made_up_tables import fill

FAMILIES = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text("utf-8"))
ATTACKS = [
    pytest.param(attack, id=f"{family['family']}: {attack['sql'][:70]!a}")
    for family in FAMILIES
    for attack in family["attacks"]
]
TWINS = [attack for attack in ATTACKS if "raw" in attack.values[0]]
WITHOUT_RAW_TWIN = {"exhausting the gateway", "probing what exists", "values smuggled into the log"}
RAW_ROWS = (
    "UPDATE population.resident SET name = 'ANN', phone = '13800000000', residence_division = '310101002003'",
    "INSERT INTO population.resident (resident_id, name, phone, sex, residence_division, household_id) "
    "VALUES ('hidden-1', 'HIDDEN', '13900000000', '1', '310104003002', 'h1')",
    "INSERT INTO health.health_code (resident_id, name, phone, colour, residence_division) "
    "VALUES ('hidden-1', 'HIDDEN', '13900000000', 'red', '310104003002')",
)


@pytest.fixture(scope="module")
def engine_parser():
    made = EngineParser()
    yield made
    made.close()


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


@pytest.fixture
def raw(catalogue):
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    fill(connection, catalogue.datasets, rows=3)
    for sql in RAW_ROWS:
        connection.execute(sql)
    yield connection
    connection.close()


def placed(sql: str, folder: Path) -> str:
    (folder / "secret.csv").write_text("a\nFILE-CONTENT\n", "utf-8")
    return sql.replace("{file}", str(folder / "secret.csv")).replace("{out}", str(folder / "out.db"))


def told(resolved: ResolvedQuery, name: str) -> set[str]:
    dataset, _, column = name.rpartition(".")
    columns = {c.name: c.uses for d in resolved.datasets if d.name == dataset for c in d.columns}
    return {str(use) for use in columns.get(column, ())}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_is_refused_or_told_to_the_policy(attack, engine_parser, catalogue, tmp_path):
    """An attack is refused, or the policy hears of everything it reads and what for."""
    sql = placed(attack["sql"], tmp_path)
    if "refused" in attack:
        with pytest.raises(InvalidQuery) as refused:
            resolve(parse(sql, engine_parser=engine_parser), catalogue=catalogue)
        assert refused.value.reason == attack["refused"]
        return
    resolved = resolve(parse(sql, engine_parser=engine_parser), catalogue=catalogue)
    assert list(resolved.unknown_names) == attack.get("unknown", [])
    for name, uses in attack.get("uses", {}).items():
        assert told(resolved, name) >= set(uses.split()), name
    if "filters" in attack:
        pushed = [f"{f.dataset}.{f.predicate.column} {f.predicate.op}" for f in resolved.source_filters]
        assert pushed == attack["filters"]
        assert sum(SOURCE_FILTER in node.meta for node in resolved.tree.walk()) == len(pushed)
        assert pushed or not any("looked_up" in c.uses for d in resolved.datasets for c in d.columns)
    if "counts" in attack:
        assert resolved.aggregate_only is attack["counts"]
    if "hides" in attack:
        assert attack["hides"] not in resolved.normalised_sql


@pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result")
@pytest.mark.parametrize("attack", TWINS)
def test_twin_without_the_defence_shows_the_attack_working(attack, raw, tmp_path):
    """The same SQL, run as it is on raw tables, shows what it must not."""
    try:
        shown = str(raw.execute(placed(attack["sql"], tmp_path)).to_arrow_table().to_pylist())
    except duckdb.Error as error:
        shown = str(error)
    assert re.search(attack["raw"], shown, re.DOTALL)


def test_every_family_has_a_twin():
    """No family rests on attacks that never worked; those without raw tables have a twin of their own below."""
    without = {family["family"] for family in FAMILIES if not any("raw" in attack for attack in family["attacks"])}
    assert without == WITHOUT_RAW_TWIN
    assert len(ATTACKS) >= 40


def test_twin_a_comment_does_mark_nodes_in_the_tree_that_sqlglot_makes():
    """Without writing the SQL anew, a comment sets any note that later stages trust."""
    tree = sqlglot.parse_one("select a from t where /* sqlglot.meta source_filter=0 */ b > ''", dialect="duckdb")
    assert any(SOURCE_FILTER in node.meta for node in tree.walk())


def test_twin_aliases_do_multiply_the_tree_that_sqlglot_qualifies(engine_parser, catalogue):
    """sqlglot's own qualification doubles the tree per alias; the gateway's keeps its size."""
    aliases = "".join(f", a{i} || a{i} as a{i + 1}" for i in range(12))
    sql = f"select name as a0{aliases} from population.resident"
    schema = {"population": {"resident": {"name": "text"}}}
    multiplied = qualify(sqlglot.parse_one(sql, dialect="duckdb"), schema=schema, dialect="duckdb")
    kept = resolve(parse(sql, engine_parser=engine_parser), catalogue=catalogue).tree
    assert sum(1 for _ in multiplied.walk()) > 40_000
    assert sum(1 for _ in kept.walk()) < 200


def test_twin_deep_nesting_does_break_sqlglot():
    """Without bounds before it, sqlglot ends in a RecursionError."""
    with pytest.raises(RecursionError):
        sqlglot.parse_one("select " + "interval " * 3000 + "1", dialect="duckdb")


def test_twin_names_do_survive_in_sql_that_is_only_freed_of_literals(raw):
    """Replacing literals alone leaves an ID number in an alias."""
    tree = sqlglot.parse_one(
        'select name as "310101194912310021" from population.resident where sex = 1', dialect="duckdb"
    )
    for literal in list(tree.find_all(sqlglot.exp.Literal)):
        literal.replace(sqlglot.exp.Placeholder())
    assert "310101194912310021" in tree.sql(dialect="duckdb")


def test_twin_an_engine_does_say_which_tables_exist(raw):
    """DuckDB's errors tell a table that exists from one that does not, and suggest names."""
    with pytest.raises(duckdb.CatalogException, match="health_code"):
        raw.execute("select 1 from health.health_cod")
