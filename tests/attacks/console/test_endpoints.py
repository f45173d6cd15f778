"""Every endpoint asked directly, and as somebody who may not."""

from __future__ import annotations

import dataclasses
import re

import pytest

from gateway.doors.console import app
from tests.attacks.console.browsers import Visitor

ENDPOINTS = [
    *(("GET", f"/-{page.path}") for page in app.PAGES),
    *((action.method, f"/-{action.path}") for action in app.ACTIONS),
]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "1", path)


@pytest.fixture
def called(monkeypatch):
    """Replace what every endpoint does by a note that it was reached."""
    reached: list[str] = []

    def noting(one, attribute):
        def call(visit):
            reached.append(one.path)
            return visit.go("/reached")

        return dataclasses.replace(one, **{attribute: call})

    monkeypatch.setattr(app, "PAGES", tuple(noting(page, "show") for page in app.PAGES))
    monkeypatch.setattr(app, "ACTIONS", tuple(noting(action, "call") for action in app.ACTIONS))
    return reached


def test_no_endpoint_answers_without_session_or_proof(make_console, lone_profiles, called):
    """401, empty, and neither the page nor the gateway is asked: without anything, with a proof only, with a cookie only."""
    owner = Visitor(make_console())
    owner.sign_in(lone_profiles / "auditor.json")
    nobody = Visitor(owner.console)
    for method, path in ENDPOINTS:
        for headers in ({}, {"Authorization": "Bearer x"}, {"DPoP": nobody.proof(method, filled(path))}):
            answer = nobody.client.request(method, filled(path), headers={"Origin": owner.origin} | headers)
            assert (answer.status_code, answer.content) == (401, b""), path
        cookie_only = owner.client.request(
            method, filled(path), headers={"Origin": owner.origin, "Sec-Fetch-Site": "none"}
        )
        assert (cookie_only.status_code, cookie_only.content) == (401, b""), path
    assert called == []


def test_every_endpoint_answers_with_session_and_proof(make_console, lone_profiles, called):
    """The twin: the same requests, by who signed in."""
    owner = Visitor(make_console())
    owner.sign_in(lone_profiles / "auditor.json")
    for method, path in ENDPOINTS:
        assert owner.ask(method, filled(path)).headers.get("HX-Redirect") == "/reached", path
    assert len(called) == len(ENDPOINTS)


def test_endpoints_take_no_other_method(make_console, lone_profiles, called):
    """Nothing is changed by a GET, a HEAD or a method of another kind."""
    owner = Visitor(make_console())
    owner.sign_in(lone_profiles / "auditor.json")
    for method, path in ENDPOINTS:
        for other in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} - {method}:
            owner.ask(other, filled(path))  # may be the address of another endpoint, of that method
            assert {(other, f"/-{reached}") for reached in called} <= set(ENDPOINTS), (other, path)
            called.clear()
        if method == "GET":
            head = owner.client.head(filled(path), headers={"DPoP": owner.proof("GET", filled(path))})
            assert (head.status_code, head.content) == (401, b"")
    assert called == []


def test_shells_hold_nothing(make_console):
    """What a page's address answers is the same for everybody and every page."""
    visitor = Visitor(make_console())
    shells = {visitor.client.get(filled(page.path)).text for page in app.PAGES}
    assert len({re.sub(r'content="\d+"', "", shell) for shell in shells}) == 1


def test_a_clerk_is_denied_what_is_the_auditors(make_console, lone_profiles):
    """The console asks with the clerk's own token, and the gateway denies; nothing of the log is shown."""
    clerk = Visitor(make_console())
    clerk.sign_in(lone_profiles / "nanjing-east-road.json")
    auditors = [page for page in app.PAGES if page.roles == {"auditor"}]
    for page in auditors:
        answer = clerk.ask("GET", f"/-{filled(page.path)}", headers={"X-Role": "auditor"})
        offered = answer.status_code == 200 and "failure" not in answer.text
        assert not offered or "<form" in answer.text, page.path  # a form to ask with is no secret


def test_unknown_addresses_and_errors_are_answered_in_the_consoles_own_words(make_console, lone_profiles, monkeypatch):
    """No stack traces, no texts of exceptions; every answer has the headers."""
    page = next(page for page in app.PAGES if page.path == "/overview")
    failing = dataclasses.replace(page, show=lambda visit: 1 / 0)
    monkeypatch.setattr(app, "PAGES", (failing,))
    visitor = Visitor(make_console())
    visitor.sign_in(lone_profiles / "auditor.json")
    broken = visitor.ask("GET", "/-/overview")
    absent, part, other = visitor.client.get("/x"), visitor.client.get("/-/x"), visitor.client.get("/login/profile")
    assert [answer.status_code for answer in (broken, absent, part, other)] == [500, 404, 404, 405]
    for answer in (broken, absent, part, other):
        assert "ZeroDivisionError" not in answer.text
        assert "division" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
