"""The city's sign-in: to the end, and every answer that was not asked for."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.client import Profile
from gateway.doors.console.settings import OidcSettings
from gateway.doors.console.sign_in_texts import Ending
from tests.attacks.console.browsers import Visitor, new_key
from tests.attacks.console.conftest import Clock
from tests.fakes.oidc_provider import CLIENT


@pytest.fixture
def bent(provider, monkeypatch):
    """Return a function that bends the provider for one test."""
    return lambda **how: [monkeypatch.setattr(provider, name, value) for name, value in how.items()]


@pytest.fixture
def settings(city_profiles, provider):
    """Of a console before the gateway that accepts the provider's tokens."""
    gateway = Profile.load(city_profiles / "auditor.json").endpoint
    return {"gateway": gateway, "oidc": OidcSettings(issuer=provider.issuer, client_id=CLIENT)}


@pytest.fixture
def visitor(make_console, settings):
    return Visitor(make_console(**settings))


def away(visitor, **form: str) -> str:
    """Start, go to the provider, and return the address it leads back to."""
    started = visitor.ask("POST", "/login/city", data=form)
    return httpx.get(started.headers["HX-Redirect"]).headers["location"]


def back(visitor, address: str) -> str:
    """Return where the return leads."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == visitor.origin
    answer = visitor.client.get(f"{parts.path}?{parts.query}")
    return answer.headers.get("location") or re.search('data-next="([^"]+)"', answer.text)[1]


def signed_in(visitor) -> bool:
    return visitor.ask("GET", "/-/session").status_code == 200


def test_the_citys_token_signs_in_and_leads_back(visitor, provider):
    """Code, PKCE, state and nonce; the access token is the gateway's, and the cookie is same-site."""
    assert back(visitor, away(visitor, next="/overview")) == "/overview"
    assert signed_in(visitor)
    sent = provider.token_requests[-1]
    assert len(sent["code_verifier"]) >= 43
    assert next(iter(visitor.console.sessions._sessions.values())).requester.subject == "auditor"


def test_the_local_citys_tokens_will_do(visitor, bent, city_profiles):
    """A provider may hand out tokens of any issuer that the gateway accepts."""
    bent(access_token=Profile.load(city_profiles / "changfeng.json").token)
    assert back(visitor, away(visitor)) == "/overview"
    assert next(iter(visitor.console.sessions._sessions.values())).requester.subject == "changfeng"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"refuses": "access_denied"}, "city-refused"),
        ({"nonce": "another"}, "city-mismatch"),
        ({"access_token": "opaque"}, "city-token"),
        ({"subject": "nobody"}, "city-token"),
    ],
)
def test_an_answer_that_does_not_fit_signs_nobody_in(visitor, bent, how, why):
    """Refused, of another sign-in, or with a token that the gateway does not accept."""
    bent(**how)
    assert back(visitor, away(visitor)) == f"/login?why={why}"
    assert not signed_in(visitor)


def test_an_id_token_of_another_key_signs_nobody_in(visitor, bent, provider, monkeypatch):
    """The provider's published keys count."""
    address = away(visitor)
    published = provider.jwks()
    monkeypatch.setattr(type(provider), "jwks", lambda self: published.replace('"x": "', '"x": "A'))
    assert back(visitor, address) == "/login?why=city-refused"


def test_an_answer_smuggled_into_another_browser_signs_nobody_in(visitor, make_console):
    """Login CSRF: the attacker's code and state, opened by the victim, whose browser did not start it."""
    address = away(visitor)
    victim = Visitor(visitor.console)
    assert back(victim, address) == "/login?why=city-mismatch"
    assert not signed_in(victim)


def test_the_session_is_bound_to_the_key_that_started_it(visitor):
    """Who gets hold of the cookie of the return has nothing."""
    back(visitor, away(visitor))
    thief = Visitor(visitor.console)
    thief.steal(visitor.cookie)
    assert not signed_in(thief)


def test_the_session_before_ends_with_the_return_and_not_before(visitor):
    """The return comes from another site and brings no cookie of the session that was open when it began."""
    back(visitor, away(visitor))
    before = visitor.cookie
    visitor.key = new_key()
    address = away(visitor)
    assert visitor.console.sessions.why(before) is None
    visitor.client.cookies.delete(visitor.console.cookie)
    back(visitor, address)
    assert visitor.console.sessions.why(before) is Ending.SIGNED_IN_ANEW
    assert signed_in(visitor)


def test_an_answer_holds_once_and_ten_minutes(make_console, settings):
    """Neither a second time nor later; neither with another state nor from another issuer."""
    clock = Clock(make_console().clock())
    visitor = Visitor(make_console(clock=clock, **settings))
    address = away(visitor)
    assert back(visitor, address) == "/overview"
    assert back(visitor, address) == "/login?why=city-mismatch"
    state = parse_qs(urlsplit(away(visitor)).query)["state"][0]
    assert back(visitor, address.replace(address.partition("state=")[2][:20], "x" * 20)) == "/login?why=city-mismatch"
    assert len(state) >= 40
    late = away(visitor)
    clock.now += 601
    assert back(visitor, late) == "/login?why=city-mismatch"
    clock.now -= 601
    other = away(visitor).replace("iss=http", "iss=https")
    assert back(visitor, other) == "/login?why=city-mismatch"


def test_a_sign_in_begun_in_two_tabs_ends_in_the_later_one(visitor):
    """The later start takes the cookie; that the earlier one does not fit leaves it its own."""
    earlier, later = away(visitor), away(visitor)
    assert back(visitor, earlier) == "/login?why=city-mismatch"
    assert back(visitor, later) == "/overview"
    assert signed_in(visitor)


def test_it_does_not_start_without_a_proof(visitor):
    """A page of somebody else cannot begin it."""
    answer = visitor.client.post("/login/city", headers={"Origin": visitor.origin})
    assert "HX-Redirect" not in answer.headers


def test_a_provider_that_does_not_answer_is_said_so(make_console, provider):
    """Also one that names another issuer than it is asked as."""
    for issuer in ("http://127.0.0.1:9", f"{provider.issuer}/"):
        visitor = Visitor(make_console(oidc=OidcSettings(issuer=issuer, client_id=CLIENT)))
        assert "没有应答" in visitor.ask("POST", "/login/city").text
