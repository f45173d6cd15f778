"""Auditors question the access log: SQL through the stock driver, search and statistics. Nobody's number shows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pytest

from gateway.client import RequestError
from gateway.client.audit_reports import ReportName
from tests.cities import City

SUPERVISION = "audit-supervision"
CHECK = "social-assistance-check"
CASE = "SA-2026-770077"
CLERKS = ("nanjing-east-road", "changfeng")
DATASETS = ("audit.access_log", "audit.accessed_column", "audit.looked_up_person")


@dataclass(frozen=True)
class Canary:
    """A real number of the sample city, and who asked for it."""

    resident_id: str
    name: str


@pytest.fixture(scope="module")
def canary(city: City) -> Canary:
    """Two clerks have named one person in every way that a statement allows; some of them were denied."""
    (resident_id, name), *_ = city.truth(
        "SELECT resident_id, name FROM population.resident WHERE residence_division LIKE '310101002%' ORDER BY 1"
    )
    look_up = "SELECT name, birth_date FROM population.resident WHERE resident_id"
    for who in CLERKS:
        city.ask(f"{look_up} = '{resident_id}'", purpose=CHECK, case=CASE, who=who)
        city.ask(f"{look_up} IN ('{resident_id}', '11010519491231002X')", purpose=CHECK, case=CASE, who=who)
        for sql, purpose in (
            (f"{look_up} = '{resident_id}'", "epidemic-control"),
            (f"SELECT name FROM population.resident WHERE resident_id LIKE '{resident_id}%'", CHECK),
            (f"SELECT name AS \"{resident_id}\" FROM population.resident WHERE name = '{name}'", CHECK),
            (f"SELECT name FROM population.resident WHERE name = concat('{resident_id}', name)", "grid-inspection"),
            (f"SELECT name FROM population.resident WHERE name = '{resident_id}", CHECK),
            (f"SELECT error('{resident_id}')", CHECK),
        ):
            with suppress(RequestError):
                city.ask(sql, purpose=purpose, case=CASE, who=who)
    return Canary(resident_id=resident_id, name=name)


def stock_driver(city: City, sql: str, *, who: str = "auditor") -> pa.Table:
    """Return what the ADBC driver for Flight SQL fetches."""
    profile = city.profile(who)
    options = {
        "adbc.flight.sql.authorization_header": f"Bearer {profile.token}",
        "adbc.flight.sql.rpc.call_header.x-sharing-purpose": SUPERVISION,
    }
    with (
        flight_sql.connect(profile.endpoint, db_kwargs=options, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def everything(city: City) -> Iterator[bytes]:
    """Yield all that an auditor can see, and all that is on the disk of the log."""
    for dataset in DATASETS:
        yield json.dumps(stock_driver(city, f"SELECT * FROM {dataset}").to_pylist(), default=str).encode()
    yield json.dumps([entry["body"] for entry in city.entries()]).encode()
    yield city.cli("audit", "search", "--json", "--max", "100000", who="auditor").stdout.encode()
    for path in sorted((city.data / "audit").iterdir()):
        yield path.read_bytes()


def test_the_stock_driver_answers_auditors(city: City, canary: Canary) -> None:
    """SQL with joins and groups runs over the log as over any dataset."""
    found = stock_driver(
        city,
        f"""SELECT e.requester, e.kind, count(DISTINCT c.column_name) AS used
            FROM audit.access_log e JOIN audit.accessed_column c ON c.entry_id = e.entry_id
            WHERE e.case_number = '{CASE}' AND e.purpose = '{CHECK}' AND e.kind = 'intent'
            GROUP BY e.requester, e.kind ORDER BY e.requester""",
    )
    assert found.to_pylist() == [{"requester": who, "kind": "intent", "used": 3} for who in sorted(CLERKS)]


def test_a_question_is_itself_an_entry(city: City) -> None:
    """The newest entry that an auditor sees is the intent of the very query that asked."""
    found = stock_driver(city, "SELECT kind, requester, purpose FROM audit.access_log ORDER BY sequence DESC LIMIT 1")
    assert found.to_pylist() == [{"kind": "intent", "requester": "auditor", "purpose": SUPERVISION}]


def test_the_log_is_for_auditors_only(city: City) -> None:
    """No clerk, analyst, steward or administrator is given a row of it."""
    for who in ("nanjing-east-road", "city-statistics", "department-audit_office", "administrator"):
        refused = city.refusal("SELECT requester FROM audit.access_log", purpose=SUPERVISION, who=who)
        assert {reason.code for reason in refused.reasons} & {"ROLE_NOT_ENTITLED", "OFFICE_NOT_ENTITLED"}


def test_no_literal_of_a_query_is_anywhere(city: City, canary: Canary) -> None:
    """A number or name that somebody wrote into a statement is in no row, entry, output or file of the log."""
    for seen in everything(city):
        assert canary.resident_id.encode() not in seen
        assert canary.name.encode() not in seen
        assert json.dumps(canary.name).strip('"').encode() not in seen


def test_what_is_recorded_would_have_been_seen(city: City, canary: Canary) -> None:
    """The twin: the case number, which entries do hold, is seen at every one of those places but the columns of people."""
    seen = [CASE.encode() in what for what in everything(city)]
    assert all(seen[: len(DATASETS) + 2])
    assert any(seen[len(DATASETS) + 2 :])


def test_one_person_has_one_token(city: City, canary: Canary) -> None:
    """Two clerks who look up one person are seen to, without anybody seeing whom."""
    found = stock_driver(
        city,
        f"""SELECT person, count(DISTINCT requester) AS requesters FROM audit.looked_up_person
            WHERE case_number = '{CASE}' AND kind = 'intent' GROUP BY person ORDER BY person""",
    )
    assert found["requesters"].to_pylist() == [2, 2]
    assert all(person.startswith("st1.") for person in found["person"].to_pylist())
    token = found["person"][0].as_py()
    entries = city.entries(person=token, kind="intent")
    assert {entry["body"]["requester"]["subject"] for entry in entries} == set(CLERKS)


def test_search_by_column_and_outcome(city: City, canary: Canary) -> None:
    """Filters reach into the columns of a query and the outcome of a delivery."""
    used = city.entries(column="population.resident.birth_date", case=CASE)
    assert {entry["kind"] for entry in used} == {"intent", "denial"}
    assert city.entries(column="population.resident.colour") == []
    assert {entry["kind"] for entry in city.entries(outcome="delivered", case=CASE)} == {"receipt"}


def test_search_writes_a_spreadsheet(city: City, canary: Canary, tmp_path: Path) -> None:
    """What is found can be kept as a table, one row per entry."""
    path = tmp_path / "found.csv"
    done = city.cli("audit", "search", "--case", CASE, "--kind", "intent", "--output", str(path), who="auditor")
    assert done.returncode == 0, done.stderr
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["requester"] for row in rows} == set(CLERKS)
    assert {row["datasets"] for row in rows} == {"population.resident"}
    assert not path.with_name("found.csv.receipt.json").exists()


@pytest.mark.parametrize("report", list(ReportName))
def test_every_report_is_answered(city: City, canary: Canary, report: ReportName, tmp_path: Path) -> None:
    """Each is one SQL statement that the gateway decides and records like any other."""
    path = tmp_path / "report.csv"
    done = city.cli("audit", "stats", report, "--least", "1", "--output", str(path), who="auditor")
    assert done.returncode == 0, done.stderr
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    told = {
        ReportName.OFFICES: ("office", "310107014"),
        ReportName.CONTROLLERS: ("controller", "public_security"),
        ReportName.PURPOSES: ("purpose", CHECK),
        ReportName.DENIALS: ("reasons", "LOOKUP_ONLY"),
        ReportName.OUTSIDE: ("requester", "changfeng"),
        ReportName.PEOPLE: ("requesters", "2"),
    }
    if report in told:
        name, value = told[report]
        assert value in {row[name] for row in rows}
