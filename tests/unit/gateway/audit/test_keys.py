from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from gateway.audit.keys import load_signing_key, save_signing_key


def test_round_trip(tmp_path: Path, signing_key: Ed25519PrivateKey) -> None:
    """A saved key is loaded again, and only its owner may read the file."""
    path = tmp_path / "audit.pem"
    save_signing_key(path, signing_key=signing_key)
    assert load_signing_key(path).private_bytes_raw() == signing_key.private_bytes_raw()
    assert path.stat().st_mode & 0o777 == 0o600


def test_never_overwrites(tmp_path: Path, signing_key: Ed25519PrivateKey) -> None:
    """An existing key stays, because a log cannot be opened without it."""
    path = tmp_path / "audit.pem"
    save_signing_key(path, signing_key=signing_key)
    with pytest.raises(FileExistsError):
        save_signing_key(path, signing_key=Ed25519PrivateKey.generate())
    assert load_signing_key(path).private_bytes_raw() == signing_key.private_bytes_raw()


def test_refuses_other_keys(tmp_path: Path, signing_key: Ed25519PrivateKey) -> None:
    """Keys of another kind, encrypted keys and garbage are refused."""
    path = tmp_path / "audit.pem"
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    locked = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    for content in (elliptic, locked, b"garbage"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r".+"):
            load_signing_key(path)
