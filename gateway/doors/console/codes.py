"""One-time codes: a person types what the command line shows, and the browser is signed in with that profile's token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field

CODE_SECONDS = 120
CODE_SECONDS_MAX = 600
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""None looks like another."""
_LENGTH = 8
_CODES_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    digest: bytes
    ends_at: float
    token: str = field(repr=False)


class Codes:
    """Codes that wait to be typed. They live in memory only; the oldest makes room for one more."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def issue(self, token: str, *, now: float, seconds: float) -> str:
        """Return a code, as people read it: `ABCD-EFGH`.

        Args:
            token: The gateway's, of who will sign in.
            now: Seconds since 1970-01-01 UTC.
            seconds: How long it holds.
        """
        code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        with self._lock:
            self._waiting = [one for one in self._waiting if now < one.ends_at][-_CODES_MAX + 1 :]
            self._waiting.append(_Waiting(digest=self._digest(code), ends_at=now + seconds, token=token))
        return f"{code[:4]}-{code[4:]}"

    def redeem(self, typed: str, *, now: float) -> str | None:
        """Return the token of a code, once; None when there is no such code any more. Takes as long for every code."""
        digest = self._digest("".join(letter for letter in typed.upper() if letter.isalnum())[:100])
        with self._lock:
            found = [one for one in self._waiting if hmac.compare_digest(one.digest, digest)]
            self._waiting = [one for one in self._waiting if one not in found]
        return next((one.token for one in found if now < one.ends_at), None)

    def _digest(self, code: str) -> bytes:
        return hmac.digest(self._key, code.encode(), hashlib.sha256)
