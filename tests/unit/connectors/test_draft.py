"""`connector draft`: from a real table to files that people finish, with a catalogue of the department's own."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from catalog.load import ENTRIES, CatalogueInvalid, load_catalogue
from connectors.__main__ import app
from connectors.sdk.config import check_config, read_config
from tests.unit.connectors.conftest import Postgres

BLANKS: dict[str, Any] = {
    "title": {"zh": "犬证", "en": "Dog licences"},
    "description": {"zh": "一证一行。", "en": "One row per licence."},
    "source": {"zh": "犬证系统", "en": "Licence system"},
    "update_cycle": "daily",
    "sharing_class": "unconditional",
    "opening_class": "not_open",
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def drafted(folder: Path, source: str, table: str) -> Result:
    options = ("--dataset", "urban.dog", "--department", "urban", "--output", str(folder / "draft"))
    return run("draft", "--source", source, "--table", table, *options)


def entry(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "draft" / "urban.dog.yaml").read_text("utf-8"))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a SQLite database and the file that names it."""
    with sqlite3.connect(tmp_path / "dogs.db") as connection:
        connection.execute(
            'CREATE TABLE "犬证" ("证号" TEXT, "身份证" TEXT, "区划" TEXT, "Breed Name" TEXT, "2领证" DATE, n INT)'
        )
        rows = [
            ("A1", "440524188001010014", "310101002003", "柴犬", "2024-01-02", 3),
            ("A2", "11010519491231002X", "310101002003", None, "2024-01-03", None),
        ]
        connection.executemany('INSERT INTO "犬证" VALUES (?, ?, ?, ?, ?, ?)', rows)
    (tmp_path / "source.yaml").write_text("{kind: sqlite, path: dogs.db}", "utf-8")
    return tmp_path


def test_a_table_becomes_an_entry_and_a_configuration(folder: Path) -> None:
    """Names, types, nulls, keys and identifiers are read off the table; no value of it is written down."""
    assert drafted(folder, str(folder / "source.yaml"), "犬证").exit_code == 0
    found = entry(folder)
    columns = {column["name"]: column for column in found["columns"]}
    assert list(columns) == ["zheng_hao", "shen_fen_zheng", "qu_hua", "breed_name", "c2_ling_zheng", "n"]
    assert (columns["c2_ling_zheng"]["type"], columns["n"]["type"]) == ("date32", "int64")
    assert [name for name, column in columns.items() if column["nullable"]] == ["breed_name", "n"]
    assert columns["shen_fen_zheng"]["identifier"] == "resident_id"
    assert (found["entity_key"], found["primary_key"]) == ("shen_fen_zheng", ["zheng_hao"])
    assert found["jurisdiction"] == {"": "qu_hua"}
    config = yaml.safe_load((folder / "draft" / "urban.yaml").read_text("utf-8"))
    assert config["datasets"]["urban.dog"]["columns"]["qu_hua"] == "区划"
    assert config["datasets"]["urban.dog"]["ceiling"] == {"shen_fen_zheng": "partial"}
    assert config["source"] == {"kind": "sqlite", "path": str(folder / "dogs.db")}
    written = "".join(path.read_text("utf-8") for path in (folder / "draft").iterdir())
    assert not any(value in written for value in ("11010519491231002X", "柴犬", "310101002003", "A1"))
    assert {path.stat().st_mode & 0o777 for path in (folder / "draft").iterdir()} == {0o600}


def test_a_draft_is_finished_by_people(folder: Path) -> None:
    """What is left empty is refused by name; filled in, entry and configuration fit each other."""
    drafted(folder, str(folder / "source.yaml"), "犬证")
    catalogue = folder / "catalogue"
    shutil.copytree(ENTRIES, catalogue)
    with (catalogue / "departments.yaml").open("a", encoding="utf-8") as file:
        file.write("- {id: urban, title: {zh: 城管, en: Urban}, contact: x}\n")
    target = catalogue / "datasets" / "urban.dog.yaml"
    shutil.copy(folder / "draft" / "urban.dog.yaml", target)
    with pytest.raises(CatalogueInvalid) as caught:
        load_catalogue(catalogue)
    problems = [problem.split(": ")[1] for problem in caught.value.problems if "urban.dog" in problem]
    assert {"title.zh", "update_cycle", "columns.3.category"} <= set(problems)
    filled = entry(folder) | BLANKS
    filled["jurisdiction"] = {"residence": "qu_hua"}
    for column in filled["columns"]:
        column |= {"title": BLANKS["title"], "grade": "general-3", "category": column["category"] or "administrative"}
    target.write_text(yaml.safe_dump(filled, allow_unicode=True), "utf-8")
    config = yaml.safe_load((folder / "draft" / "urban.yaml").read_text("utf-8"))
    config |= {"listen": "127.0.0.1:9001", "catalogue": "catalogue", "plaintext": True}
    for blank in ("tls", "registration"):
        del config[blank]
    (folder / "urban.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    settings = read_config(folder / "urban.yaml")
    assert settings.catalogue == catalogue
    datasets = load_catalogue(settings.catalogue).datasets
    check_config(settings, datasets=datasets)
    assert settings.tables(datasets)["urban.dog"].schema == datasets["urban.dog"].schema


def test_a_broken_catalogue_of_ones_own_is_named(folder: Path) -> None:
    """The connector does not start with a catalogue that the gateway would refuse."""
    drafted(folder, str(folder / "source.yaml"), "犬证")
    config = yaml.safe_load((folder / "draft" / "urban.yaml").read_text("utf-8"))
    config |= {"listen": "127.0.0.1:9001", "catalogue": "nowhere"}
    config["registration"]["endpoint"] = "gateway.example:8815"
    (folder / "urban.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    failed = run("check", str(folder / "urban.yaml"))
    assert failed.exit_code == 2
    assert "departments.yaml: file: is missing" in failed.stderr


def test_types_that_the_catalogue_lacks_are_left_to_a_view(tmp_path: Path) -> None:
    """A column that cannot be shared as it is does not vanish silently; widths are kept, repeated names numbered."""
    with duckdb.connect(tmp_path / "x.duckdb") as connection:
        connection.execute(
            'CREATE TABLE t (a SMALLINT, "A b" INTEGER, "a-B" UBIGINT, price DECIMAL(9, 2), kind ENUM (\'x\'), place INT[])'
        )
    (tmp_path / "source.yaml").write_text(f"{{kind: duckdb, path: {tmp_path / 'x.duckdb'}}}", "utf-8")
    assert drafted(tmp_path, str(tmp_path / "source.yaml"), "t").exit_code == 0
    columns = {column["name"]: column["type"] for column in entry(tmp_path)["columns"]}
    assert columns == {"a": "int16", "a_b": "int32", "a_b_2": "int64", "price": "float64", "kind": "string"}
    assert "'place'" in (tmp_path / "draft" / "urban.dog.yaml").read_text("utf-8").split("name:")[0]


def test_a_postgresql_uri_needs_no_file(postgres: Postgres, tmp_path: Path) -> None:
    """The URI of the database is enough, and goes into the configuration."""
    postgres.run(
        "DROP TABLE IF EXISTS dogs", "CREATE TABLE dogs (code varchar(18) NOT NULL, since timestamptz, j jsonb)"
    )
    postgres.run("INSERT INTO dogs VALUES ('91350100M000100Y43', now(), '{}')")
    assert drafted(tmp_path, postgres.uri, "public.dogs").exit_code == 0
    assert [column["type"] for column in entry(tmp_path)["columns"]] == ["string", "timestamp"]
    assert entry(tmp_path)["columns"][0]["identifier"] == "credit_code"
    assert yaml.safe_load((tmp_path / "draft" / "urban.yaml").read_text("utf-8"))["source"]["uri"] == postgres.uri


def test_what_cannot_be_drafted_is_said_in_both_languages(folder: Path) -> None:
    """No table, no source and files that are already there end with exit code 2 and change nothing."""
    source = str(folder / "source.yaml")
    for arguments, told in (
        ((source, "nothing"), "the table 'nothing' does not exist"),
        ((str(folder / "no.yaml"), "t"), "The file cannot be read."),
    ):
        failed = drafted(folder, *arguments)
        assert (failed.exit_code, told in failed.stderr) == (2, True)
    drafted(folder, source, "犬证")
    (folder / "draft" / "urban.dog.yaml").unlink()
    failed = drafted(folder, source, "犬证")
    assert (failed.exit_code, "exists; move it away first" in failed.stderr) == (2, True)
    assert not (folder / "draft" / "urban.dog.yaml").exists()
