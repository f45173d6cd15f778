"""The tables of the governance register and what they hold at one moment."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, MetaData, String, Table, func, select, union_all
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
    Stop,
    StopKind,
    StopRecord,
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
    Column("office", String(63), nullable=False),
    Column("columns", String, nullable=False),
    Column("terms", String, nullable=False),
    Column("seal", String(64), nullable=False),
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
    Column("lifted_at", BigInteger),
)
STOPS = Table(
    "stops",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("controller", String(63), nullable=False),
    Column("target", String(255), nullable=False),
    Column("reason", String, nullable=False),
    Column("stopped_by", String(255), nullable=False),
    Column("by_administrator", Boolean, nullable=False),
    Column("stopped_at", BigInteger, nullable=False),
    Column("lifted_at", BigInteger),
)
CONSENTS = Table(
    "consents",
    METADATA,
    Column("token", String(64), primary_key=True),
    Column("evidence", String, nullable=False),
    Column("recorded_by", String(255), nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("change", BigInteger, nullable=False, index=True),
)
"""`change` is the number of the change that last touched a consent."""


_COUNTS = [select(func.count()).select_from(table) for table in (AGREEMENTS, EMERGENCIES, REVOCATIONS, STOPS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consents:
    """The consents that have not expired."""

    expires_at: Mapping[str, int]
    """By token: seconds since 1970-01-01 UTC."""
    change: int
    """The newest change that is in here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the register answers from."""

    agreements: tuple[AgreementRecord, ...]
    emergencies: tuple[EmergencyRecord, ...]
    problems: tuple[RegisterProblem, ...]
    revocations: Mapping[tuple[RevocationKind, str], Revocation]
    stops: tuple[StopRecord, ...]
    """Sorted by controller, target and id."""
    consents: Consents
    rows: int
    """Stored agreements, emergencies, revocations and stops, those that ended too: none is ever deleted."""


NOTHING = Snapshot(
    agreements=(),
    emergencies=(),
    problems=(),
    revocations={},
    stops=(),
    consents=Consents(expires_at={}, change=-1),
    rows=0,
)


def load_snapshot(
    connection: Connection, *, signers: Mapping[str, Signer], secret: bytes, consents: Consents
) -> Snapshot:
    """Read all but the consents; what is not as it was sealed or signed becomes a problem.

    Raises:
        ValueError: A row is not one of ours.
    """
    revocations = select(REVOCATIONS).where(REVOCATIONS.c.lifted_at.is_(None))
    stops = select(STOPS).where(STOPS.c.lifted_at.is_(None))
    agreements: list[AgreementRecord] = []
    emergencies: list[EmergencyRecord] = []
    problems: list[RegisterProblem] = []
    for row in connection.execute(select(AGREEMENTS).order_by(AGREEMENTS.c.id)).mappings():
        try:
            agreements.append(_agreement(row, secret=secret))
        except GovernanceRefused as error:
            problems.append(RegisterProblem(id=row["id"], text=error.text))
    for row in connection.execute(select(EMERGENCIES).order_by(EMERGENCIES.c.id)).mappings():
        try:
            emergencies.append(_emergency(row, signers=signers))
        except GovernanceRefused as error:
            problems.append(RegisterProblem(id=row["id"], text=error.text))
    return Snapshot(
        agreements=tuple(agreements),
        emergencies=tuple(emergencies),
        problems=tuple(sorted(problems, key=lambda problem: problem.id)),
        revocations={
            (revocation.kind, revocation.id): revocation
            for row in connection.execute(revocations.order_by(REVOCATIONS.c.kind, REVOCATIONS.c.id)).mappings()
            for revocation in (_revocation(row),)
        },
        stops=tuple(
            _stop(row)
            for row in connection.execute(stops.order_by(STOPS.c.controller, STOPS.c.target, STOPS.c.id)).mappings()
        ),
        consents=consents,
        rows=sum(connection.scalars(union_all(*_COUNTS))),
    )


def load_consents(connection: Connection, *, before: Consents, now: int) -> Consents:
    """Read the consents that changed after those of `before`, and forget the expired ones."""
    changed = select(CONSENTS.c.token, CONSENTS.c.expires_at, CONSENTS.c.change).where(
        CONSENTS.c.change > before.change
    )
    rows = connection.execute(changed).all()
    if not rows:
        return before
    expires_at = {**before.expires_at, **{row.token: row.expires_at for row in rows}}
    return Consents(
        expires_at={token: at for token, at in expires_at.items() if at > now},
        change=max(row.change for row in rows),
    )


def sealed(agreement: AgreementRecord, *, secret: bytes) -> dict[str, str | int | None]:
    """Return the row of an agreement that nobody has revoked, with the seal that shows whether it was edited."""
    values = {
        name: json.dumps(value) if isinstance(value, tuple) else value
        for name, value in asdict(replace(agreement, revoked=None)).items()
        if name != "revoked"
    }
    content = json.dumps(values, sort_keys=True).encode()
    return {**values, "seal": hmac.new(secret, b"agreement\0" + content, hashlib.sha256).hexdigest()}


def _agreement(row: Mapping[Any, Any], *, secret: bytes) -> AgreementRecord:
    agreement = AgreementRecord(
        id=row["id"],
        controller=row["controller"],
        recipient=row["recipient"],
        datasets=tuple(json.loads(row["datasets"])),
        purposes=tuple(json.loads(row["purposes"])),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        signed_by=row["signed_by"],
        signed_at=row["signed_at"],
        office=row["office"],
        columns=tuple(json.loads(row["columns"])),
        terms=row["terms"],
        revoked=_ended(row),
    )
    if not hmac.compare_digest(str(sealed(agreement, secret=secret)["seal"]), row["seal"]):
        raise GovernanceRefused("存储的协议与签署内容不符", "the stored agreement is not what was signed")
    return agreement


def _revocation(row: Mapping[Any, Any]) -> Revocation:
    return Revocation(
        kind=RevocationKind(row["kind"]),
        id=row["id"],
        reason=row["reason"],
        revoked_by=row["revoked_by"],
        revoked_at=row["revoked_at"],
    )


def _stop(row: Mapping[Any, Any]) -> StopRecord:
    return StopRecord(
        id=row["id"],
        stop=Stop(kind=StopKind(row["kind"]), controller=row["controller"], target=row["target"]),
        reason=row["reason"],
        stopped_by=row["stopped_by"],
        by_administrator=row["by_administrator"],
        stopped_at=row["stopped_at"],
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
