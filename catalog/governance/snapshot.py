"""The tables of the governance register and what they hold at one moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, String, Table, select
from sqlalchemy.engine import Connection

from catalog.governance.declaration import Declaration, Signature, Signer, verify_declaration
from catalog.governance.records import (
    AgreementRecord,
    EmergencyRecord,
    Ending,
    GovernanceRefused,
    RegisterProblem,
    Revocation,
    RevocationKind,
)


def _ending() -> tuple[Column[Any], ...]:
    return Column("ended_at", BigInteger), Column("ended_by", String(255)), Column("ended_reason", String)


METADATA = MetaData()
AGREEMENTS = Table(
    "agreements",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("controller", String(63), nullable=False),
    Column("recipient", String(12), nullable=False),
    Column("datasets", String, nullable=False),
    Column("purposes", String, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("signed_by", String(255), nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    *_ending(),
)
EMERGENCIES = Table(
    "emergencies",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("declaration", String, nullable=False),
    Column("signatures", String, nullable=False),
    Column("declared_by", String(255), nullable=False),
    Column("declared_at", BigInteger, nullable=False),
    *_ending(),
)
REVOCATIONS = Table(
    "revocations",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("reason", String, nullable=False),
    Column("revoked_by", String(255), nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
)
CONSENTS = Table(
    "consents",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("evidence", String, nullable=False),
    Column("recorded_by", String(255), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the register answers from."""

    agreements: tuple[AgreementRecord, ...]
    emergencies: tuple[EmergencyRecord, ...]
    problems: tuple[RegisterProblem, ...]
    revocations: Mapping[tuple[RevocationKind, str], Revocation]
    consents: Mapping[str, int]
    """By token: when it expires, in seconds since 1970-01-01 UTC."""


def load_snapshot(connection: Connection, *, signers: Mapping[str, Signer], consents: Mapping[str, int]) -> Snapshot:
    """Read all but the consents; an emergency whose signatures do not hold becomes a problem.

    Raises:
        ValueError: A row is not one of ours.
    """
    agreements = connection.execute(select(AGREEMENTS).order_by(AGREEMENTS.c.id)).mappings()
    revocations = [
        Revocation(**{**row, "kind": RevocationKind(row["kind"])})
        for row in connection.execute(select(REVOCATIONS).order_by(REVOCATIONS.c.kind, REVOCATIONS.c.id)).mappings()
    ]
    emergencies: list[EmergencyRecord] = []
    problems: list[RegisterProblem] = []
    for row in connection.execute(select(EMERGENCIES).order_by(EMERGENCIES.c.id)).mappings():
        try:
            emergencies.append(_emergency(row, signers=signers))
        except GovernanceRefused as error:
            problems.append(RegisterProblem(id=row["id"], text=error.text))
    return Snapshot(
        agreements=tuple(_agreement(row) for row in agreements),
        emergencies=tuple(emergencies),
        problems=tuple(problems),
        revocations={(revocation.kind, revocation.id): revocation for revocation in revocations},
        consents=consents,
    )


def load_consents(connection: Connection) -> dict[str, int]:
    """Read when each consent expires, by token."""
    rows = connection.execute(select(CONSENTS.c.token, CONSENTS.c.expires_at))
    return {token: expires_at for token, expires_at in rows}  # noqa: C416 - typed


def _agreement(row: Mapping[Any, Any]) -> AgreementRecord:
    return AgreementRecord(
        id=row["id"],
        controller=row["controller"],
        recipient=row["recipient"],
        datasets=tuple(json.loads(row["datasets"])),
        purposes=tuple(json.loads(row["purposes"])),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        signed_by=row["signed_by"],
        signed_at=row["signed_at"],
        revoked=_ended(row),
    )


def _emergency(row: Mapping[Any, Any], *, signers: Mapping[str, Signer]) -> EmergencyRecord:
    try:
        declaration = Declaration.read(json.loads(row["declaration"]))
        signatures = tuple(Signature.model_validate(content) for content in json.loads(row["signatures"]))
    except (ValueError, TypeError, RecursionError) as error:
        raise GovernanceRefused("存储的声明无法读取", "the stored declaration cannot be read") from error
    signed_by = verify_declaration(declaration, signatures=signatures, signers=signers)
    if declaration.id != row["id"]:
        raise GovernanceRefused("存储的声明属于另一编号", "the stored declaration is of another id")
    return EmergencyRecord(
        id=declaration.id,
        title=declaration.title,
        area=declaration.area,
        purposes=declaration.purposes,
        starts_at=declaration.starts_at,
        ends_at=declaration.ends_at,
        signers=signed_by,
        declared_by=row["declared_by"],
        declared_at=row["declared_at"],
        ended=_ended(row),
    )


def _ended(row: Mapping[Any, Any]) -> Ending | None:
    if row["ended_at"] is None:
        return None
    return Ending(at=row["ended_at"], by=row["ended_by"], reason=row["ended_reason"])
