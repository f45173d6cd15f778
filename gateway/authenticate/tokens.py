"""Bearer tokens: JWT (RFC 7519) with the checks of RFC 8725."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Unauthenticated
from gateway.messages import Reason

TOKEN_BYTES_MAX = 8 * 1024
CLOCK_SKEW_SECONDS = 30
ASYMMETRIC_ALGORITHMS = frozenset({"EdDSA", "ES256", "ES384", "RS256", "PS256"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who may issue tokens, with which keys and for how long."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    keys: Mapping[str, jwt.PyJWK]
    """By key id."""
    lifetime_seconds_max: int

    @classmethod
    def from_jwks(
        cls, path: Path, *, issuer: str, audience: str, algorithms: Sequence[str], lifetime_seconds_max: int
    ) -> Issuer:
        """Read the public keys from a JWKS file; keys for other algorithms are left out.

        Raises:
            ValueError: An algorithm is not asymmetric, a key has no id of its own, or no key is left.
            OSError: The file cannot be read.
        """
        if not algorithms or not set(algorithms) <= ASYMMETRIC_ALGORITHMS:
            raise ValueError(f"issuer '{issuer}': algorithms must be among {sorted(ASYMMETRIC_ALGORITHMS)}")
        try:
            found = jwt.PyJWKSet.from_json(path.read_text("utf-8")).keys
        except (jwt.PyJWTError, AttributeError) as error:
            raise ValueError(f"{path}: not a set of keys: {error}") from error
        keys = [key for key in found if key.algorithm_name in algorithms]
        if not keys or not all(key.key_id for key in keys) or len({key.key_id for key in keys}) != len(keys):
            raise ValueError(f"{path}: needs keys for {', '.join(algorithms)}, each with its own 'kid'")
        return cls(
            issuer=issuer,
            audience=audience,
            algorithms=tuple(algorithms),
            keys={str(key.key_id): key for key in keys},
            lifetime_seconds_max=lifetime_seconds_max,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """What a verified token says."""

    subject: str
    token_id: str
    expires_at: int
    """Seconds since 1970-01-01 UTC."""


class TokenVerifier:
    """Verifies tokens of the configured issuers.

    Raises:
        ValueError: An issuer is configured twice.
    """

    def __init__(self, issuers: Sequence[Issuer], *, clock_seconds: Callable[[], float]) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}
        if len(self._issuers) != len(issuers):
            raise ValueError("an issuer is configured twice")
        self._clock_seconds = clock_seconds

    def verify(self, token: str) -> TokenClaims:
        """Return the claims of a valid token.

        Raises:
            Unauthenticated: The token is not one of ours, for us, in force, complete and unambiguous.
        """
        try:
            return self._verified(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise Unauthenticated(Reason.TOKEN_INVALID, internal=f"{type(error).__name__}: {error}") from error

    def _verified(self, token: str) -> TokenClaims:
        if len(token) > TOKEN_BYTES_MAX:
            raise ValueError("token too long")
        header, payload = (_json_object(jwt.utils.base64url_decode(part)) for part in token.split(".")[:2])
        issuer = self._issuers[_text(payload, "iss")]
        key = issuer.keys[_text(header, "kid")]
        if header.get("typ", "JWT") != "JWT" or "crit" in header:
            raise ValueError("unexpected token type")
        jwt.decode(
            token,
            key,
            algorithms=list(issuer.algorithms),
            audience=issuer.audience,
            issuer=issuer.issuer,
            options={
                "require": ["iss", "aud", "sub", "iat", "exp", "jti"],
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        self._check_times(payload, lifetime_seconds_max=issuer.lifetime_seconds_max)
        return TokenClaims(
            subject=_text(payload, "sub"), token_id=_text(payload, "jti"), expires_at=_integer(payload, "exp")
        )

    def _check_times(self, payload: Mapping[str, Any], *, lifetime_seconds_max: int) -> None:
        now = self._clock_seconds()
        issued_at, expires_at = _integer(payload, "iat"), _integer(payload, "exp")
        not_before = _integer(payload, "nbf") if "nbf" in payload else issued_at
        if max(issued_at, not_before) > now + CLOCK_SKEW_SECONDS:
            raise ValueError("token is not valid yet")
        if expires_at <= now:
            raise ValueError("token has expired")
        if not 0 < expires_at - issued_at <= lifetime_seconds_max:
            raise ValueError("token lifetime exceeds the issuer's bound")


def issue_token(
    *,
    key: Ed25519PrivateKey,
    key_id: str,
    issuer: str,
    audience: str,
    subject: str,
    token_id: str,
    issued_at: int,
    lifetime_seconds: int,
) -> str:
    """Return a signed token. Times in seconds since 1970-01-01 UTC."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "jti": token_id,
        "iat": issued_at,
        "exp": issued_at + lifetime_seconds,
    }
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": key_id})


def _json_object(data: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a claim stands twice")
        return dict(pairs)

    value = json.loads(data, object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values[name]
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise ValueError(f"claim '{name}' is not a text")
    return value


def _integer(values: Mapping[str, Any], name: str) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise ValueError(f"claim '{name}' is not a time")
    return value
