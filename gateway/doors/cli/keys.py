"""Make the keys of a small deployment."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.doors.cli.private_files import write_private


def signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the Ed25519 key in a PEM file, made first when the file does not exist.

    Raises:
        ValueError: The file holds another kind of key.
    """
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(path, pem)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 key")
    return key


def write_jwks(key: Ed25519PrivateKey, path: Path, *, key_id: str) -> None:
    """Write the public half as a JWKS file (RFC 8037)."""
    public = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    path.write_text(json.dumps({"keys": [public | {"kid": key_id, "alg": "EdDSA", "use": "sig"}]}, indent=2))


def secret(path: Path) -> None:
    """Write 32 random bytes unless the file exists."""
    if not path.exists():
        write_private(path, secrets.token_bytes(32))
