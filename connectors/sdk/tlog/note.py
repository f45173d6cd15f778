"""Signed checkpoints: size and root of a log as a C2SP signed note (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature).

    <origin>            name of the log
    <size>              entries, decimal
    <root>              of its Merkle tree, base64
                        (empty line)
    — <name> <base64>   signature line: of the log; then of its witnesses, in any order

A signature line with a key that nobody here knows is kept and ignored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CHECKPOINT_BYTES_MAX = 4096

_KEY_HASH_BYTES = 4
_NOTE = re.compile(
    r"(?P<text>(?P<origin>[^\s+]+)\n(?P<size>0|[1-9][0-9]{0,17})\n(?P<root>[A-Za-z0-9+/]{43}=)\n)"
    r"\n(?P<signatures>(?:— [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+)"
)
_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})\n")
_KEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<hash>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")
_TIME_BYTES = 8


class MalformedCheckpointError(ValueError):
    """It is no checkpoint in the form of `sign_checkpoint`."""


class ForgedCheckpointError(ValueError):
    """A signature is not the key's."""


class SignatureType(IntEnum):
    """What a key signs with (C2SP signed-note)."""

    ED25519 = 0x01
    """A log's signature over the text."""
    COSIGNATURE = 0x04
    """A witness's signature over a time and the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """What an auditor needs to check the signatures of a log or a witness."""

    name: str
    """Name of the log or witness, on its signature lines; a log's is also the origin. No white space, no `+`."""
    key: Ed25519PublicKey
    signature_type: SignatureType = SignatureType.ED25519

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\s+]+", self.name):
            raise ValueError("the name of an audit key holds white space or '+', or is empty")

    @property
    def key_hash(self) -> bytes:
        """Four bytes that tell keys apart (C2SP signed-note)."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed).digest()[:_KEY_HASH_BYTES]

    @property
    def _typed(self) -> bytes:
        return bytes((self.signature_type,)) + self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def to_text(self) -> str:
        """Return the C2SP form `name+hash+key`."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(self._typed).decode()}"

    @classmethod
    def from_text(cls, text: str) -> VerificationKey:
        """Read the C2SP form.

        Raises:
            ValueError: It is not the text of an Ed25519 key, or its parts contradict each other.
        """
        match = _KEY.fullmatch(text.strip())
        data = base64.b64decode(match["key"], validate=True) if match else b""
        if match is None or data[:1] not in {bytes((kind,)) for kind in SignatureType}:
            raise ValueError("not an Ed25519 verification key")
        public_key = Ed25519PublicKey.from_public_bytes(data[1:])
        key = cls(name=match["name"], key=public_key, signature_type=SignatureType(data[0]))
        if key.to_text() != text.strip():
            raise ValueError("the parts of the verification key contradict each other")
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says."""

    origin: str
    """Name of the log."""
    size: int
    """Entries."""
    root: bytes
    """Root of their Merkle tree, 32 bytes."""

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(*, name: str, size: int, root: bytes, signing_key: Ed25519PrivateKey) -> bytes:
    """Return the signed note of the log `name` with `size` entries and that root."""
    text = Checkpoint(origin=name, size=size, root=root).text
    key = VerificationKey(name=name, key=signing_key.public_key())
    return f"{text}\n{_signature_line(key, signing_key.sign(text.encode()))}".encode()


def read_checkpoint(note: bytes, *, public_key: VerificationKey) -> Checkpoint:
    """Return what `note` says, after checking the log's signature; other signature lines are not looked at.

    Raises:
        MalformedCheckpointError: It is not a checkpoint in the form of `sign_checkpoint`.
        ForgedCheckpointError: It is another log's, another key's, or changed after it was signed.
    """
    checkpoint, lines = parse_checkpoint(note)
    if checkpoint.origin != public_key.name:
        raise ForgedCheckpointError("the checkpoint is another log's")
    signatures = list(_signatures(lines, key=public_key))
    if not signatures:
        raise ForgedCheckpointError("the checkpoint is not signed with this key")
    for signature in signatures:
        _verify(public_key, signature=signature, message=checkpoint.text.encode())
    return checkpoint


def parse_checkpoint(note: bytes) -> tuple[Checkpoint, tuple[str, ...]]:
    """Return what `note` says and its signature lines, WITHOUT checking a signature.

    Raises:
        MalformedCheckpointError: It is not a checkpoint in the form of `sign_checkpoint`.
    """
    match = _NOTE.fullmatch(_text(note)) if len(note) <= CHECKPOINT_BYTES_MAX else None
    if match is None:
        raise MalformedCheckpointError("the checkpoint is not a signed note")
    lines = tuple(match["signatures"].splitlines(keepends=True))
    checkpoint = Checkpoint(origin=match["origin"], size=int(match["size"]), root=_decode(match["root"]))
    for line in lines:
        _parse_line(line)
    return checkpoint, lines


def cosign_checkpoint(note: bytes, *, name: str, time_seconds: int, signing_key: Ed25519PrivateKey) -> bytes:
    """Return the signature line with which the witness `name` cosigns a checkpoint.

    Args:
        note: The checkpoint, whose own signature the caller has checked.
        name: Of the witness.
        time_seconds: Seconds since 1970-01-01 UTC, from 1.
        signing_key: The witness's.

    Raises:
        MalformedCheckpointError: It is no checkpoint.
    """
    checkpoint, _ = parse_checkpoint(note)
    key = VerificationKey(name=name, key=signing_key.public_key(), signature_type=SignatureType.COSIGNATURE)
    signature = signing_key.sign(_cosigned(checkpoint, time_seconds=time_seconds))
    return _signature_line(key, time_seconds.to_bytes(_TIME_BYTES) + signature).encode()


def verify_cosignature(line: bytes, *, checkpoint: Checkpoint, witness_key: VerificationKey) -> int:
    """Return when the witness cosigned the checkpoint, in seconds since 1970-01-01 UTC.

    Args:
        line: A signature line with its line feed.
        checkpoint: What it should cosign.
        witness_key: The witness's, of type COSIGNATURE.

    Raises:
        MalformedCheckpointError: It is no signature line.
        ForgedCheckpointError: It is not this witness's cosignature of this checkpoint.
    """
    signature = next(_signatures([_text(line)], key=witness_key), b"")
    if witness_key.signature_type is not SignatureType.COSIGNATURE or len(signature) < _TIME_BYTES:
        raise ForgedCheckpointError("it is not this witness's cosignature")
    time_seconds = int.from_bytes(signature[:_TIME_BYTES])
    message = _cosigned(checkpoint, time_seconds=time_seconds)
    _verify(witness_key, signature=signature[_TIME_BYTES:], message=message)
    return time_seconds


def add_signatures(note: bytes, *, lines: Iterable[bytes]) -> bytes:
    """Return the note with further signature lines, each once.

    Raises:
        MalformedCheckpointError: The result would be no checkpoint.
    """
    _, present = parse_checkpoint(note)
    for line in dict.fromkeys(lines):
        if _text(line) not in present:
            note += line
    parse_checkpoint(note)
    return note


def _cosigned(checkpoint: Checkpoint, *, time_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {time_seconds}\n{checkpoint.text}".encode()


def _signature_line(key: VerificationKey, signature: bytes) -> str:
    return f"— {key.name} {base64.b64encode(key.key_hash + signature).decode()}\n"


def _signatures(lines: Iterable[str], *, key: VerificationKey) -> Iterator[bytes]:
    """Yield what the lines with the key's name and hash hold."""
    for line in lines:
        name, data = _parse_line(line)
        if name == key.name and data[:_KEY_HASH_BYTES] == key.key_hash:
            yield data[_KEY_HASH_BYTES:]


def _parse_line(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise MalformedCheckpointError("it is not a signature line")
    return match["name"], _decode(match["signature"])


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise MalformedCheckpointError("the checkpoint is not UTF-8") from None


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        data = b""
    if base64.b64encode(data).decode() != text:
        raise MalformedCheckpointError("the checkpoint is not in canonical base64")
    return data


def _verify(key: VerificationKey, *, signature: bytes, message: bytes) -> None:
    try:
        key.key.verify(signature, message)
    except InvalidSignature:
        raise ForgedCheckpointError("the checkpoint's signature does not fit its text") from None
