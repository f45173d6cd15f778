"""Make the keys of a small deployment."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.signing_key import signing_key
from gateway.doors.cli.private_files import write_private

__all__ = ["secret", "signing_key", "write_jwks"]


def write_jwks(key: Ed25519PrivateKey, path: Path, *, key_id: str) -> None:
    """Write the public half as a JWKS file (RFC 8037)."""
    public = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    path.write_text(json.dumps({"keys": [public | {"kid": key_id, "alg": "EdDSA", "use": "sig"}]}, indent=2))


def secret(path: Path, *, size: int = 32) -> None:
    """Write `size` random bytes unless the file exists."""
    if not path.exists():
        write_private(path, secrets.token_bytes(size))
