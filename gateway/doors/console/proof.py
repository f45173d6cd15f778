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
from typing import Any

import jwt

HEADER = "DPoP"
_SECONDS = 60
"""How far a proof's time may be from the console's; the page takes the console's time when it is opened."""
_SEEN_MAX = 100_000
_BYTES_MAX = 2_000


class ProofInvalid(Exception):
    """A request carries no proof, or one that does not hold."""


class Proofs:
    """Checks proofs, each of which holds once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def check(self, proof: str, *, method: str, url: str, now: float) -> str:
        """Return the thumbprint of the key (RFC 7638, base64url) that signed the proof.

        Args:
            proof: JWT as RFC 9449, section 4.2, describes it.
            method: HTTP method of the request.
            url: Its URL without query.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            ProofInvalid: It is missing, malformed, of another request, too old, or was seen before.
        """
        if not proof or len(proof) > _BYTES_MAX:
            raise ProofInvalid("no proof")
        try:
            key = _key(jwt.get_unverified_header(proof))
            claims = jwt.decode(
                proof,
                key=jwt.PyJWK.from_dict(key, algorithm="ES256"),
                algorithms=["ES256"],
                options={"require": ["htm", "htu", "iat", "jti"], "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise ProofInvalid(str(error)) from error
        if claims["htm"] != method or claims["htu"] != url:
            raise ProofInvalid("it is of another request")
        if not isinstance(claims["iat"], int) or abs(now - claims["iat"]) > _SECONDS:
            raise ProofInvalid("it is too old")
        thumbprint = _thumbprint(key)
        self._remember((thumbprint, str(claims["jti"])[:100]), now=now)
        return thumbprint

    def _remember(self, proof: tuple[str, str], *, now: float) -> None:
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - 2 * _SECONDS:
                self._seen.popitem(last=False)
            if proof in self._seen:
                raise ProofInvalid("it was seen before")
            if len(self._seen) >= _SEEN_MAX:
                raise ProofInvalid("too many requests")
            self._seen[proof] = now


def _key(header: dict[str, Any]) -> dict[str, str]:
    key = header["jwk"]
    if header.get("typ") != "dpop+jwt" or key["kty"] != "EC" or key["crv"] != "P-256":
        raise ValueError("not a P-256 key of a proof")
    return {name: str(key[name]) for name in ("crv", "kty", "x", "y")}


def _thumbprint(key: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
