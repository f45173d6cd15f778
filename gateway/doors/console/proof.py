"""Proof of possession: every request that reads or changes anything is signed by a key that the browser cannot give away.

DPoP (RFC 9449) between the page and the console. The page makes a P-256 key that WebCrypto never exports, so a session's cookie
alone, stolen from the browser, from a log or by the network, opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import jwt

HEADER = "DPoP"
PROOF_SECONDS = 60
"""How far a proof's time may be from the console's; the page takes the console's time when it is opened."""
_BYTES_MAX = 2_000
_ID_CHARACTERS_MAX = 100
_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProofInvalid(Exception):
    """A request carries no proof, or one that does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof that holds for one request."""

    key: str
    """Thumbprint (RFC 7638, base64url) of the key that signed it."""
    id: str
    """Distinguishes it from the key's other proofs."""


def check_proof(sent: Sequence[str], *, method: str, url: str, now: float) -> Proof:
    """Return what the proof of a request says, if it holds; whether it was used before is `UsedProofs`' to tell.

    Args:
        sent: Every value of the header: one JWT as RFC 9449, section 4.2, describes it.
        method: HTTP method of the request.
        url: Its URL; the query does not count.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        ProofInvalid: It is missing, there are several, it is malformed, of another request, or too old.
    """
    if len(sent) != 1 or not sent[0] or len(sent[0]) > _BYTES_MAX:
        raise ProofInvalid("not one proof")
    try:
        key = _key(jwt.get_unverified_header(sent[0]))
        claims = jwt.decode(
            sent[0],
            key=jwt.PyJWK.from_dict(key, algorithm="ES256"),
            algorithms=["ES256"],
            options={"require": ["htm", "htu", "iat", "jti"], "verify_iat": False},
        )
        of_this = claims["htm"] == method and _normal(claims["htu"]) == _normal(url)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProofInvalid("it is malformed") from error
    if not of_this:
        raise ProofInvalid("it is of another request")
    if type(claims["iat"]) is not int or abs(now - claims["iat"]) > PROOF_SECONDS:
        raise ProofInvalid("it is too old")
    if not isinstance(claims["jti"], str) or not 0 < len(claims["jti"]) <= _ID_CHARACTERS_MAX:
        raise ProofInvalid("it has no id")
    return Proof(key=_thumbprint(key), id=claims["jti"])


class UsedProofs:
    """The proofs of one session, or of one address that signs in: each holds once.

    Args:
        proofs_max: As many may be used while they hold; one more is refused, to this session or address alone.
    """

    def __init__(self, *, proofs_max: int = 3_000) -> None:
        self._proofs_max = proofs_max
        self._lock = threading.Lock()
        self._used: OrderedDict[str, float] = OrderedDict()

    def use(self, proof: Proof, *, now: float) -> None:
        """Remember a proof for as long as it would hold.

        Raises:
            ProofInvalid: It was used before, or there are too many.
        """
        name = hashlib.sha256(f"{proof.key} {proof.id}".encode()).hexdigest()
        with self._lock:
            while self._used and next(iter(self._used.values())) < now - 2 * PROOF_SECONDS:
                self._used.popitem(last=False)
            if name in self._used:
                raise ProofInvalid("it was used before")
            if len(self._used) >= self._proofs_max:
                raise ProofInvalid("too many requests")
            self._used[name] = now


def _key(header: dict[str, Any]) -> dict[str, str]:
    key = header["jwk"]
    if header.get("typ") != "dpop+jwt" or header.get("alg") != "ES256" or "crit" in header:
        raise ValueError("not the header of a proof")
    if key["kty"] != "EC" or key["crv"] != "P-256" or "d" in key:
        raise ValueError("not a public P-256 key")
    return {name: str(key[name]) for name in ("crv", "kty", "x", "y")}


def _normal(url: str) -> tuple[str, str, int | None, str]:
    """Return what counts of a URL, spelt in one way (RFC 3986, section 6.2)."""
    parts = urlsplit(url)
    if parts.username is not None or parts.hostname is None:
        raise ValueError("not the URL of a request")
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme), unquote(parts.path) or "/"


def _thumbprint(key: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
