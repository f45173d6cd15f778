"""Session options: a cookie that the client carries, of what its calls may declare in headers anyway.

The gateway keeps nothing and trusts nothing in it, so it is not signed; explicit headers outrank it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

import grpc

from gateway import headers
from gateway.doors.call import header
from sharing_stubs.arrow.flight import flight_pb2

NAME = "sharing-session"
COOKIE_BYTES_MAX = 4096
VALUE_LENGTH_MAX = 256
_ALLOWED: Mapping[str, str] = {
    **dict.fromkeys(("True", "true", headers.ALLOW), headers.ALLOW),
    **dict.fromkeys(("False", "false", ""), ""),
}
_CHOICES: Mapping[str, Mapping[str, str]] = {
    "partial": _ALLOWED,
    "parts": _ALLOWED,
    "catalog": {"": ""},  # There are none, and drivers set the empty one.
}
_NAMES = frozenset({"purpose", "case", *_CHOICES})


def read_session(context: grpc.ServicerContext) -> dict[str, str]:
    """Return the options of a call's cookie; none when it is missing, malformed or too long."""
    text = header(context, "cookie")
    if text is None or len(text) > COOKIE_BYTES_MAX:
        return {}
    try:
        morsel = SimpleCookie(text).get(NAME)
        encoded = morsel.value if morsel else ""
        options = json.loads(base64.b64decode(encoded, altchars=b"-_", validate=True)) if encoded else {}
    except (CookieError, binascii.Error, ValueError, RecursionError):
        return {}
    known = isinstance(options, dict) and options.keys() <= _NAMES
    return options if known and all(_is_value(value) for value in options.values()) else {}


def set_cookie(options: Mapping[str, str]) -> tuple[str, str]:
    """Return the header that gives a client its options; without any, the one that takes the cookie away."""
    if not options:
        return ("set-cookie", f"{NAME}=; Max-Age=0")
    return ("set-cookie", f"{NAME}={base64.urlsafe_b64encode(json.dumps(options).encode()).decode()}")


def change(
    options: Mapping[str, str], request: flight_pb2.SetSessionOptionsRequest
) -> tuple[dict[str, str], flight_pb2.SetSessionOptionsResult]:
    """Return the options as a request changes them, and what could not be changed. An option without a value is unset."""
    changed, result = dict(options), flight_pb2.SetSessionOptionsResult()
    for name, given in request.session_options.items():
        text = _kept(name, given)
        if name not in _NAMES:
            result.errors[name].value = result.INVALID_NAME
        elif text is None:
            result.errors[name].value = result.INVALID_VALUE
        elif text:
            changed[name] = text
        else:
            changed.pop(name, None)
    return changed, result


def _kept(name: str, given: flight_pb2.SessionOptionValue) -> str | None:
    """Return the text that is kept for a value, None when the option cannot have it."""
    kind = given.WhichOneof("option_value")
    if kind not in (None, "string_value", "bool_value"):
        return None
    text = str(getattr(given, kind)) if kind else ""
    return _CHOICES[name].get(text) if name in _CHOICES else text if _is_value(text) else None


def _is_value(value: object) -> bool:
    return isinstance(value, str) and len(value) <= VALUE_LENGTH_MAX and value.isprintable()


def session_values(options: Mapping[str, str]) -> flight_pb2.GetSessionOptionsResult:
    """Return the options of a session as the client reads them."""
    values = {name: flight_pb2.SessionOptionValue(string_value=text) for name, text in options.items()}
    return flight_pb2.GetSessionOptionsResult(session_options=values)
