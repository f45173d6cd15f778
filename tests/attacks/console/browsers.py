"""A browser that signs its requests, without a screen; and one that bends the rules."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from gateway.doors.console.app import Console

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def proof_of(
    key: ec.EllipticCurvePrivateKey,
    *,
    method: str,
    url: str,
    at: float | None = None,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Return a proof; `header` and `claims` replace what it should say."""
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    said = {"htm": method, "htu": url, "iat": int(time.time() if at is None else at), "jti": str(uuid.uuid4())}
    return jwt.encode(
        said | claims, key, algorithm="ES256", headers={"typ": "dpop+jwt", "jwk": public} | (header or {})
    )


@dataclass
class Visitor:
    """A browser before one console, whose requests need no network."""

    console: Console
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    agent: str = AGENT
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self.origin = self.console.settings.origin
        self.client = TestClient(
            self.console.application(),
            base_url=self.origin,
            follow_redirects=False,
            headers={"user-agent": self.agent},
            client=(self.address, 40_000),
        )

    def proof(self, method: str, path: str, **bent: Any) -> str:
        bent.setdefault("at", self.console.clock())
        return proof_of(self.key, method=method, url=self.origin + path.partition("?")[0], **bent)

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Send a request as a page of the console does."""
        own = {"DPoP": self.proof(method, path), "Origin": self.origin}
        return self.client.request(method, path, headers=own | (headers or {}), **more)

    def sign_in(self, profile: Path, **form: str) -> httpx.Response:
        """Sign in with a profile file."""
        answer = self.ask("POST", "/login/profile", data={"profile": profile.read_text("utf-8"), **form})
        assert "HX-Redirect" in answer.headers, answer.text
        return answer

    @property
    def cookie(self) -> str:
        """The session's secret."""
        return self.client.cookies[self.console.cookie]

    def steal(self, cookie: str) -> None:
        """Use a cookie of another browser."""
        self.client.cookies.set(self.console.cookie, cookie, domain=self.origin.rpartition(":")[0].partition("://")[2])
