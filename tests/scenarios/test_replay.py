"""An auditor has recorded decisions decided again, by the policy of then and by that of today."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from connectors.sdk.access_log import EntryIndex
from gateway.audit import SearchFilters, search
from gateway.client import RequestError, connect, request_errors
from gateway.model.audit import AuditEntry, EntryKind
from gateway.settings import Settings
from gateway.wiring import make_gateway
from sharing_stubs.sharing.audit.v1 import review_pb2, review_pb2_grpc
from tests.cities import PERMISSION_DENIED, City
from tests.governing import sign_agreement
from tests.lone_gateway import command_line, lone_gateway
from tests.opa_binary import REPOSITORY

GRID, RESIDENT = "grid-inspection", "population.resident"
ALLOWED, DENIED = f"SELECT phone FROM {RESIDENT}", f"SELECT ethnicity FROM {RESIDENT}"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """A deployment whose gateway allowed one query and denied another, and was stopped."""
    with lone_gateway(tmp_path_factory.mktemp("lone")) as (city, _):
        sign_agreement(city, "a-1", controller="public_security", dataset=RESIDENT, purpose=GRID)
        for sql in (ALLOWED, DENIED):
            city.refusal(sql, purpose=GRID)  # no department is there to read from
    return city


@contextmanager
def restarted(city: City, **changes: Path) -> Iterator[None]:
    """Run the gateway of a deployment again, with changed settings."""
    gateway = make_gateway(Settings.load(city.data / "gateway.toml").model_copy(update=changes))
    gateway.start()
    try:
        yield
    finally:
        gateway.stop()


def recorded(city: City, kind: EntryKind, **filters: str) -> list[AuditEntry]:
    index = EntryIndex(city.data / "audit")
    try:
        return list(search(index, filters=SearchFilters(kind=kind, **filters)))
    finally:
        index.close()


def test_accesses_that_todays_catalogue_would_deny_are_listed(city: City) -> None:
    """After the purpose is over, the decisions of then are still right, and the access is in the drift report."""
    entries = Path(shutil.copytree(REPOSITORY / "catalog" / "entries", city.data / "entries"))
    purpose = entries / "purposes" / f"{GRID}.yaml"
    content = yaml.safe_load(purpose.read_text("utf-8"))
    purpose.write_text(yaml.safe_dump({**content, "active_until": "2025-01-01"}, allow_unicode=True), "utf-8")
    (intent,) = recorded(city, EntryKind.INTENT)
    with restarted(city, catalogue=entries):
        then = command_line(city, "audit", "replay", "--language", "en", who="auditor")
        today = command_line(city, "audit", "replay", "--active", "--language", "en", who="auditor")
    assert (then.exit_code, then.stderr.strip()) == (0, "2 decided again, identical 2")
    assert (today.exit_code, today.stderr.strip()) == (1, "2 decided again, now denied 1, different 1")
    for part in (intent.entry_id, "now denied", "310101002", GRID, "✓ → PURPOSE_NOT_ACTIVE"):
        assert part in today.stdout
    asked = [entry.body for entry in recorded(city, EntryKind.AUDIT_QUERY)][-2:]
    assert [(body["action"], body["filters"].get("by_active_policy", False)) for body in asked] == [
        ("replay", False),
        ("replay", True),
    ]


def test_one_entry_is_decided_again(city: City) -> None:
    """By its id; an id that is no decision's is said to be none, and where to look."""
    (denial,) = recorded(city, EntryKind.DENIAL)
    with restarted(city):
        one = command_line(city, "audit", "replay", denial.entry_id, "--language", "en", who="auditor")
        none = command_line(city, "audit", "replay", "no-such-entry", "--language", "en", who="auditor")
    assert (one.exit_code, one.stderr.strip()) == (0, "1 decided again, identical 1")
    assert none.exit_code == 4
    assert "no intent or denial has the id no-such-entry; find ids with gateway audit search" in none.stderr


def test_an_altered_archive_is_told(city: City) -> None:
    """The auditor reads what happened and what to do, in place of an answer."""
    (intent,) = recorded(city, EntryKind.INTENT)
    archived = city.data / "policy-archive" / f"{intent.body['policy_revision']}.json"
    content = archived.read_bytes()
    with restarted(city):
        archived.write_bytes(content.replace(b"default", b"Default", 1))
        altered = command_line(city, "audit", "replay", intent.entry_id, "--language", "en", who="auditor")
        archived.unlink()
        gone = command_line(city, "audit", "replay", intent.entry_id, "--language", "en", who="auditor")
        archived.write_bytes(content)
        restored = command_line(city, "audit", "replay", intent.entry_id, who="auditor")
    assert [result.exit_code for result in (altered, gone, restored)] == [1, 1, 0]
    assert "file of this revision was altered" in " ".join(altered.stdout.split())
    assert "does not have this revision" in " ".join(gone.stdout.split())


def test_auditors_and_nobody_else_may_ask(city: City) -> None:
    """A clerk is refused, which is recorded, and nothing is decided again."""
    with restarted(city):
        connection = connect(city.profile("nanjing-east-road"))
        stub = review_pb2_grpc.ReviewServiceStub(connection.channel)
        with pytest.raises(RequestError) as caught, request_errors():
            list(stub.ReplayEntries(review_pb2.ReplayEntriesRequest(), metadata=connection.headers()))
        connection.close()
    assert (caught.value.status, caught.value.reasons[0].code) == (PERMISSION_DENIED, "ROLE_MISSING")
    assert recorded(city, EntryKind.FAILURE)[-1].body["reason"] == "ROLE_MISSING"
