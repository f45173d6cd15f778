"""Session options: what a cookie may say, and how little it matters what it says."""

from __future__ import annotations

import base64
import json

import pytest

from gateway.doors.call import request_context
from gateway.doors.flight_sql.sessions import change, read_session, set_cookie
from sharing_stubs.arrow.flight.flight_pb2 import SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult

TEXT, YES = SessionOptionValue(string_value="window-service"), SessionOptionValue(bool_value=True)


class Call:
    """A call with headers."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self._headers = headers

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._headers


def session(cookie: str) -> dict[str, str]:
    return read_session(Call(("cookie", cookie)))


def forged(options: object) -> dict[str, str]:
    return session("sharing-session=" + base64.urlsafe_b64encode(json.dumps(options).encode()).decode())


def changed(**options: SessionOptionValue) -> tuple[dict[str, str], dict[str, int]]:
    now, result = change({"case": "C-1"}, SetSessionOptionsRequest(session_options=options))
    return now, {name: error.value for name, error in result.errors.items()}


def test_options_come_back_with_the_cookie() -> None:
    """What was set is read from the next call, among other cookies too."""
    options, errors = changed(purpose=TEXT, partial=YES, parts=SessionOptionValue(string_value="allow"))
    assert errors == {}
    assert options == {"case": "C-1", "purpose": "window-service", "partial": "allow", "parts": "allow"}
    name, cookie = set_cookie(options)
    assert name == "set-cookie"
    assert session(f"other=1; {cookie}; more=2") == options


def test_an_option_without_a_value_is_unset() -> None:
    """As Flight has it; and without any option the cookie is taken away."""
    assert changed(case=SessionOptionValue()) == ({}, {})
    assert changed(partial=SessionOptionValue(bool_value=False), catalog=SessionOptionValue(string_value="")) == (
        {"case": "C-1"},
        {},
    )
    assert set_cookie({}) == ("set-cookie", "sharing-session=; Max-Age=0")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("office", TEXT, SetSessionOptionsResult.INVALID_NAME),
        ("authorization", TEXT, SetSessionOptionsResult.INVALID_NAME),
        ("purpose", SessionOptionValue(int64_value=1), SetSessionOptionsResult.INVALID_VALUE),
        ("purpose", YES, None),
        ("purpose", SessionOptionValue(string_value="x" * 257), SetSessionOptionsResult.INVALID_VALUE),
        ("case", SessionOptionValue(string_value="a\nb"), SetSessionOptionsResult.INVALID_VALUE),
        ("partial", SessionOptionValue(string_value="maybe"), SetSessionOptionsResult.INVALID_VALUE),
        ("catalog", TEXT, SetSessionOptionsResult.INVALID_VALUE),
    ],
)
def test_only_what_a_header_may_declare_is_an_option(name: str, value: SessionOptionValue, error: int | None) -> None:
    """Other names and values are answered with Flight's own error, and change nothing."""
    options, errors = changed(**{name: value})
    assert errors == ({} if error is None else {name: error})
    if error is not None:
        assert options == {"case": "C-1"}


@pytest.mark.parametrize(
    "options",
    [
        {"office": "310101013"},
        {"purpose": "x", "roles": "administrator"},
        {"purpose": ["x"]},
        {"purpose": None},
        {"purpose": "x" * 257},
        {"purpose": "nul\0"},
        ["purpose"],
        "purpose",
        7,
    ],
    ids=str,
)
def test_a_forged_cookie_counts_as_none(options: object) -> None:
    """One bad option spoils the whole cookie."""
    assert forged(options) == {}


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "sharing-session=",
        "sharing-session=%%%",
        "sharing-session=e30",
        "sharing-session=e",
        "other=1",
        "=;=;",
        "a" * 5000,
    ],
)
def test_a_malformed_cookie_counts_as_none(cookie: str) -> None:
    """Garbage is no error: the call goes on with its headers."""
    assert session(cookie) == {}


def test_an_oversized_or_repeated_cookie_counts_as_none() -> None:
    """Bounded before it is decoded."""
    cookie = set_cookie({"purpose": "x"})[1]
    assert session(cookie) == {"purpose": "x"}
    assert session(cookie + "; filler=" + "x" * 4096) == {}
    assert read_session(Call(("cookie", cookie), ("cookie", cookie))) == {}


def test_headers_outrank_the_session() -> None:
    """A header that stands counts, also an empty one; one that stands twice counts as none."""
    options = {"purpose": "from-session", "case": "C-1", "partial": "allow"}

    def context(*headers: tuple[str, str]) -> tuple[str, str, bool]:
        asked = request_context(Call(*headers), channel="flight_sql", now=0.0, session=options)
        return asked.purpose, asked.case, asked.partial

    assert context() == ("from-session", "C-1", True)
    assert context(("x-sharing-purpose", "declared"), ("x-sharing-partial", "")) == ("declared", "C-1", False)
    assert context(("x-sharing-purpose", "a"), ("x-sharing-purpose", "b")) == ("", "C-1", True)
