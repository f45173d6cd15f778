"""Signed checkpoints: the size and head of the log as a C2SP signed note (c2sp.org/signed-note, tlog-checkpoint)."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.audit.chain import ChainHead

CHECKPOINT_BYTES_MAX = 4096

_ED25519 = b"\x01"
_NOTE = re.compile(
    r"(?P<text>(?P<origin>[^\s+]+)\n(?P<size>0|[1-9][0-9]{0,17})\n(?P<head>[A-Za-z0-9+/]{43}=)\n)"
    r"\n— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]{91}=)\n"
)
_KEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<hash>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")


class MalformedCheckpointError(ValueError):
    """The note has another form than ours."""


class ForgedCheckpointError(ValueError):
    """The note's signature is not the key's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """What an auditor needs to check the log's signature."""

    name: str
    """Name of the log: origin line and key name of its notes. No white space, no `+`."""
    key: Ed25519PublicKey

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^\s+]+", self.name):
            raise ValueError("the name of an audit key holds white space or '+', or is empty")

    @property
    def key_hash(self) -> bytes:
        """Four bytes that tell keys apart (C2SP signed-note)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self._raw).digest()[:4]

    @property
    def _raw(self) -> bytes:
        return self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def to_text(self) -> str:
        """Return the C2SP form `name+hash+key`."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self._raw).decode()}"

    @classmethod
    def from_text(cls, text: str) -> VerificationKey:
        """Read the C2SP form.

        Raises:
            ValueError: It is not the text of an Ed25519 key, or its parts contradict each other.
        """
        match = _KEY.fullmatch(text.strip())
        data = base64.b64decode(match["key"], validate=True) if match else b""
        if match is None or data[:1] != _ED25519:
            raise ValueError("not an Ed25519 verification key")
        key = cls(name=match["name"], key=Ed25519PublicKey.from_public_bytes(data[1:]))
        if key.to_text() != text.strip():
            raise ValueError("the parts of the verification key contradict each other")
        return key


def sign_checkpoint(head: ChainHead, *, key_name: str, signing_key: Ed25519PrivateKey) -> bytes:
    """Return the signed note for `head`."""
    public = VerificationKey(name=key_name, key=signing_key.public_key())
    text = f"{key_name}\n{head.size}\n{base64.b64encode(bytes.fromhex(head.sha256)).decode()}\n"
    signature = base64.b64encode(public.key_hash + signing_key.sign(text.encode())).decode()
    return f"{text}\n— {key_name} {signature}\n".encode()


def read_checkpoint(note: bytes, *, public_key: VerificationKey) -> ChainHead:
    """Return what `note` signs.

    Raises:
        MalformedCheckpointError: It is not a checkpoint in the form of `sign_checkpoint`.
        ForgedCheckpointError: It is another log's, another key's, or changed after it was signed.
    """
    match = _NOTE.fullmatch(note[:CHECKPOINT_BYTES_MAX].decode(errors="replace"))
    if match is None:
        raise MalformedCheckpointError("the checkpoint is not a signed note of one signature")
    signature = base64.b64decode(match["signature"])
    if base64.b64encode(signature).decode() != match["signature"]:
        raise MalformedCheckpointError("the signature is not in canonical base64")
    if match["origin"] != public_key.name or match["name"] != public_key.name:
        raise ForgedCheckpointError("the checkpoint is another log's")
    if signature[:4] != public_key.key_hash:
        raise ForgedCheckpointError("the checkpoint is signed with another key")
    try:
        public_key.key.verify(signature[4:], match["text"].encode())
    except InvalidSignature:
        raise ForgedCheckpointError("the checkpoint's signature does not fit its text") from None
    return ChainHead(size=int(match["size"]), sha256=base64.b64decode(match["head"]).hex())
