"""Keys, requesters and tokens of every shape."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.directory import Directory, RequesterEntry
from catalog.vocabulary import Role
from gateway.authenticate import Issuer, TokenVerifier

ISSUER, OTHER_ISSUER, AUDIENCE, KEY_ID, OTHER_KEY_ID = "issuer", "other-issuer", "gateway", "key-1", "key-2"
KEY, OTHER_KEY, FORGERS_KEY = (Ed25519PrivateKey.generate() for _ in range(3))
NOW = int(time.time())
DAY = 86_400
LIFETIME_SECONDS_MAX = 30 * DAY

HEADER: dict[str, object] = {"alg": "EdDSA", "kid": KEY_ID, "typ": "JWT"}
CLAIMS: dict[str, object] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "clerk",
    "jti": "token-1",
    "iat": NOW - 10,
    "exp": NOW + 20 * DAY,
}


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(header: str | dict[str, object], claims: str | dict[str, object], key: Ed25519PrivateKey = KEY) -> str:
    """Return a token whose parts are exactly what was given, as JSON or as text, with a good signature of `key`."""
    parts = [segment((part if isinstance(part, str) else json.dumps(part)).encode()) for part in (header, claims)]
    text = ".".join(parts)
    return f"{text}.{segment(key.sign(text.encode()))}"


def token(*, header: dict[str, object] | None = None, without: str = "", **claims: object) -> str:
    """Return a well-signed token that differs from a good one in some header fields or claims only."""
    kept = {name: value for name, value in CLAIMS.items() if name != without}
    return signed(HEADER | (header or {}), kept | claims)


def jwks(key: Ed25519PrivateKey, key_id: str) -> str:
    public = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return json.dumps({"keys": [public | {"kid": key_id, "alg": "EdDSA"}]})


def make_verifier(folder: Path) -> TokenVerifier:
    """Return a verifier of two issuers with a key each."""
    issuers = []
    for issuer, key, key_id in ((ISSUER, KEY, KEY_ID), (OTHER_ISSUER, OTHER_KEY, OTHER_KEY_ID)):
        path = folder / f"{issuer}.json"
        path.write_text(jwks(key, key_id))
        issuers.append(
            Issuer.from_jwks(
                path,
                issuer=issuer,
                audience=AUDIENCE,
                algorithms=("EdDSA",),
                lifetime_seconds_max=LIFETIME_SECONDS_MAX,
            )
        )
    return TokenVerifier(issuers, clock_seconds=lambda: NOW)


def make_directory() -> Directory:
    """Return a directory with a good, a disabled and a misplaced requester."""
    return Directory(
        (
            _entry("clerk", office="310101002"),
            _entry("disabled", office="310101002", disabled=True),
            _entry("misplaced", office="no-such-office"),
        )
    )


def _entry(subject: str, *, office: str, disabled: bool = False) -> RequesterEntry:
    return RequesterEntry(
        subject=subject,
        display_name=subject,
        office=office,
        roles=frozenset({Role.CLERK}),
        clearance="general-3",
        disabled=disabled,
    )
