"""Other sites, other hosts, frames, large bodies, and addresses that lead away."""

from __future__ import annotations

import datetime
import ssl

import httpx
import pytest
from pydantic import ValidationError

from gateway.client import Profile
from gateway.doors.cli.certificates import Authority
from gateway.doors.cli.local_city import free_port
from gateway.doors.console import security
from gateway.doors.console.settings import ConsoleSettings
from tests.attacks.console.browsers import Visitor
from tests.browser.conftest import served

OUT = "/-/sign-out"


@pytest.fixture
def clerk(make_console, lone_profiles):
    visitor = Visitor(make_console())
    visitor.sign_in(lone_profiles / "nanjing-east-road.json")
    return visitor


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "", None])
def test_a_post_of_another_site_is_refused(clerk, origin):
    """Whatever it brings along, and also a form whose origin is not known."""
    headers = {"DPoP": clerk.proof("POST", OUT)} | ({"Origin": origin} if origin is not None else {})
    assert clerk.client.post(OUT, headers=headers).status_code == 403
    assert clerk.ask("GET", "/-/session").status_code == 200


def test_twin_without_the_check_another_sites_post_arrives(clerk, monkeypatch):
    """The same POST ends the session when origins are not compared."""
    monkeypatch.setattr(security, "_SAFE", {"GET", "HEAD", "POST"})
    headers = {"DPoP": clerk.proof("POST", OUT), "Origin": "http://evil.example"}
    assert clerk.client.post(OUT, headers=headers).status_code == 200
    assert clerk.ask("GET", "/-/session").status_code == 401


def test_a_form_signs_nothing(clerk):
    """Without the origin's check a form of another site would still end no session."""
    kept = clerk.cookie
    clerk.client.post(OUT, headers={"Origin": clerk.origin, "Sec-Fetch-Site": "cross-site"})
    clerk.steal(kept)
    assert clerk.ask("GET", "/-/session").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:9999", "127.0.0.1", "localhost:8816", "evil.example:8816", ""]
)
def test_another_host_is_refused(clerk, host):
    """DNS rebinding: a name that leads to this machine is not the console's."""
    for path in ("/", "/login", "/-/session", "/static/console.css"):
        assert clerk.client.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/", "/login", "/overview", "/-/session", "/static/console.css", "/nothing", "/language/en"]
)
def test_every_answer_has_the_headers(clerk, path):
    """No frames, no sniffing, no referrer, no other site's scripts, nothing kept in caches."""
    headers = clerk.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
    assert "server" not in headers


def test_cookies_over_https_are_bound_to_the_host(make_console, lone_profiles):
    """`__Host-`, Secure, HttpOnly, SameSite=Strict; browsers come back over https only."""
    visitor = Visitor(make_console(public_url="https://console.city"))
    answer = visitor.sign_in(lone_profiles / "auditor.json")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    assert "Domain" not in cookie
    assert all(flag in cookie for flag in ("Path=/", "Secure", "HttpOnly", "SameSite=strict"))
    assert "max-age=" in answer.headers["strict-transport-security"]
    assert visitor.ask("GET", "/-/session").status_code == 200


def test_a_large_body_is_refused_before_it_is_read(clerk):
    """By its stated length, and when it states none."""
    megabytes = b"x" * (2 << 20)
    headers = {"Origin": clerk.origin, "Content-Type": "application/x-www-form-urlencoded"}
    assert clerk.client.post("/login/profile", content=megabytes, headers=headers).status_code == 413
    stated = clerk.client.post("/login/profile", content=b"x", headers=headers | {"Content-Length": "9" * 30})
    assert stated.status_code == 413
    pieces = (b"x" * 65_536 for _ in range(32))
    assert clerk.client.post("/login/profile", content=pieces, headers=headers).status_code == 413


@pytest.mark.parametrize(
    "away",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\evil", "javascript:alert(1)", "/overview/../..//evil",
     "/%2f%2fevil.example", "/nothing", "/overview\r\nSet-Cookie: a=b", "", "/-/session", "/" + "x" * 2_000],
)  # fmt: skip
def test_nobody_is_led_away(clerk, lone_profiles, away):
    """Neither by the language's switch nor after signing in."""
    assert clerk.client.get("/language/en", params={"to": away}).headers["location"] == "/"
    assert clerk.sign_in(lone_profiles / "auditor.json", next=away).headers["HX-Redirect"] == "/overview"
    page = clerk.client.get("/login", params={"next": away}).text
    assert 'data-next="/overview"' in page


def test_one_returns_to_the_page_one_was_on(clerk, lone_profiles):
    """The path of a page of the console is kept."""
    assert clerk.client.get("/language/en", params={"to": "/overview"}).headers["location"] == "/overview"
    assert clerk.client.get("/language/en", params={"to": "/login"}).headers["location"] == "/login"
    assert clerk.sign_in(lone_profiles / "auditor.json", next="/overview").headers["HX-Redirect"] == "/overview"


def test_it_is_served_over_tls(lone_profiles, tmp_path):
    """With a certificate it answers over TLS only, and says that browsers must come back so."""
    now = datetime.datetime.now(datetime.UTC)
    Authority.make(tmp_path, now=now).issue_gateway(tmp_path, now=now, days=1, hosts=["127.0.0.1"])
    settings = ConsoleSettings(
        listen=f"127.0.0.1:{free_port()}",
        gateway=Profile.load(lone_profiles / "auditor.json").endpoint,
        certificate=tmp_path / "gateway.pem",
        private_key=tmp_path / "gateway.key",
        directory=tmp_path / "console",
    )
    with served(settings) as url:
        assert url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        answer = httpx.get(f"{url}/login", verify=trusted)
        assert answer.status_code == 200
        assert "strict-transport-security" in answer.headers
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"{url.replace('https', 'http')}/login")


@pytest.mark.parametrize(
    "settings",
    [
        {"listen": "10.0.0.1:8816"},
        {"public_url": "http://console.city"},
        {"public_url": "https://console.city/path"},
        {"public_url": "https://console.city", "certificate": "x.pem"},
        {"listen": "0.0.0.0:443", "certificate": "x.pem", "private_key": "x.key"},
        {"public_url": "http://localhost@evil.example"},
    ],
)
def test_settings_that_would_be_unsafe_are_refused(settings):
    """Beyond loopback there is no console without TLS, nor one that does not know its own address."""
    with pytest.raises(ValidationError):
        ConsoleSettings(**settings)
