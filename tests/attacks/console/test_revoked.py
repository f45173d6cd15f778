"""Whose access is revoked loses the session, and everything that it kept."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.doors.console import sessions as sessions_module
from gateway.doors.console.settings import ConsoleSettings
from gateway.doors.console.sign_in_texts import TROUBLES, Trouble
from tests.attacks.console.browsers import Visitor
from tests.attacks.console.conftest import Clock
from tests.governing import restore_access, revoke_access
from tests.lone_gateway import lone_gateway


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory):
    with lone_gateway(tmp_path_factory.mktemp("revoking")) as (city, _):
        yield city


@pytest.fixture
def revoked(lone, make_console, monkeypatch):
    monkeypatch.setattr(sessions_module, "_ANSWER_SECONDS_MAX", 60)  # a busy machine is no gateway that hangs
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock, gateway=lone.profile("changfeng").endpoint))
    visitor.sign_in(lone.local.profiles / "changfeng.json")
    revoke_access(lone, "REQUESTER", "changfeng")
    yield visitor
    restore_access(lone, "REQUESTER", "changfeng")


def test_an_answer_that_says_revoked_ends_the_session(revoked):
    """The next page leads to the sign-in, which says why."""
    assert revoked.ask("GET", "/-/purposes").headers["HX-Redirect"] == "/login?why=revoked"
    assert "停用" in revoked.client.get("/login", params={"why": "revoked"}).text


def sweep(visitor, *, seconds: float):
    visitor.console.clock.now += seconds
    for asked in visitor.console.sessions.sweep(visitor.console.clock()):
        asked.result(70)
    return list(visitor.console.sessions._sessions.values())


def test_a_revoked_requesters_results_are_dropped_without_a_request(revoked):
    """Nobody has to ask for it: within half a minute the session is over."""
    (session,) = revoked.console.sessions._sessions.values()
    assert sweep(revoked, seconds=31) == []
    assert session.closed


def test_twin_without_the_question_the_session_stays(revoked, monkeypatch):
    """It is the gateway's answer that ends it."""
    monkeypatch.setattr(sessions_module, "ending_of", lambda error: None)
    assert len(sweep(revoked, seconds=31)) == 1


def test_unknown_tokens_are_sent_on_only_so_often(make_console, lone_profiles):
    """Sixty a minute from one address; the twin is the one after the minute."""
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock))
    for _ in range(60):
        visitor.ask("POST", "/login/profile", data={"profile": "{}"})
    profile = (lone_profiles / "auditor.json").read_text("utf-8")
    assert TROUBLES[Trouble.TOO_MANY].what.zh in visitor.ask("POST", "/login/profile", data={"profile": profile}).text
    assert visitor.client.post("/login/codes", headers={"Authorization": "Bearer x"}).status_code == 429
    clock.now += 61
    visitor.sign_in(lone_profiles / "auditor.json")


def test_listening_beyond_loopback_needs_tls_or_a_named_proxy():
    """A public address alone does not make a connection in clear safe, nor a local one the codes."""
    for unsafe in (
        {},
        {"public_url": "https://c.city"},
        {"public_url": "http://localhost:8816", "proxies": ["10.0.0.2"]},
    ):
        with pytest.raises(ValidationError):
            ConsoleSettings(listen="10.0.0.1:8816", **unsafe)
    ConsoleSettings(listen="10.0.0.1:8816", public_url="https://c.city", proxies=("10.0.0.2",))
    tls = {"certificate": "x.pem", "private_key": "x.key"}
    assert not ConsoleSettings(listen="0.0.0.0:8816", public_url="https://localhost:8816", **tls).is_local
    assert ConsoleSettings(listen="127.0.0.1:8816").is_local
