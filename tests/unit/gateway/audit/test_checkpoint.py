from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.chain import EMPTY, ChainHead
from gateway.audit.checkpoint import (
    ForgedCheckpointError,
    MalformedCheckpointError,
    VerificationKey,
    read_checkpoint,
    sign_checkpoint,
)

NAME = "sharing.example/audit"
HEAD = ChainHead(size=12, sha256="ab" * 32)


@pytest.fixture
def note(signing_key: Ed25519PrivateKey) -> bytes:
    return sign_checkpoint(HEAD, key_name=NAME, signing_key=signing_key)


def test_agrees_with_the_published_example() -> None:
    """The key and signature of the Go signed-note documentation verify, so other tools can read our notes."""
    key = VerificationKey.from_text("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    assert signature[:4] == key.key_hash
    key.key.verify(signature[4:], text.encode())


def test_form(note: bytes) -> None:
    """A checkpoint is origin, size, base64 head, an empty line and one signature."""
    lines = note.decode().split("\n")
    assert lines[:4] == [NAME, "12", base64.b64encode(b"\xab" * 32).decode(), ""]
    assert lines[4].startswith(f"— {NAME} ")
    assert lines[5:] == [""]


@pytest.mark.parametrize("head", [HEAD, EMPTY])
def test_round_trip(head: ChainHead, signing_key: Ed25519PrivateKey, public_key: VerificationKey) -> None:
    """What was signed is read back."""
    note = sign_checkpoint(head, key_name=NAME, signing_key=signing_key)
    assert read_checkpoint(note, public_key=public_key) == head


def test_every_changed_byte_is_seen(note: bytes, public_key: VerificationKey) -> None:
    """No single byte of a checkpoint can be changed, dropped or added."""
    for position in range(len(note)):
        for changed in (
            note[:position] + bytes([note[position] ^ 1]) + note[position + 1 :],
            note[:position] + note[position + 1 :],
            note[:position] + b"0" + note[position:],
        ):
            with pytest.raises((ForgedCheckpointError, MalformedCheckpointError)):
                read_checkpoint(changed, public_key=public_key)


def test_another_key_is_forgery(public_key: VerificationKey) -> None:
    """A checkpoint that another key signed under our name is refused."""
    note = sign_checkpoint(HEAD, key_name=NAME, signing_key=Ed25519PrivateKey.generate())
    with pytest.raises(ForgedCheckpointError, match="another key"):
        read_checkpoint(note, public_key=public_key)


def test_another_log_is_forgery(signing_key: Ed25519PrivateKey, public_key: VerificationKey) -> None:
    """A checkpoint of another log is refused though the same key signed it."""
    note = sign_checkpoint(HEAD, key_name="other", signing_key=signing_key)
    with pytest.raises(ForgedCheckpointError, match="another log"):
        read_checkpoint(note, public_key=public_key)


def test_a_borrowed_key_hash_does_not_help(note: bytes, public_key: VerificationKey) -> None:
    """A signature of another key is refused even when it carries our key's hash."""
    other = sign_checkpoint(HEAD, key_name=NAME, signing_key=Ed25519PrivateKey.generate())
    signature = base64.b64decode(other.split()[-1])
    dressed = base64.b64encode(public_key.key_hash + signature[4:])
    with pytest.raises(ForgedCheckpointError, match="does not fit"):
        read_checkpoint(note.replace(note.split()[-1], dressed), public_key=public_key)


def test_verification_key_round_trip(public_key: VerificationKey) -> None:
    """The text form of a key gives the key back."""
    again = VerificationKey.from_text(public_key.to_text() + "\n")
    assert again.to_text() == public_key.to_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000+AAAA",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3+AhpcQQ==",
    ],
)
def test_refuses_a_key_that_contradicts_itself(text: str) -> None:
    """Name, hash and key must belong together."""
    with pytest.raises(ValueError, match=r".+"):
        VerificationKey.from_text(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nfeed"])
def test_refuses_a_name_that_breaks_the_note(name: str, signing_key: Ed25519PrivateKey) -> None:
    """White space and `+` are not allowed in a log's name."""
    with pytest.raises(ValueError, match="name of an audit key"):
        VerificationKey(name=name, key=signing_key.public_key())
