"""The access log as a department's source."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.load import load_catalogue
from connectors.__main__ import app
from connectors.sdk.access_log import EntryIndex, connect, entry_rows
from connectors.sdk.access_log.rows import HIDDEN
from connectors.sdk.config import AccessLogSettings, ConnectorSettings, read_config
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import MappedTable, Source, SourceCode, SourceError, SourceScan
from connectors.sources.opening import open_source
from tests.unit.connectors.sdk.access_log.test_access_log_rows import INTENT
from tests.written_log import START, WrittenLog

TEMPLATE = Path(__file__).parents[4] / "connectors" / "templates" / "audit_office.yaml"
OTHER = {
    **INTENT,
    "requester": {"subject": "bob", "office": "310107014", "office_kind": "street", "division_code": "310107014"},
    "datasets": [{**INTENT["datasets"][0], "people": ["st1.a"]}],
}


@pytest.fixture(params=[False, True], ids=["tail", "sealed"])
def log(tmp_path: Path, request: pytest.FixtureRequest) -> WrittenLog:
    """Two intents of two streets and a refused credential, in the last segment or in one that is sealed."""
    log = WrittenLog(tmp_path / "audit")
    log.commit(("intent", INTENT), ("intent", OTHER), ("failure", {"reason": "TOKEN_INVALID"}))
    if request.param:
        log.roll()
        log.commit(("audit_query", {"action": "search"}))
        index = EntryIndex(log.directory)
        (segment,) = index.unsealed()
        log.commit(("sealed", index.publish(segment)))
        index.close()
    return log


@pytest.fixture
def settings(log: WrittenLog, tmp_path: Path) -> ConnectorSettings:
    path = tmp_path / "audit_office.yaml"
    path.write_text(
        Template(TEMPLATE.read_text("utf-8")).substitute(DATA=str(tmp_path), GATEWAY="127.0.0.1:1"), "utf-8"
    )
    return read_config(path)


@pytest.fixture
def source(settings: ConnectorSettings) -> Iterator[Source]:
    source = open_source(settings.source, tables=settings.tables(load_catalogue().datasets))
    yield source
    source.close()


def scan(source: Source, dataset: str, *columns: str, where: Predicate | None = None, **changes: Any) -> list[Any]:
    everything = Predicate(op=PredicateOp.GE, column="sequence", values=(0,))
    request = {"predicate": where or everything, "rows_max": None, "batch_rows": 2, **changes}
    with source.scan(SourceScan(dataset=dataset, columns=columns, **request)) as stream:
        return sorted(tuple(row.values()) for batch in stream for row in batch.to_pylist())


def where(op: PredicateOp, column: str, *values: Any) -> Predicate:
    return Predicate(op=op, column=column, values=values)


def test_the_template_passes_the_connectors_own_check(settings: ConnectorSettings, tmp_path: Path) -> None:
    """Every dataset of the audit office is served as the catalogue and the connector protocol promise it."""
    result = CliRunner().invoke(app, ["check", str(tmp_path / "audit_office.yaml")], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.stdout + result.stderr


def test_one_row_per_entry(source: Source) -> None:
    """The newest entries are there too."""
    rows = scan(source, "audit.access_log", "sequence", "requester", "recorded_on", "recorded_at", "reasons")
    moment = datetime.datetime.fromtimestamp(START + 3, datetime.UTC)
    assert [row[:2] for row in rows[:3]] == [(1, "ann"), (2, "bob"), (3, "")]
    assert rows[2] == (3, "", datetime.date(2023, 11, 15), moment, "TOKEN_INVALID")


def test_one_row_per_accessed_column(source: Source) -> None:
    """With the way in which it was used and released."""
    rows = scan(source, "audit.accessed_column", "sequence", "dataset", "column_name", "uses", "action", "mask")
    assert rows == [
        (number, "population.resident", *used)
        for number in (1, 2)
        for used in (
            ("name", "filtered, selected", "partial", "name"),
            ("resident_id", "looked_up", "lookup", None),
        )
    ]


def test_one_row_per_looked_up_person(source: Source) -> None:
    """Who looked up whom, by token."""
    rows = scan(source, "audit.looked_up_person", "person", "requester", "controller")
    assert rows == [(p, r, "public_security") for p, r in (("st1.a", "ann"), ("st1.a", "bob"), ("st1.b", "ann"))]


@pytest.mark.parametrize(
    ("predicate", "sequences"),
    [
        (where(PredicateOp.PREFIX, "division_code", "310101"), [1]),
        (where(PredicateOp.PREFIX, "division_code", "31"), [1, 2, 3]),
        (where(PredicateOp.IN, "requester", "bob", "eve"), [2]),
        (where(PredicateOp.EQ, "statement", "x' OR '1'='1"), []),
        (where(PredicateOp.NE, "requester", "bob"), [1, 3]),
        (where(PredicateOp.BETWEEN, "sequence", 2, 3), [2, 3]),
        (where(PredicateOp.GE, "recorded_on", "2023-11-15"), [1, 2, 3]),
        (where(PredicateOp.LT, "recorded_on", "2023-11-15"), []),
        (Predicate(op=PredicateOp.IS_NULL, column="office"), [3]),
        (
            Predicate(op=PredicateOp.NOT, operands=(where(PredicateOp.EQ, "office", "310101002"),)),
            [2, 3],
        ),
    ],
    ids=str,
)
def test_predicates_are_applied_by_the_source(source: Source, predicate: Predicate, sequences: list[int]) -> None:
    """A row outside the filter is never read out: a district's auditor gets the district's rows."""
    first = where(PredicateOp.LE, "sequence", 3)
    both = Predicate(op=PredicateOp.AND, operands=(predicate, first))
    assert [number for (number,) in scan(source, "audit.access_log", "sequence", where=both)] == sequences


def test_no_more_rows_than_asked_for(source: Source) -> None:
    """A cap is kept."""
    assert len(scan(source, "audit.access_log", "sequence", rows_max=1)) == 1


def test_a_cancelled_scan_ends(source: Source) -> None:
    """Nothing is read after a cancellation."""
    everything = where(PredicateOp.GE, "sequence", 0)
    request = SourceScan(
        dataset="audit.access_log", columns=("sequence",), predicate=everything, rows_max=None, batch_rows=1
    )
    with source.scan(request) as stream:
        stream.cancel()
        with pytest.raises(SourceError) as refused:
            next(stream)
    assert refused.value.code is SourceCode.CANCELLED


def test_a_wrong_mapping_is_drift(log: WrittenLog) -> None:
    """A table that the log does not have is said to be missing, not guessed."""
    table = MappedTable(dataset="audit.access_log", table="nothing", columns=())
    source = open_source(AccessLogSettings(kind="access_log", path=log.directory), tables={"audit.access_log": table})
    assert source.describe() == {}
    with pytest.raises(SourceError) as refused:
        source.own_schema("nothing")
    source.close()
    assert refused.value.code is SourceCode.DRIFT


def test_the_catalogue_has_every_column_that_is_not_hidden() -> None:
    """What the log's rows hold and what auditors may select are the same, but for what only questions need."""
    with connect() as database:
        names = set(entry_rows([], database=database).column_names)
    assert names - set(HIDDEN) == {column.name for column in load_catalogue().datasets["audit.access_log"].columns}
    assert set(HIDDEN) <= names
