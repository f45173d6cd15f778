"""Signers, declarations they sign, and a stop."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.dataset import Text
from catalog.governance import Declaration, Signature, Signer, Stop, StopKind, StopRecord, sign_declaration

NOW = 1_800_000_000
DAY = 86_400
KEYS = {id: Ed25519PrivateKey.generate() for id in ("mayor", "doctor", "nurse", "stranger")}
OFFICES = {"mayor": "shanghai", "doctor": "dept-health", "nurse": "dept-health"}
SIGNERS = {
    id: Signer(id=id, name=Text(zh=id, en=id), office=office, public_key=KEYS[id].public_key())
    for id, office in OFFICES.items()
}
STOP = StopRecord(
    id="stop-1",
    stop=Stop(kind=StopKind.DATASET, controller="health", target="health.health_code"),
    reason="wrong",
    stopped_by="administrator",
    by_administrator=True,
    stopped_at=NOW + 5,
)


def declaration(**changes: Any) -> Declaration:
    """Return a good declaration for Huangpu, or one that differs from it in some fields only."""
    content: dict[str, Any] = {
        "id": "outbreak-1",
        "title": {"zh": "疫情", "en": "Outbreak"},
        "area": "310101",
        "purposes": ("epidemic-control",),
        "starts_at": NOW - DAY,
        "ends_at": NOW + DAY,
    }
    return Declaration.read(content | changes)


def signed(content: Declaration, *signers: str) -> list[Signature]:
    """Return the signatures of signers with their own keys; the mayor's and the doctor's unless named."""
    return [sign_declaration(content, signer=signer, key=KEYS[signer]) for signer in signers or ("mayor", "doctor")]
