"""The log's signing key on disk."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key


def save_signing_key(path: Path, *, signing_key: Ed25519PrivateKey) -> None:
    """Write a new PEM file (PKCS #8) that only its owner may read.

    Raises:
        FileExistsError: There is one already; a log's key is never overwritten.
        OSError: It cannot be written.
    """
    pem = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(descriptor)


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Read a PEM file.

    Raises:
        OSError: It cannot be read.
        ValueError: It does not hold an unencrypted Ed25519 private key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except TypeError:
        raise ValueError("the audit key is encrypted") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the audit key is not an Ed25519 key")
    return key
