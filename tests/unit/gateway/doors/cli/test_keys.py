"""Keys of a small deployment."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.authenticate import Issuer, TokenVerifier
from gateway.authenticate.tokens import issue_token
from gateway.doors.cli.keys import secret, signing_key, write_jwks


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    """The first call makes the key, readable by its owner only; later calls return the same one."""
    first = signing_key(tmp_path / "key.pem")
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert signing_key(tmp_path / "key.pem").public_key() == first.public_key()
    assert signing_key(tmp_path / "other.pem").public_key() != first.public_key()


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    """A file with another key, or none, is not overwritten."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content in (pem, b"", b"no key"):
        (tmp_path / "key.pem").write_bytes(content)
        with pytest.raises(ValueError):  # noqa: PT011 - cryptography's own texts
            signing_key(tmp_path / "key.pem")
        assert (tmp_path / "key.pem").read_bytes() == content


def test_the_public_half_verifies_what_the_key_signed_and_tells_no_more(tmp_path: Path) -> None:
    """The key set is what the gateway reads, and holds no private part."""
    key = signing_key(tmp_path / "key.pem")
    write_jwks(key, tmp_path / "keys.json", key_id="local")
    assert '"d"' not in (tmp_path / "keys.json").read_text()
    issuer = Issuer.from_jwks(
        tmp_path / "keys.json", issuer="i", audience="a", algorithms=("EdDSA",), lifetime_seconds_max=60
    )
    token = issue_token(
        key=key, key_id="local", issuer="i", audience="a", subject="s", token_id="t", issued_at=0, lifetime_seconds=60
    )
    assert TokenVerifier([issuer], clock_seconds=lambda: 1).verify(token).subject == "s"


def test_a_secret_is_random_private_and_kept(tmp_path: Path) -> None:
    """32 random bytes for the owner only; an existing secret stays, or pseudonyms would change."""
    secret(tmp_path / "a")
    secret(tmp_path / "b")
    first = (tmp_path / "a").read_bytes()
    assert len(first) == 32
    assert first != (tmp_path / "b").read_bytes()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    secret(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == first
