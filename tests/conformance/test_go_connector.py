"""The connector in Go, written by the protocol's page alone, passes the same kit as ours, over mutual TLS."""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest
import yaml

from connectors.conformance.report import Outcome, Report
from connectors.conformance.running import check_key, check_running, read_check_settings
from gateway.doors.cli.certificates import Authority
from tests.conformance.served import PERSON, people

BINARY = Path(__file__).parents[2] / "build" / "go" / "connector"
NOT_OFFERED = {"L1", "L2", "L3", "Q1", "Q2"}
DEPARTMENT = PERSON.controller


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows, catalogue and certificates."""
    if not BINARY.exists():
        reason = "build/go/connector is missing: run 'make go-connector', which needs Go"
        assert not os.environ.get("REQUIRE_GO"), reason
        pytest.skip(reason)
    made = tmp_path_factory.mktemp("go")
    pyarrow.csv.write_csv(people(3_000, note_words=100), made / f"{PERSON.name}.csv")
    entry = yaml.safe_dump(PERSON.model_dump(mode="json"), allow_unicode=True)
    (made / f"{PERSON.name}.yaml").write_text(entry, "utf-8")
    now = datetime.datetime.now(datetime.UTC)
    authority = Authority.make(made, now=now)
    authority.issue_gateway(made, now=now, days=1)
    authority.issue_department(made, DEPARTMENT, now=now, days=1)
    check_key(made / "key.pem")
    return made


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Run the connector and give host:port."""
    arguments = {
        "department": DEPARTMENT,
        "catalogue": ".",
        "data": ".",
        "grant-keys": "key.pem.jwks.json",
        "certificate": f"{DEPARTMENT}.pem",
        "key": f"{DEPARTMENT}.key",
        "ca": "ca.pem",
    }
    command = [str(BINARY), *(part for name, value in arguments.items() for part in (f"-{name}", value))]
    connector = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert connector.stdout is not None
        yield connector.stdout.readline().split()[1]
    finally:
        connector.kill()
        connector.wait()


def checked(folder: Path) -> Report:
    tls = {"certificate": "gateway.pem", "private_key": "gateway.key", "ca": "ca.pem"}
    with serving(folder) as endpoint:
        check = {
            "kind": "check",
            "endpoint": endpoint,
            "department": DEPARTMENT,
            "grant_private_key": "key.pem",
            "tls": tls,
        }
        (folder / "check.yaml").write_text(yaml.safe_dump(check), "utf-8")
        settings = read_check_settings(folder / "check.yaml")
        assert settings is not None
        return check_running(settings, catalogue={PERSON.name: PERSON})


def test_a_connector_in_another_language_passes(folder):
    """Every clause holds but those of log and profile, which it does not offer, and of memory, for which the rows are too few."""
    outcomes = {result.clause: result.outcome for result in checked(folder).results}
    assert {clause for clause, outcome in outcomes.items() if outcome is Outcome.NOT_OFFERED} == NOT_OFFERED
    assert {clause for clause, outcome in outcomes.items() if outcome is Outcome.NOT_CHECKED} <= {"E5"}
    assert Outcome.FAILED not in outcomes.values()


def test_a_wrong_row_of_it_is_found(folder):
    """The kit looks at what the program in Go sends: an identifier with a wrong check digit fails its clause."""
    path = folder / f"{PERSON.name}.csv"
    honest = path.read_text("utf-8")
    table = people(3_000, note_words=100)
    ids = table.column("id").to_pylist()
    ids[5] = ids[5][:-1] + ("0" if ids[5][-1] != "0" else "1")
    pyarrow.csv.write_csv(table.set_column(0, "id", pa.array(ids)), path)
    try:
        failed = [result.clause for result in checked(folder).results if result.outcome is Outcome.FAILED]
    finally:
        path.write_text(honest, "utf-8")
    assert failed == ["D3"]
