"""The registers' database is lost, emptied, replaced or put back: on SQLite and on PostgreSQL, nothing opens by it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from gateway.settings import Settings
from gateway.wiring import make_gateway
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from tests.cities import City
from tests.governing import govern, revoke_access, revoke_agreement, sign_agreement
from tests.lone_gateway import lone_gateway

VISITS, CONTROLLER, DATASET = "enterprise-visits", "market_supervision", "legal_entity.enterprise"
ENTERPRISES = f"SELECT credit_code, name FROM {DATASET}"
CLERK, COLLEAGUE = "nanjing-east-road", "changfeng"
UNREAD = "CONNECTOR_UNAVAILABLE"
"""The reason of a query that is allowed, in a city without connectors."""
CLOSED = {CLERK: "REQUESTER_REVOKED", COLLEAGUE: "AGREEMENT_MISSING"}


def outcome(city: City, who: str) -> str:
    return city.refusal(ENTERPRISES, purpose=VISITS, who=who).reasons[0].code


def outcomes(city: City) -> dict[str, str]:
    return {who: outcome(city, who) for who in CLOSED}


@contextmanager
def restarted(city: City, monkeypatch: pytest.MonkeyPatch, *, url: str, log: str = "audit") -> Iterator[None]:
    """Run the city's gateway again on a database, with its log or with another."""
    monkeypatch.setenv("SHARING_REGISTRY_URL", url)
    monkeypatch.setenv("SHARING_AUDIT_DIRECTORY", str(city.data / log))
    gateway = make_gateway(Settings.load(city.data / "gateway.toml"))
    gateway.start()
    try:
        yield
    finally:
        gateway.stop()


OLDER = (
    "DELETE FROM revocations",
    "UPDATE agreements SET ended_at = NULL, ended_by = NULL, ended_reason = NULL",
    "UPDATE changes SET number = number - 2 WHERE part = 'governance'",
)
"""Makes the database what it was before the requester and the agreement were revoked."""


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, store_url: str) -> str:
    """Another database of the same kind."""
    if store_url.startswith("sqlite"):
        return f"{store_url}.empty"
    make: Callable[[], str] = request.getfixturevalue("new_postgresql_database")
    return make()


def test_no_other_database_opens_what_was_closed(
    tmp_path: Path, store_url: str, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an empty database and on an older copy, what the log says was taken back stays so, and can be given again.

    Twin: with another log, the older copy opens everything.
    """
    monkeypatch.setenv("SHARING_REGISTRY_URL", store_url)
    with lone_gateway(tmp_path / "city") as (city, _):
        sign_agreement(city, "test-1", controller=CONTROLLER, dataset=DATASET, purpose=VISITS)
        assert set(outcomes(city).values()) == {UNREAD}
        revoke_access(city, "REQUESTER", CLERK)
        revoke_agreement(city, "test-1", controller=CONTROLLER)
        assert outcomes(city) == CLOSED
    change(store_url, *OLDER)
    with restarted(city, monkeypatch, url=empty_url):
        assert outcomes(city) == CLOSED
    with restarted(city, monkeypatch, url=store_url, log="another-log"):
        assert set(outcomes(city).values()) == {UNREAD}
    with restarted(city, monkeypatch, url=store_url):
        assert outcomes(city) == CLOSED
        govern(city, "RestoreAccess", pb.RestoreAccessRequest(kind="REVOCATION_KIND_REQUESTER", id=CLERK, reason="x"))
        sign_agreement(city, "test-2", controller=CONTROLLER, dataset=DATASET, purpose=VISITS)
        assert set(outcomes(city).values()) == {UNREAD}


def test_a_database_that_goes_away_under_a_running_gateway_refuses_everything(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Queries and changes are refused, and recorded, until it is back."""
    monkeypatch.setenv("SHARING_REGISTRY_URL", store_url)
    with lone_gateway(tmp_path / "city") as (city, _):
        sign_agreement(city, "test-1", controller=CONTROLLER, dataset=DATASET, purpose=VISITS)
        change(store_url, "ALTER TABLE changes RENAME TO elsewhere")
        wait_until(lambda: outcome(city, CLERK) == "REGISTRY_UNAVAILABLE")
        with pytest.raises(Exception, match="REGISTRY_UNAVAILABLE"):
            revoke_access(city, "REQUESTER", CLERK)
        change(store_url, "ALTER TABLE elsewhere RENAME TO changes")
        wait_until(lambda: outcome(city, CLERK) == UNREAD)
        refused = [entry["body"].get("reason") for entry in city.entries(kind="failure")]
    assert refused.count("REGISTRY_UNAVAILABLE") >= 2


def change(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.1)
