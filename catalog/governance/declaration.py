"""The declaration of an emergency and its signatures: detached Ed25519 (RFC 8032) over canonical bytes."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from catalog.dataset import Entry, Text
from catalog.governance.records import GovernanceRefused

SIGNERS_MIN = 2
"""Different signers with different keys of different offices."""
EMERGENCY_DAYS_MAX = 180
_DOMAIN = b"sharing-gateway/emergency-declaration/v1\n"
"""Signed first, so that a signature made for anything else never fits."""


def _seconds(value: object) -> object:
    """Read a date-time with its zone as seconds since 1970-01-01 UTC."""
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise ValueError("needs a time zone, for example +08:00")
        return int(value.timestamp())
    return value


Seconds = Annotated[int, BeforeValidator(_seconds), Field(strict=True, ge=0, lt=1 << 40)]


class Declaration(Entry):
    """What the signers of an emergency sign."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{2,62}$")
    title: Text
    area: str = Field(pattern=r"^[0-9]{2,12}$")
    """Division code prefix."""
    purposes: tuple[str, ...] = Field(min_length=1, max_length=100)
    """Purposes that it opens."""
    starts_at: Seconds
    ends_at: Seconds
    """Exclusive."""

    @classmethod
    def read(cls, content: object) -> Declaration:
        """Return the declaration in untrusted content.

        Raises:
            GovernanceRefused: It is none.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            where = ", ".join(sorted({".".join(map(str, found["loc"])) or "declaration" for found in error.errors()}))
            raise GovernanceRefused(f"应急声明格式不正确：{where}", f"the declaration is malformed: {where}") from error

    def canonical(self) -> str:
        """Return the only JSON text that stands for this declaration."""
        content = self.model_dump() | {"purposes": sorted(set(self.purposes))}
        return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Signature(Entry):
    """One signer's signature of a declaration."""

    signer: str
    signature: str
    """Base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Somebody who may sign declarations of emergencies."""

    id: str
    name: Text
    office: str
    public_key: Ed25519PublicKey


class _SignerEntry(Entry):
    id: str = Field(min_length=1)
    name: Text
    office: str = Field(min_length=1)
    public_key: str
    """PEM, SubjectPublicKeyInfo."""


def load_signers(path: Path) -> Mapping[str, Signer]:
    """Read a YAML list of signers.

    Returns:
        The signers by id.

    Raises:
        ValueError: The file is not a list of valid signers, each with an id and an Ed25519 key of their own.
        OSError: The file cannot be read.
    """
    entries = TypeAdapter(tuple[_SignerEntry, ...]).validate_python(yaml.safe_load(path.read_text("utf-8")))
    signers: dict[str, Signer] = {}
    for entry in entries:
        key = load_pem_public_key(entry.public_key.encode())
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError(f"{path}: the key of '{entry.id}' is not an Ed25519 key")
        signers[entry.id] = Signer(id=entry.id, name=entry.name, office=entry.office, public_key=key)
    if len({signer.public_key.public_bytes_raw() for signer in signers.values()}) != len(entries):
        raise ValueError(f"{path}: two signers have the same id or key")
    return signers


def sign_declaration(declaration: Declaration, *, signer: str, key: Ed25519PrivateKey) -> Signature:
    """Return the signature of the signer called `signer`."""
    raw = key.sign(_signed_bytes(declaration))
    return Signature(signer=signer, signature=base64.b64encode(raw).decode())


def verify_declaration(
    declaration: Declaration, *, signatures: Sequence[Signature], signers: Mapping[str, Signer]
) -> tuple[str, ...]:
    """Check the bounds of a declaration and every signature of it.

    Returns:
        The ids of the signers, sorted.

    Raises:
        GovernanceRefused: It lasts too long, a signature does not hold, or there are not enough different signers.
    """
    if not 0 < declaration.ends_at - declaration.starts_at <= EMERGENCY_DAYS_MAX * 86_400:
        raise GovernanceRefused(
            f"应急状态必须在开始之后结束，且不超过 {EMERGENCY_DAYS_MAX} 天",
            f"an emergency ends after it starts and within {EMERGENCY_DAYS_MAX} days",
        )
    signed = [_verified(declaration, signature=signature, signers=signers) for signature in signatures]
    ids = {signer.id for signer in signed}
    keys = {signer.public_key.public_bytes_raw() for signer in signed}
    offices = {signer.office for signer in signed}
    if min(len(ids), len(keys), len(offices)) < SIGNERS_MIN:
        raise GovernanceRefused(
            f"需要至少 {SIGNERS_MIN} 位不同单位的签署人签名",
            f"at least {SIGNERS_MIN} signers of different offices must sign",
        )
    return tuple(sorted(ids))


def _verified(declaration: Declaration, *, signature: Signature, signers: Mapping[str, Signer]) -> Signer:
    signer = signers.get(signature.signer)
    if signer is None:
        raise GovernanceRefused("签名人未登记", "a signature is of nobody who may sign")
    try:
        raw = base64.b64decode(signature.signature, validate=True)
        signer.public_key.verify(raw, _signed_bytes(declaration))
    except (ValueError, InvalidSignature) as error:
        raise GovernanceRefused(
            f"“{signer.id}”的签名与声明不符", f"the signature of '{signer.id}' does not fit the declaration"
        ) from error
    return signer


def _signed_bytes(declaration: Declaration) -> bytes:
    return _DOMAIN + declaration.canonical().encode()
