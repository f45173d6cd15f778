"""Attacks on sessions: stolen, fixed, outlived, crowded out."""

from __future__ import annotations

import dataclasses

import jwt
import pytest
from structlog.testing import capture_logs

from gateway.client import Profile
from gateway.doors.console import app
from gateway.doors.console.proof import Proof
from tests.attacks.console.browsers import Visitor, new_key
from tests.attacks.console.conftest import Clock

PAGE = "/-/session"


@pytest.fixture
def auditor(make_console, lone_profiles):
    visitor = Visitor(make_console())
    visitor.sign_in(lone_profiles / "auditor.json")
    assert visitor.ask("GET", PAGE).status_code == 200
    return visitor


def thief(owner, **other):
    stolen = Visitor(owner.console, **other)
    stolen.steal(owner.cookie)
    return stolen


def test_a_stolen_cookie_with_another_key_opens_nothing_and_ends_the_session(auditor):
    """The owner is led to the sign-in and told why; the console's own log has it, without the secret."""
    with capture_logs() as said:
        refused = thief(auditor).ask("GET", PAGE)
        assert (refused.status_code, refused.content) == (401, b"")
    assert auditor.ask("GET", PAGE).headers["HX-Redirect"] == "/login?why=elsewhere"
    assert [entry["why"] for entry in said if entry["event"] == "a session has ended"] == ["elsewhere"]
    assert auditor.cookie not in str(said)


def test_a_stolen_cookie_without_proof_opens_nothing_and_ends_the_session(auditor):
    """A program that has nothing but the cookie."""
    stolen = thief(auditor)
    assert stolen.client.get(PAGE).status_code == 401
    assert auditor.ask("GET", PAGE).status_code == 401


def test_another_sites_request_does_not_end_the_session(auditor):
    """A picture on another port of this machine brings the cookie, too, but the browser says whose request it is."""
    assert auditor.client.get(PAGE, headers={"Sec-Fetch-Site": "same-site"}).status_code == 401
    assert auditor.ask("GET", PAGE).status_code == 200


@pytest.mark.parametrize("other", [{"agent": "curl/8"}, {"address": "10.0.0.7"}])
def test_cookie_and_key_from_elsewhere_open_nothing(auditor, other):
    """Even who could use the key is refused on another machine."""
    assert thief(auditor, key=auditor.key, **other).ask("GET", PAGE).status_code == 401
    assert auditor.ask("GET", PAGE).status_code == 401


def test_twin_without_the_proof_a_stolen_cookie_opens_everything(auditor, monkeypatch):
    """What protects is the proof: without its check the thief is the auditor."""
    owners = next(iter(auditor.console.sessions._sessions.values())).browser
    monkeypatch.setattr(auditor.console, "proven", lambda request: (Proof(key="any", id=str(id(request))), owners))
    stolen = thief(auditor)
    assert stolen.client.get(PAGE).status_code == 200


def test_a_replayed_proof_opens_nothing(auditor):
    """The same signed request, sent again; the owner may go on."""
    headers = {"DPoP": auditor.proof("POST", PAGE), "Origin": auditor.origin}
    assert auditor.client.post(PAGE, headers=headers).status_code == 200
    again = auditor.client.post(PAGE, headers=headers)
    assert (again.status_code, again.content) == (401, b"")
    assert auditor.ask("GET", PAGE).status_code == 200


@pytest.mark.parametrize(
    "bent",
    [{"method": "GET"}, {"path": "/-/sign-out"}, {"at": -61.0}, {"at": 61.0}],
    ids=["method", "path", "old", "new"],
)
def test_a_proof_of_another_request_or_time_opens_nothing(auditor, bent):
    """A proof that somebody caught is good for nothing else."""
    at = auditor.console.clock() + bent.get("at", 0)
    proof = auditor.proof(bent.get("method", "POST"), bent.get("path", PAGE), at=at)
    answer = auditor.client.post(PAGE, headers={"DPoP": proof, "Origin": auditor.origin})
    assert (answer.status_code, answer.content) == (401, b"")


def test_a_cookie_from_before_the_sign_in_is_not_kept(make_console, lone_profiles):
    """No session fixation: the secret is always new."""
    visitor = Visitor(make_console())
    visitor.steal("chosen-by-the-attacker")
    answer = visitor.sign_in(lone_profiles / "auditor.json")
    assert "chosen-by-the-attacker" not in answer.headers["set-cookie"]
    planted = thief(visitor)
    planted.steal("chosen-by-the-attacker")
    assert planted.ask("GET", PAGE).status_code == 401


def test_signing_in_anew_ends_the_former_session_only_in_the_same_browser(auditor, lone_profiles):
    """Pages that still ask with the former key are opened anew and do not end the new session."""
    former = auditor.cookie
    old_key, auditor.key = auditor.key, new_key()
    auditor.sign_in(lone_profiles / "nanjing-east-road.json")
    late = thief(auditor, key=old_key).ask("GET", PAGE)
    assert (late.status_code, late.headers.get("HX-Refresh")) == (401, "true")
    assert auditor.ask("GET", PAGE).status_code == 200
    auditor.steal(former)
    assert auditor.ask("GET", PAGE).headers["HX-Redirect"] == "/login?why=anew"


def test_signing_out_ends_the_session(auditor):
    """The cookie is deleted, and worth nothing to who kept it."""
    kept = auditor.cookie
    answer = auditor.ask("POST", "/-/sign-out")
    assert answer.headers["HX-Redirect"] == "/login?why=out"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    auditor.steal(kept)
    assert auditor.ask("GET", PAGE).headers["HX-Redirect"] == "/login?why=out"


def test_a_session_ends_when_nothing_was_done(make_console, lone_profiles):
    """What a page asks by itself does not count; what somebody does counts."""
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock))
    visitor.sign_in(lone_profiles / "auditor.json")
    clock.now += 800
    assert "一分钟" not in visitor.ask("GET", PAGE).text
    clock.now += 60
    assert "一分钟" in visitor.ask("GET", PAGE).text
    assert "一分钟" not in visitor.ask("POST", PAGE).text
    clock.now += 899
    assert visitor.ask("GET", PAGE).status_code == 200
    clock.now += 2
    assert visitor.ask("GET", PAGE).headers["HX-Redirect"] == "/login?why=idle"


def test_a_session_ends_after_eight_hours(make_console, lone_profiles):
    """However busy somebody is."""
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock))
    visitor.sign_in(lone_profiles / "auditor.json")
    for _ in range(47):
        clock.now += 600
        assert visitor.ask("POST", PAGE).status_code == 200
    clock.now += 601
    assert visitor.ask("POST", PAGE).headers["HX-Redirect"] == "/login?why=time"


def test_a_session_ends_with_its_token(make_console, lone_profiles, provider):
    """The token's own end counts; a later one written into the profile does not prolong it."""
    profile = Profile.load(lone_profiles / "auditor.json")
    exp = jwt.decode(profile.token, options={"verify_signature": False})["exp"]
    clock = Clock(exp - 100)
    visitor = Visitor(make_console(clock=clock))
    longer = profile.model_copy(update={"expires_at": "2099-01-01T00:00:00+00:00"}).model_dump_json(exclude_none=True)
    assert "HX-Redirect" in visitor.ask("POST", "/login/profile", data={"profile": longer}).headers
    clock.now += 101
    assert visitor.ask("GET", PAGE).headers["HX-Redirect"] == "/login?why=token"


def test_sessions_are_bounded_and_nobody_takes_everybodys_place(make_console, lone_profiles):
    """One requester has ten at most; beyond `sessions_max` the one idle for longest ends."""
    console = make_console(sessions_max=12)
    clerk = Visitor(console)
    clerk.sign_in(lone_profiles / "nanjing-east-road.json")
    auditors = [Visitor(console) for _ in range(14)]
    for visitor in auditors:
        visitor.sign_in(lone_profiles / "auditor.json")
    assert clerk.ask("GET", PAGE).status_code == 200
    assert [visitor.ask("GET", PAGE).status_code for visitor in auditors] == [401] * 4 + [200] * 10
    for name in ("changfeng", "administrator"):
        Visitor(console).sign_in(lone_profiles / f"{name}.json")
    assert len(console.sessions._sessions) == 12


def test_nothing_else_is_closed_when_a_page_fails_to_let_go(auditor, lone_profiles, monkeypatch):
    """A part that fails keeps neither the connection open nor other sessions."""
    session = next(iter(auditor.console.sessions._sessions.values()))
    monkeypatch.setattr(session.downloads, "close", lambda: 1 / 0)
    auditor.console.sessions.close_all()
    assert session.closed
    with pytest.raises(ValueError, match="closed channel"):
        session.connection.catalog.requester()


@pytest.mark.parametrize("forged", [{"role": "auditor"}, {"requester": "auditor", "roles": "auditor,administrator"}])
def test_a_role_in_form_cookie_or_header_changes_nothing(make_console, lone_profiles, monkeypatch, forged):
    """Who somebody is comes from the gateway, by the token."""
    seen = []
    page = next(page for page in app.PAGES if page.path == "/overview")

    def show(visit):
        seen.append((visit.session.subject, tuple(visit.session.requester.roles)))
        return visit.go("/overview")

    monkeypatch.setattr(app, "PAGES", (dataclasses.replace(page, show=show),))
    visitor = Visitor(make_console())
    visitor.sign_in(lone_profiles / "nanjing-east-road.json", **forged)
    for name, value in forged.items():
        visitor.client.cookies.set(name, value)
    visitor.ask("GET", "/-/overview", headers={f"X-{name}": value for name, value in forged.items()}, params=forged)
    assert seen == [("nanjing-east-road", ("clerk",))]
