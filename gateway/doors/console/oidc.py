"""The city's own sign-in: OpenID Connect, authorization code with PKCE (RFC 7636), state and nonce.

Who starts it proves a key, and the session that it ends in is bound to that key, so that an answer smuggled into another browser
signs nobody in.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import jwt
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gateway.doors.console.sessions import Browser
from gateway.doors.console.settings import LOOPBACK, OidcSettings
from gateway.doors.console.sign_in_texts import SignInFailed, Trouble

_FLOW_SECONDS = 600
_FLOWS_MAX = 1_000
_ANSWER_SECONDS_MAX = 10
_CLOCK_SKEW_SECONDS = 30
_ALGORITHMS = ["ES256", "ES384", "RS256", "PS256", "EdDSA"]
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A sign-in that waits for the person's return."""

    browser: Browser
    """That started it."""
    after: str
    """Path to lead to."""
    earlier: bytes
    """Digest of the secret of the session that the browser had then: the return, from another site, brings no cookie of it."""
    binding: str = field(repr=False)
    """For a cookie of the browser that started it."""
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    provider: dict[str, Any]
    ends_at: float


class CitySignIn:
    """Leads people to the city's sign-in and takes the gateway's token that it gives them.

    Args:
        settings: Of the provider.
        redirect_uri: To which it leads back.
    """

    def __init__(self, settings: OidcSettings, *, redirect_uri: str) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._lock = threading.Lock()
        self._flows: OrderedDict[str, Flow] = OrderedDict()

    def start(self, browser: Browser, *, after: str, earlier: bytes, now: float) -> tuple[str, Flow]:
        """Return the address to go to, and what waits for the return.

        Raises:
            SignInFailed: The provider does not answer, or not as OpenID Connect Discovery demands.
        """
        provider = self._provider()
        flow = Flow(
            browser=browser,
            after=after,
            earlier=earlier,
            binding=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            nonce=secrets.token_urlsafe(24),
            provider=provider,
            ends_at=now + _FLOW_SECONDS,
        )
        state = secrets.token_urlsafe(32)
        address = prepare_grant_uri(
            provider["authorization_endpoint"],
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=self._redirect_uri,
            scope=self._settings.scope,
            state=state,
            nonce=flow.nonce,
            code_challenge=create_s256_code_challenge(flow.verifier),
            code_challenge_method="S256",
        )
        with self._lock:
            self._flows[state] = flow
            if len(self._flows) > _FLOWS_MAX:
                self._flows.popitem(last=False)
        return address, flow

    def take(self, state: str, *, binding: str, now: float) -> Flow:
        """Return what waited for this return, once.

        Raises:
            SignInFailed: Nothing did, or it was started by another browser.
        """
        with self._lock:
            flow = self._flows.pop(state, None)
        if flow is None or now >= flow.ends_at or not hmac.compare_digest(flow.binding.encode(), binding.encode()):
            raise SignInFailed(Trouble.CITY_MISMATCH)
        return flow

    def token(self, flow: Flow, *, code: str, issuer: str, now: float) -> str:
        """Return the access token that the provider gives for the code.

        Args:
            flow: That was taken.
            code: Of the provider.
            issuer: Who answered (RFC 9207); empty when it does not say so.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            SignInFailed: It gives none, or the ID token is not of this sign-in.
        """
        if issuer and issuer != self._settings.issuer:
            raise SignInFailed(Trouble.CITY_MISMATCH)
        try:
            answer = self._exchanged(flow, code=code)
            keys = httpx.get(flow.provider["jwks_uri"], timeout=_ANSWER_SECONDS_MAX).raise_for_status().json()
            claims = self._id_token(str(answer["id_token"]), keys=keys, now=now)
            same = hmac.compare_digest(str(claims["nonce"]).encode(), flow.nonce.encode())
        except httpx.HTTPError as error:
            raise SignInFailed(Trouble.CITY_NO_ANSWER) from error
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SignInFailed(Trouble.CITY_REFUSED) from error
        if not same:
            raise SignInFailed(Trouble.CITY_MISMATCH)
        return str(answer["access_token"])

    def _id_token(self, token: str, *, keys: dict[str, Any], now: float) -> dict[str, Any]:
        key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
        if key.algorithm_name not in _ALGORITHMS:
            raise ValueError("not an asymmetric key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._settings.client_id,
            issuer=self._settings.issuer,
            options={"require": ["iss", "aud", "sub", "iat", "exp", "nonce"], "verify_exp": False, "verify_iat": False},
        )
        if not claims["iat"] - _CLOCK_SKEW_SECONDS <= now < claims["exp"] + _CLOCK_SKEW_SECONDS:
            raise ValueError("not an ID token of now")
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise ValueError("an ID token for another")
        return claims

    def _provider(self) -> dict[str, Any]:
        issuer = self._settings.issuer
        try:
            answer = httpx.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration", timeout=_ANSWER_SECONDS_MAX)
            provider: dict[str, Any] = answer.raise_for_status().json()
            sound = provider["issuer"] == issuer and all(_is_safe(provider[name]) for name in _ENDPOINTS)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SignInFailed(Trouble.CITY_NO_ANSWER) from error
        if not sound:
            raise SignInFailed(Trouble.CITY_NO_ANSWER)
        return provider

    def _exchanged(self, flow: Flow, *, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._settings.client_id,
            "code_verifier": flow.verifier,
        }
        secret = self._settings.client_secret
        auth = httpx.BasicAuth(quote(form["client_id"]), quote(secret.read_text("utf-8").strip())) if secret else None
        answer = httpx.post(flow.provider["token_endpoint"], data=form, auth=auth, timeout=_ANSWER_SECONDS_MAX)
        if answer.is_client_error:
            raise SignInFailed(Trouble.CITY_REFUSED)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {*LOOPBACK, "::1"})
