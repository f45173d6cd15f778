"""The main job, end to end: a street office's SQL becomes a governed Arrow dataset."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import grpc
import pyarrow.flight
import pyarrow.parquet as pq
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from connectors.sdk.tlog.entry import read_header
from connectors.sdk.tlog.segments import FrameType, read_frames
from gateway.doors.cli.demo import AGE_BY_STREET, LIVING_ALONE_OVER_80
from tests.cities import City

ELDERLY = "elderly-care-visits"
STREET, OTHER_STREET, DISTRICT = "310101002", "310107014", "310101"
LIVING_ALONE = LIVING_ALONE_OVER_80.removesuffix(" LIMIT 8")
README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def living_alone_truth(city: City, street: str) -> list[tuple[object, ...]]:
    return city.truth(
        f"""
        SELECT r.name, r.birth_date, r.phone, r.resident_id[:6] || repeat('*', 12), d.address, d.floor, d.has_elevator
        FROM population.resident r
        JOIN population.household h ON h.household_id = r.household_id
        JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code
        WHERE h.member_count = 1 AND r.birth_date <= current_date - INTERVAL 80 YEAR
          AND starts_with(r.residence_division, '{street}') AND starts_with(h.division_code, '{street}')
          AND starts_with(d.division_code, '{street}')
        """
    )


@pytest.mark.parametrize(("who", "street"), [("nanjing-east-road", STREET), ("changfeng", OTHER_STREET)])
def test_a_clerk_gets_own_street_as_the_sample_files_have_it(city, who, street):
    """Residents over 80 living alone with their dwellings: the same rows as computed from the files, IDs masked."""
    expected = living_alone_truth(city, street)
    assert expected, "the sample city must have such residents"
    answer = city.ask(LIVING_ALONE, purpose=ELDERLY, who=who)
    assert sorted(answer.rows, key=str) == sorted(expected, key=str)
    assert answer.receipt["rows"] == len(expected)


def test_a_count_over_the_street_equals_the_sample_files(city):
    """Aggregates over released rows are the street's own numbers."""
    ((expected,),) = city.truth(
        f"SELECT count(*) FROM population.resident WHERE starts_with(residence_division, '{STREET}')"
    )
    assert city.ask("SELECT count(*) FROM population.resident", purpose=ELDERLY).rows == [(expected,)]


@pytest.mark.parametrize(
    "condition",
    [
        f"residence_division LIKE '{OTHER_STREET}%'",
        f"residence_division = '{OTHER_STREET}001'",
        f"NOT starts_with(residence_division, '{STREET}')",
        f"residence_division LIKE '{OTHER_STREET}%' OR 1 = 1",
    ],
)
def test_another_streets_rows_are_not_there(city, condition):
    """However the rows of another street are asked for, none of them comes."""
    answer = city.ask(f"SELECT residence_division FROM population.resident WHERE {condition}", purpose=ELDERLY)
    assert all(division.startswith(STREET) for (division,) in answer.rows)


def test_epidemic_control_without_an_emergency_is_denied_with_reason_and_remedy(city):
    """Exit 3, code, both languages, legal basis and remedy."""
    ended = city.cli(
        "query", "--purpose", "epidemic-control", "SELECT colour FROM health.health_code", who="nanjing-east-road"
    )
    assert ended.returncode == 3
    assert ended.stdout == ""
    for text in ("EMERGENCY_NOT_DECLARED", "原因", "Reason", "依据", "Legal basis", "办法", "What to do", "《"):
        assert text in ended.stderr


def test_statistics_hold_back_small_groups(city):
    """Groups of fewer than ten people are not in the answer; the others are exact."""
    answer = city.ask(AGE_BY_STREET, purpose="population-statistics", who="district-huangpu")
    groups = city.truth(
        "SELECT sex, registration_kind, count(*) FROM population.resident "
        f"WHERE starts_with(residence_division, '{DISTRICT}') GROUP BY ALL"
    )
    assert any(count < 10 for *_, count in groups) or len(groups) == len(answer.rows)
    assert sorted(answer.rows) == sorted(group for group in groups if group[2] >= 10)


def test_the_python_of_the_readme_gives_the_same_rows(city, tmp_path):
    """The lines of Python in the README run as they stand."""
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "city").symlink_to(city.data)
    ended = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, check=True)
    sql = re.search(r'"(SELECT .*)",', snippet)[1].replace("?", "DATE '1940-01-01'")
    expected = city.ask(sql, purpose=ELDERLY).table.to_pylist()
    assert expected
    rows, _, entry = ended.stdout.rpartition(" ")
    assert sorted(ast.literal_eval(rows), key=str) == sorted(expected, key=str)
    assert entry.strip() in [intent["entry_id"] for intent in city.entries(kind="intent")]


def test_the_query_of_the_readme_runs_as_it_stands(city, tmp_path):
    """The README's command line gives the clerk's rows."""
    (command,) = re.findall(r"\.venv/bin/(gateway query .*?\")\n```", README, re.DOTALL)
    (tmp_path / "city").symlink_to(city.data)
    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m {command}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for name, *_ in living_alone_truth(city, STREET):
        assert name in ended.stdout


def test_pyarrow_flight_gives_the_same_table_and_a_receipt(city):
    """The stock Flight client works with plain SQL as its command."""
    sql = "SELECT name, phone FROM population.resident WHERE birth_date < DATE '1950-01-01' ORDER BY name, phone"
    profile = city.profile("nanjing-east-road")
    headers = [(b"authorization", f"Bearer {profile.token}".encode()), (b"x-sharing-purpose", ELDERLY.encode())]
    options = pyarrow.flight.FlightCallOptions(headers=headers)
    with pyarrow.flight.FlightClient(profile.endpoint.replace("grpc://", "grpc+tcp://")) as client:
        info = client.get_flight_info(pyarrow.flight.FlightDescriptor.for_command(sql), options)
        chunks = list(client.do_get(info.endpoints[0].ticket, options))
    rows = [tuple(row.values()) for chunk in chunks for row in chunk.data.to_pylist()]
    assert rows
    assert rows == [tuple(row.values()) for row in city.ask(sql, purpose=ELDERLY).table.to_pylist()]
    assert json.loads(chunks[-1].app_metadata.to_pybytes())["rows"] == len(rows)


def test_reflection_lists_the_services(city):
    """A stranger to the code finds the services by reflection."""
    target = city.profile("auditor").endpoint.removeprefix("grpc://")
    with grpc.insecure_channel(target) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    services = {service.name for service in answer.list_services_response.service}
    assert {
        "arrow.flight.protocol.FlightService",
        "grpc.health.v1.Health",
        "sharing.audit.v1.AuditService",
        "sharing.catalog.v1.CatalogService",
        "sharing.registry.v1.RegistryService",
    } <= services


def test_explain_tells_without_touching_data(city):
    """Columns, treatment, rows, rules and articles; the log holds no intent for it."""
    before = len(city.entries(kind="intent"))
    ended = city.cli(
        "explain", "--purpose", "grid-inspection", "SELECT name, phone FROM population.resident", who="changfeng"
    )
    assert ended.returncode == 0
    for text in ("允许", "partial", "phone", OTHER_STREET, "《"):
        assert text in ended.stdout
    assert len(city.entries(kind="intent")) == before
    denied = city.cli("explain", "--purpose", ELDERLY, "SELECT ethnicity FROM population.resident", who="changfeng")
    assert denied.returncode == 3
    assert "NOT_AVAILABLE" in denied.stdout


def test_unknown_and_forbidden_names_answer_alike(city):
    """Nobody learns from an answer whether a name exists."""
    texts = set()
    for name in ("ethnicity", "nosuchcolumn"):
        error = city.refusal(f"SELECT {name} FROM population.resident", purpose=ELDERLY)
        texts.add((error.status, error.text.replace(name, "NAME"), str(error.reasons).replace(name, "NAME")))
    assert len(texts) == 1
    texts = set()
    for name in ("civil_affairs.social_assistance", "civil_affairs.nosuchtable"):
        error = city.refusal(f"SELECT members FROM {name}", purpose="population-statistics", who="city-statistics")
        texts.add((error.status, error.text.replace(name, "NAME"), str(error.reasons).replace(name, "NAME")))
    assert len(texts) == 1


def test_the_auditor_finds_queries_denials_and_failures_and_verifies(city):
    """Every access of the run stands in the log, and the log verifies."""
    answer = city.ask("SELECT count(*) FROM population.household", purpose=ELDERLY)
    city.refusal("SELECT bank_account FROM civil_affairs.social_assistance", purpose=ELDERLY)
    city.refusal("SELECT FROM WHERE", purpose=ELDERLY)
    entries = city.entries()
    kinds = {entry["entry_id"]: entry["kind"] for entry in entries}
    assert kinds[answer.receipt["entry"]] == "intent"
    assert kinds[answer.receipt["receipt"]] == "receipt"
    assert [e["kind"] for e in entries[-3:]] == ["denial", "failure", "audit_query"]
    verified = city.cli(
        "audit", "verify", "--key", str(city.data / "keys" / "audit-verification-key.txt"), who="auditor"
    )
    assert verified.returncode == 0


def test_a_flipped_byte_is_named(city, tmp_path):
    """Verification of a copy in which one byte changed names the entry."""
    city.ask("SELECT count(*) FROM population.household", purpose=ELDERLY)
    segment = min((city.data / "audit").glob("segment-*"))
    data = bytearray(segment.read_bytes())
    entries = [(offset, payload) for offset, kind, payload, _ in read_frames(bytes(data)) if kind == FrameType.ENTRY]
    offset, leaf = entries[len(entries) // 2]
    data[offset + len(leaf)] ^= 1
    (tmp_path / segment.name).write_bytes(data)
    (tmp_path / "checkpoint").write_bytes((city.data / "audit" / "checkpoint").read_bytes())
    key = str(city.data / "keys" / "audit-verification-key.txt")
    ended = city.cli("audit", "verify", "--key", key, "--log", str(tmp_path))
    assert ended.returncode == 1
    assert f"第几条 {read_header(leaf).sequence} " in ended.stdout


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv", "xlsx"])
def test_output_files_hold_the_whole_result(city, tmp_path, ending):
    """--output writes each format; the table's schema says for what it was released."""
    path = tmp_path / f"list.{ending}"
    sql = "SELECT name, birth_date FROM population.resident"
    ended = city.cli("query", "--purpose", ELDERLY, "--output", str(path), sql, who="nanjing-east-road")
    assert ended.returncode == 0, ended.stderr
    rows = city.ask(sql, purpose=ELDERLY).table.num_rows
    assert f"{rows:,} 行" in ended.stderr
    beside = set() if ending == "parquet" else {f"{path.name}.receipt.json"}
    assert {file.name for file in tmp_path.iterdir()} == {path.name} | beside
    if ending == "parquet":
        table = pq.read_table(path)
        assert table.num_rows == rows
        assert table.schema.metadata[b"sharing.purpose"] == ELDERLY.encode()


def test_exit_codes_tell_what_kind_of_failure(city):
    """3 denied, 4 invalid query, 5 unavailable."""
    who = "nanjing-east-road"
    assert city.cli("query", "--purpose", ELDERLY, "SELEC 1", who=who).returncode == 4
    assert city.cli("query", "SELECT name FROM population.resident", who=who).returncode == 3
    profile = city.profile(who).model_copy(update={"endpoint": "grpc://127.0.0.1:9"})
    path = city.data / "nowhere.json"
    path.write_text(profile.model_dump_json(exclude_none=True))
    assert city.cli("query", "--purpose", ELDERLY, "--profile", str(path), "SELECT 1").returncode == 5


def test_catalogue_commands_show_only_what_a_purpose_opens(city):
    """A street clerk sees purposes, datasets and columns that some purpose opens, and nothing of the others."""
    listed = city.cli("catalog", "list", who="nanjing-east-road").stdout
    assert "population.resident" in listed
    shown = city.cli("catalog", "show", "population.resident", who="nanjing-east-road").stdout
    assert "elderly-care-visits: clear" in shown
    assert ELDERLY in city.cli("catalog", "purposes", who="nanjing-east-road").stdout
    unknown = city.cli("catalog", "show", "health.nosuch", who="nanjing-east-road")
    hidden = city.cli("catalog", "show", "civil_affairs.social_assistance", who="city-statistics")
    assert unknown.returncode == hidden.returncode == 3
    assert unknown.stderr.replace("health.nosuch", "") == hidden.stderr.replace("civil_affairs.social_assistance", "")
