"""Encrypt what is kept of subscriptions: AES-256-GCM (NIST SP 800-38D) with keys by HKDF-SHA-256 (RFC 5869)."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_SALT_BYTES, _KEY_BYTES, _TAG_BYTES = 16, 32, 16
_COUNTER_BYTES, _LENGTH_BYTES = 11, 4
_MORE, _LAST = b"\x00", b"\x01"


class NotSealed(Exception):
    """What was read is not, or not all of, what was sealed under this name."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Sealing:
    """Seals texts and streams, each under a name that it can only be opened by.

    Args:
        secret: At least 32 random bytes.
        new_salt: Returns so many random bytes.
    """

    def __init__(self, secret: bytes, *, new_salt: Callable[[int], bytes]) -> None:
        self._secret = secret
        self._new_salt = new_salt

    def hash_key(self, subscription: str) -> bytes:
        """Return the key of the hashes of a subscription's rows, 32 bytes."""
        return self._key(b"", info=f"hashes\n{subscription}")

    def seal_text(self, text: str, *, name: str) -> str:
        """Return a text encrypted, in base64."""
        salt = self._new_salt(_SALT_BYTES)
        sealed = AESGCM(self._key(salt, info=f"text\n{name}")).encrypt(_nonce(0, _LAST), text.encode(), None)
        return base64.b64encode(salt + sealed).decode()

    def open_text(self, sealed: str, *, name: str) -> str:
        """Return what `seal_text` was given. Raises NotSealed."""
        try:
            data = base64.b64decode(sealed)
            key = self._key(data[:_SALT_BYTES], info=f"text\n{name}")
            return AESGCM(key).decrypt(_nonce(0, _LAST), data[_SALT_BYTES:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise NotSealed(name) from error

    def sealer(self, file: _Writable, *, name: str) -> Sealer:
        """Return what writes pieces to `file` under a key of its own."""
        salt = self._new_salt(_SALT_BYTES)
        file.write(salt)
        return Sealer(file, cipher=AESGCM(self._key(salt, info=f"stream\n{name}")))

    def opened(self, file: _Readable, *, name: str) -> Iterator[bytes]:
        """Yield the pieces that a sealer wrote, in order. Raises NotSealed at the first that is changed, moved or missing."""
        cipher = AESGCM(self._key(file.read(_SALT_BYTES), info=f"stream\n{name}"))
        number = 0
        while True:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
            sealed = file.read(length)
            try:
                if length:
                    yield cipher.decrypt(_nonce(number, _MORE), sealed, None)
                    number += 1
                    continue
                cipher.decrypt(_nonce(number, _LAST), file.read(_TAG_BYTES + 1), None)
            except InvalidTag as error:
                raise NotSealed(name) from error
            return

    def _key(self, salt: bytes, *, info: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=info.encode()).derive(self._secret)


class Sealer:
    """Writes pieces, each encrypted with its number, so that none can be changed, moved or left out."""

    def __init__(self, file: _Writable, *, cipher: AESGCM) -> None:
        self._file = file
        self._cipher = cipher
        self._number = 0

    def write(self, piece: bytes) -> None:
        """Write one piece."""
        sealed = self._cipher.encrypt(_nonce(self._number, _MORE), piece, None)
        self._file.write(len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)
        self._number += 1

    def end(self) -> None:
        """Write that there are no more pieces."""
        self._file.write(bytes(_LENGTH_BYTES) + self._cipher.encrypt(_nonce(self._number, _LAST), b"", None))


def _nonce(number: int, flag: bytes) -> bytes:
    """Return the nonce of a piece: unique under the key of one text or stream, as the STREAM construction has it."""
    return number.to_bytes(_COUNTER_BYTES, "big") + flag
