from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.note import (
    CHECKPOINT_BYTES_MAX,
    Checkpoint,
    ForgedCheckpointError,
    MalformedCheckpointError,
    SignatureType,
    VerificationKey,
    add_signatures,
    cosign_checkpoint,
    parse_checkpoint,
    read_checkpoint,
    sign_checkpoint,
    verify_cosignature,
)

NAME = "sharing.example/audit"
WITNESS = "health.example/witness"
CHECKPOINT = Checkpoint(origin=NAME, size=12, root=b"\xab" * 32)
SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS_SIGNING_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96)))
KEY = VerificationKey(name=NAME, key=SIGNING_KEY.public_key())
WITNESS_KEY = VerificationKey(
    name=WITNESS, key=WITNESS_SIGNING_KEY.public_key(), signature_type=SignatureType.COSIGNATURE
)
NOTE = sign_checkpoint(name=NAME, size=12, root=CHECKPOINT.root, signing_key=SIGNING_KEY)
LINE = cosign_checkpoint(NOTE, name=WITNESS, time_seconds=1_700_000_000, signing_key=WITNESS_SIGNING_KEY)
OTHERS = """\
sharing.example/audit
12
aOpkJmbOQ6bxAQR2ZVtnf1fjdZ0JIfxplB0cdGY5mys=

— sharing.example/audit 2slzYyJJHxeGJsi9NvINpxPL94KgtLPBX0G1MfnykCAUd+xB1Xs4QVhxxtFRwn9qhpVDZZe6y/heQcSGuI1h3l694QQ=
— health.example/witness iwtgZgAAAABrAliBiuz4qUorW7VZjFoEP3hPOy2AxPgw4ExVXTahQu32qE2N/1IsYeOSOVRr3jJ4bajKFQ7zuF7kylyH5BDKesoUBA==
"""
"""Made by golang.org/x/mod/sumdb/note v0.36.0 and github.com/transparency-dev/formats v0.1.1 with these keys."""


def dressed(note: bytes, *, signed: bytes) -> bytes:
    """Return the note with the signature of another under our key's hash."""
    signature = base64.b64decode(signed.split()[-1])
    return note.replace(note.split()[-1], base64.b64encode(KEY.key_hash + signature[4:]))


def test_agrees_with_the_published_example() -> None:
    """The key and signature of the Go signed-note documentation verify, so other tools can read our notes."""
    key = VerificationKey.from_text("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    signature = base64.b64decode(
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    )
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    assert signature[:4] == key.key_hash
    key.key.verify(signature[4:], text.encode())


def test_reads_and_writes_what_others_write() -> None:
    """Checkpoint, cosignature and keys are byte for byte those of other implementations."""
    assert KEY.to_text() == "sharing.example/audit+dac97363+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
    assert WITNESS_KEY.to_text() == "health.example/witness+8b0b6066+BCVDuS/xCVURR2rcg2nbbdyTNmWhGXjdoUBO4QZsqVWd"
    found = read_checkpoint(OTHERS.encode(), public_key=KEY)
    line = OTHERS.splitlines(keepends=True)[-1].encode()
    time_seconds = verify_cosignature(line, checkpoint=found, witness_key=WITNESS_KEY)
    ours = sign_checkpoint(name=NAME, size=found.size, root=found.root, signing_key=SIGNING_KEY)
    cosignature = cosign_checkpoint(ours, name=WITNESS, time_seconds=time_seconds, signing_key=WITNESS_SIGNING_KEY)
    assert add_signatures(ours, lines=[cosignature]).decode() == OTHERS


def test_what_was_signed_is_read_back() -> None:
    """A checkpoint is origin, size, base64 root, an empty line and a signature."""
    assert NOTE.decode().split("\n")[:4] == [NAME, "12", base64.b64encode(b"\xab" * 32).decode(), ""]
    assert read_checkpoint(NOTE, public_key=KEY) == CHECKPOINT


def test_every_changed_byte_is_seen() -> None:
    """No single byte of a checkpoint can be changed, dropped or added."""
    for position in range(len(NOTE)):
        for changed in (
            NOTE[:position] + bytes([NOTE[position] ^ 1]) + NOTE[position + 1 :],
            NOTE[:position] + NOTE[position + 1 :],
            NOTE[:position] + b"0" + NOTE[position:],
        ):
            with pytest.raises((ForgedCheckpointError, MalformedCheckpointError)):
                read_checkpoint(changed, public_key=KEY)


def test_signatures_of_others_are_kept_and_ignored() -> None:
    """Lines with unknown names, keys or kinds of signature stay in the note, and prove nothing by themselves."""
    unknown = "— elsewhere.example AAAAAAAA\n".encode()
    note = add_signatures(NOTE, lines=[LINE, unknown, LINE])
    assert note == NOTE + LINE + unknown
    assert read_checkpoint(note, public_key=KEY) == CHECKPOINT
    text = CHECKPOINT.text.encode()
    with pytest.raises(ForgedCheckpointError, match="not signed with this key"):
        read_checkpoint(text + b"\n" + LINE + unknown, public_key=KEY)


def test_a_wrong_signature_beside_the_right_one_is_forgery() -> None:
    """Of several lines that claim to be the log's, every one must be."""
    other = sign_checkpoint(name=NAME, size=13, root=CHECKPOINT.root, signing_key=SIGNING_KEY)
    note = NOTE + other.splitlines(keepends=True)[-1]
    with pytest.raises(ForgedCheckpointError, match="does not fit"):
        read_checkpoint(note, public_key=KEY)


def test_another_key_or_log_is_forgery() -> None:
    """A checkpoint of another key under our name, or of our key under another name, is refused."""
    stranger = Ed25519PrivateKey.generate()
    forged = sign_checkpoint(name=NAME, size=12, root=CHECKPOINT.root, signing_key=stranger)
    with pytest.raises(ForgedCheckpointError, match="not signed with this key"):
        read_checkpoint(forged, public_key=KEY)
    with pytest.raises(ForgedCheckpointError, match="does not fit"):
        read_checkpoint(dressed(NOTE, signed=forged), public_key=KEY)
    other = sign_checkpoint(name="other", size=12, root=CHECKPOINT.root, signing_key=SIGNING_KEY)
    with pytest.raises(ForgedCheckpointError, match="another log"):
        read_checkpoint(other, public_key=KEY)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        NOTE + b"\n",
        NOTE.replace(b"\n12\n", b"\n012\n"),
        NOTE.replace(b"\n12\n", b"\n12\nextension\n"),
        NOTE + LINE * (CHECKPOINT_BYTES_MAX // len(LINE)),
        NOTE[: NOTE.index(b"\n\n") + 2],
        NOTE.replace(b"=\n\n", b"\n\n"),
        b"\xff" + NOTE,
    ],
)
def test_what_has_another_form_is_malformed(note: bytes) -> None:
    """There is one way to write a checkpoint, of at most 4096 bytes."""
    with pytest.raises(MalformedCheckpointError):
        parse_checkpoint(note)


def test_a_cosignature_tells_its_time() -> None:
    """A witness says when it saw the checkpoint."""
    assert verify_cosignature(LINE, checkpoint=CHECKPOINT, witness_key=WITNESS_KEY) == 1_700_000_000


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint(origin=NAME, size=13, root=CHECKPOINT.root),
        Checkpoint(origin=NAME, size=12, root=bytes(32)),
        Checkpoint(origin="other", size=12, root=CHECKPOINT.root),
    ],
)
def test_a_cosignature_is_of_one_checkpoint(checkpoint: Checkpoint) -> None:
    """It does not fit another size, root or log."""
    with pytest.raises(ForgedCheckpointError):
        verify_cosignature(LINE, checkpoint=checkpoint, witness_key=WITNESS_KEY)


def test_every_changed_byte_of_a_cosignature_is_seen() -> None:
    """Neither its time nor its name can be changed."""
    for position in range(len(LINE)):
        changed = LINE[:position] + bytes([LINE[position] ^ 1]) + LINE[position + 1 :]
        with pytest.raises((ForgedCheckpointError, MalformedCheckpointError)):
            verify_cosignature(changed, checkpoint=CHECKPOINT, witness_key=WITNESS_KEY)


def test_a_log_cannot_be_its_own_witness() -> None:
    """The log's signature is no cosignature, even of the same key under the same name."""
    key = VerificationKey(name=NAME, key=SIGNING_KEY.public_key(), signature_type=SignatureType.COSIGNATURE)
    with pytest.raises(ForgedCheckpointError):
        verify_cosignature(NOTE.splitlines(keepends=True)[-1], checkpoint=CHECKPOINT, witness_key=key)
    with pytest.raises(ForgedCheckpointError):
        verify_cosignature(NOTE.splitlines(keepends=True)[-1], checkpoint=CHECKPOINT, witness_key=KEY)


@pytest.mark.parametrize("key", [KEY, WITNESS_KEY])
def test_a_key_is_read_back_from_its_text(key: VerificationKey) -> None:
    """The text form of a key gives the key back, with what it signs."""
    again = VerificationKey.from_text(key.to_text() + "\n")
    assert (again.to_text(), again.signature_type) == (key.to_text(), key.signature_type)


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
        "PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_refuses_a_key_that_contradicts_itself(text: str) -> None:
    """Name, hash, kind and key must belong together."""
    with pytest.raises(ValueError, match=r".+"):
        VerificationKey.from_text(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nfeed"])
def test_refuses_a_name_that_breaks_the_note(name: str) -> None:
    """White space and `+` are not allowed in a name."""
    with pytest.raises(ValueError, match="name of an audit key"):
        VerificationKey(name=name, key=SIGNING_KEY.public_key())
