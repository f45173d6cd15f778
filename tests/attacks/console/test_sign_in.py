"""Signing in with what is not a token, not one's own, not in force; guessing codes; another gateway's address."""

from __future__ import annotations

import json

import pytest
from structlog.testing import capture_logs

from gateway.client import Profile
from gateway.doors.cli.local_city import free_port
from gateway.doors.console.codes import Codes
from gateway.doors.console.sign_in_texts import TROUBLES, Trouble
from tests.attacks.console.browsers import Visitor
from tests.attacks.console.conftest import Clock

CODES = "/login/codes"


def tried(visitor, profile: str) -> str:
    answer = visitor.ask("POST", "/login/profile", data={"profile": profile})
    assert "HX-Redirect" not in answer.headers
    assert "set-cookie" not in answer.headers
    return answer.text


def code_for(visitor, token: str, **headers: str):
    own = {"Authorization": f"Bearer {token}", "User-Agent": "gateway"} | headers
    return visitor.client.post(CODES, headers=own)


@pytest.fixture
def auditors_token(lone_profiles):
    return Profile.load(lone_profiles / "auditor.json").token


@pytest.mark.parametrize(
    "text", ["", "{}", "null", "[]", '"x"', "<html>", "\x00", '{"endpoint":"grpc://x:1","token":"a b","expires_at":"","office":""}',
             '{"endpoint":"grpc://x:1","token":"令牌","expires_at":"","office":""}',
             '{"endpoint":"grpc://x:1","token":"a.b.c","expires_at":"","office":""}']
)  # fmt: skip
def test_what_is_not_a_profile_is_said_to_be_none(make_console, text):
    """In both languages, with what to do; nothing of it comes back."""
    visitor = Visitor(make_console())
    assert TROUBLES[Trouble.NOT_A_PROFILE].what.zh in tried(visitor, text)
    visitor.client.cookies.set("language", "en")
    assert TROUBLES[Trouble.NOT_A_PROFILE].next.en in tried(visitor, text)


def test_a_forged_and_an_old_token_are_told_apart(make_console, lone_profiles):
    """The gateway refuses the one; of the other its own end is known."""
    text = (lone_profiles / "auditor.json").read_text("utf-8")
    profile = json.loads(text)
    head, payload, signature = profile["token"].split(".")
    forged = profile | {"token": f"{head}.{payload}.{signature[:-8]}AAAAAAAA"}
    assert TROUBLES[Trouble.TOKEN_UNKNOWN].what.zh in tried(Visitor(make_console()), json.dumps(forged))
    later = Clock(make_console().clock() + 31 * 86_400)
    assert TROUBLES[Trouble.TOKEN_EXPIRED].what.zh in tried(Visitor(make_console(clock=later)), text)


def test_the_gateway_that_a_profile_names_is_not_asked(make_console, lone_profiles):
    """A profile sends the console nowhere: the configured gateway is asked, and only that."""
    profile = json.loads((lone_profiles / "auditor.json").read_text("utf-8"))
    elsewhere = profile | {"endpoint": "grpc://169.254.169.254:80", "ca_certificate": "/etc/passwd"}
    answer = Visitor(make_console()).ask("POST", "/login/profile", data={"profile": json.dumps(elsewhere)})
    assert answer.headers["HX-Redirect"] == "/overview"


def test_a_gateway_that_is_not_reached_is_said_so(make_console, lone_profiles):
    """The token is not blamed."""
    visitor = Visitor(make_console(gateway=f"grpc://127.0.0.1:{free_port()}"))
    text = (lone_profiles / "auditor.json").read_text("utf-8")
    assert TROUBLES[Trouble.NO_GATEWAY].what.zh in tried(visitor, text)


def test_signing_in_needs_a_proof_that_was_not_used(make_console, lone_profiles):
    """Neither without one nor with one that somebody caught."""
    visitor = Visitor(make_console())
    body = {"profile": (lone_profiles / "auditor.json").read_text("utf-8")}
    headers = {"Origin": visitor.origin, "DPoP": visitor.proof("POST", "/login/profile")}
    assert "HX-Redirect" in visitor.client.post("/login/profile", headers=headers, data=body).headers
    for again in (headers, headers | {"DPoP": ""}):
        answer = visitor.client.post("/login/profile", headers=again, data=body)
        assert TROUBLES[Trouble.LATE_PAGE].what.zh in answer.text
        assert "set-cookie" not in answer.headers


def test_a_code_signs_in_once(make_console, auditors_token):
    """However it is typed; afterwards it is worth nothing. Neither code nor token stand in the log."""
    visitor = Visitor(make_console())
    with capture_logs() as said:
        made = code_for(visitor, auditors_token).json()
        assert (made["name"], made["seconds"]) == ("审计", 120)
        typed = made["code"].lower().replace("-", " ")
        assert visitor.ask("POST", "/login/code", data={"code": typed}).headers["HX-Redirect"] == "/overview"
        again = visitor.ask("POST", "/login/code", data={"code": typed})
    assert TROUBLES[Trouble.WRONG_CODE].what.zh in again.text
    assert made["code"] not in str(said)
    assert auditors_token not in str(said)


def test_a_code_ends(make_console, auditors_token):
    """After two minutes; after ten at most, whatever is asked for."""
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock))
    short = code_for(visitor, auditors_token).json()["code"]
    long = visitor.client.post(CODES, headers={"Authorization": f"Bearer {auditors_token}"}, data={"seconds": "999999"})
    assert long.json()["seconds"] == 600
    clock.now += 121
    assert "HX-Redirect" not in visitor.ask("POST", "/login/code", data={"code": short}).headers
    clock.now += 480
    assert "HX-Redirect" not in visitor.ask("POST", "/login/code", data={"code": long.json()["code"]}).headers


def test_codes_cannot_be_guessed(make_console, auditors_token):
    """Ten wrong ones, then a minute's wait, even with the right one."""
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock))
    code = code_for(visitor, auditors_token).json()["code"]
    for _ in range(10):
        visitor.ask("POST", "/login/code", data={"code": "2222-2222"})
    assert TROUBLES[Trouble.TOO_MANY].what.zh in visitor.ask("POST", "/login/code", data={"code": code}).text
    clock.now += 61
    assert "HX-Redirect" in visitor.ask("POST", "/login/code", data={"code": code}).headers


def test_codes_are_made_for_programs_on_this_machine_only(make_console, auditors_token):
    """Not for a page, not through a proxy, not from another machine, not without a token of the gateway's."""
    console = make_console()
    here, far = Visitor(console), Visitor(console, address="10.0.0.7")
    assert code_for(here, auditors_token, Origin=here.origin).status_code == 403
    assert code_for(here, auditors_token, **{"X-Forwarded-For": "10.0.0.7"}).status_code == 403
    assert code_for(far, auditors_token).status_code == 403
    assert code_for(here, auditors_token[:-4] + "AAAA").status_code == 401
    assert here.client.post(CODES).status_code == 401
    assert code_for(here, auditors_token).status_code == 200


def test_a_console_for_others_has_no_codes(make_console, auditors_token):
    """Behind a public address there is no way around the profile or the city's sign-in."""
    visitor = Visitor(make_console(public_url="https://console.city"))
    assert code_for(visitor, auditors_token).status_code == 404
    assert "code-form" not in visitor.client.get("/login").text


def test_codes_are_bounded():
    """The oldest makes room."""
    codes = Codes()
    made = [codes.issue(f"token {number}", now=0, seconds=60) for number in range(201)]
    assert codes.redeem(made[0], now=1) is None
    assert codes.redeem(made[200], now=1) == "token 200"
    assert codes.redeem(made[199], now=61) is None
