"""The governance register: stored by SQL, answered from memory."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import ColumnElement, Table, delete, insert, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from catalog.governance.checks import check_not_stopped
from catalog.governance.declaration import Declaration, Signature, Signer, verify_declaration
from catalog.governance.records import (
    AgreementRecord,
    EmergencyRecord,
    GovernanceRefused,
    RegisterProblem,
    Revocation,
    RevocationKind,
    StopRecord,
)
from catalog.governance.snapshot import (
    AGREEMENTS,
    CONSENTS,
    EMERGENCIES,
    NOTHING,
    REVOCATIONS,
    STOPS,
    Consents,
    Snapshot,
    load_consents,
    load_snapshot,
    sealed,
)
from catalog.store import Part, RegistryUnavailable, StoreWatch

_LOG = structlog.get_logger("catalog.governance")
_DAY_SECONDS = 86_400
Witness = Callable[[], object]
"""Records a change that is about to take effect; when it raises, the change does not."""


class GovernanceRegister:
    """Agreements, emergencies, revocations, stops and consents.

    What queries ask is answered from memory, and refused while the database is lost (`RegistryUnavailable`). A change, of
    this or another gateway, is in force once it is stored and witnessed; then those who listen are told.

    Args:
        store: Where it is stored; answers begin with its `start`.
        signers: Who may sign declarations of emergencies, by id.
        secret: Makes the tokens that stand for residents and the seals of agreements, at least 32 bytes.
        clock_seconds: Seconds since 1970-01-01 UTC.

    Raises:
        ValueError: The secret is too short.
    """

    def __init__(
        self, store: StoreWatch, *, signers: Mapping[str, Signer], secret: bytes, clock_seconds: Callable[[], float]
    ) -> None:
        if len(secret) < 32:
            raise ValueError("the register's secret needs at least 32 bytes")
        self._store = store
        self._signers = signers
        self._secret = secret
        self._clock_seconds = clock_seconds
        self._listeners: list[Callable[[], None]] = []
        self._loaded = NOTHING
        store.on_change(Part.GOVERNANCE, self._reload)

    @property
    def agreements(self) -> tuple[AgreementRecord, ...]:
        """All agreements, revoked ones too, sorted by id."""
        return self._snapshot.agreements

    @property
    def emergencies(self) -> tuple[EmergencyRecord, ...]:
        """All emergencies whose signatures hold, ended ones too, sorted by id."""
        return self._snapshot.emergencies

    @property
    def problems(self) -> tuple[RegisterProblem, ...]:
        """Stored agreements and emergencies that are ignored, sorted by id."""
        return self._snapshot.problems

    @property
    def revocations(self) -> tuple[Revocation, ...]:
        """What is revoked now, sorted by kind and id."""
        return tuple(self._snapshot.revocations.values())

    @property
    def stops(self) -> tuple[StopRecord, ...]:
        """What is stopped now, sorted by controller and target."""
        return self._snapshot.stops

    def standing_agreements(self, datasets: Iterable[str]) -> tuple[AgreementRecord, ...]:
        """Return the agreements about any of `datasets` that are not revoked, sorted by id; their times may have passed."""
        wanted = frozenset(datasets)
        return tuple(a for a in self._snapshot.agreements if a.revoked is None and not wanted.isdisjoint(a.datasets))

    def standing_emergencies(self) -> tuple[EmergencyRecord, ...]:
        """Return the emergencies that nobody ended, sorted by id; their times may have passed."""
        return tuple(e for e in self._snapshot.emergencies if e.ended is None)

    def is_revoked(self, kind: RevocationKind, id: str) -> bool:
        """Tell whether a requester or purpose is revoked."""
        return (kind, id) in self._snapshot.revocations

    def consented(self, resident_ids: Iterable[str], *, purpose: str, office: str, now: int) -> int:
        """Count the different `resident_ids` whose consent to the purpose and office is in force at `now`.

        Args:
            resident_ids: Resident IDs as they are looked up.
            purpose: Purpose id.
            office: Id of the office that asks.
            now: Seconds since 1970-01-01 UTC.
        """
        expires_at = self._snapshot.consents.expires_at
        tokens = (self.consent_token(one, purpose=purpose, office=office) for one in set(resident_ids))
        return sum(now < expires_at.get(token, 0) for token in tokens)

    def consent_token(self, resident_id: str, *, purpose: str, office: str) -> str:
        """Return what stands for a person's consent: a keyed hash that cannot be linked across purposes and offices."""
        given = json.dumps([purpose, office, resident_id.strip().upper()])
        return hmac.new(self._secret, given.encode(), hashlib.sha256).hexdigest()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change, by whichever gateway."""
        self._listeners.append(listener)

    def sign_agreement(
        self,
        agreement: AgreementRecord,
        *,
        witness: Witness,
        with_it: Callable[[Connection], None] = lambda _connection: None,
    ) -> None:
        """Bring an agreement into force.

        Args:
            agreement: The agreement.
            witness: Records the change.
            with_it: Stores what belongs to it in the same transaction.

        Raises:
            GovernanceRefused: Its id was used before, an administrator has stopped one like it, or `with_it` refuses.
        """
        with self._change(witness) as (connection, _):
            now = self._read(connection, consents=self._loaded.consents)
            check_not_stopped(agreement, stops=now.stops, agreements=now.agreements)
            _insert(connection, AGREEMENTS, **sealed(agreement, secret=self._secret))
            with_it(connection)

    def revoke_agreement(self, id: str, *, by: str, reason: str, witness: Witness) -> None:
        """End an agreement for good.

        Raises:
            GovernanceRefused: There is none, or it is revoked already.
        """
        self._end(AGREEMENTS, id=id, by=by, reason=reason, witness=witness)

    def declare_emergency(
        self, declaration: Declaration, *, signatures: Sequence[Signature], by: str, witness: Witness
    ) -> None:
        """Bring a signed declaration into force.

        Raises:
            GovernanceRefused: It is over, its id was used before, or `verify_declaration` refuses it.
        """
        verify_declaration(declaration, signatures=signatures, signers=self._signers)
        now = int(self._clock_seconds())
        if declaration.ends_at <= now:
            raise GovernanceRefused("应急状态的结束时间已过", "the emergency is already over")
        with self._change(witness) as (connection, _):
            _insert(
                connection,
                EMERGENCIES,
                id=declaration.id,
                declaration=declaration.canonical(),
                signatures=json.dumps([signature.model_dump() for signature in signatures]),
                declared_by=by,
                declared_at=now,
            )

    def end_emergency(self, id: str, *, by: str, reason: str, witness: Witness) -> None:
        """End an emergency before its time, for good.

        Raises:
            GovernanceRefused: There is none, or it was ended already.
        """
        self._end(EMERGENCIES, id=id, by=by, reason=reason, witness=witness)

    def revoke(self, kind: RevocationKind, id: str, *, by: str, reason: str, witness: Witness) -> None:
        """Stop everything for a requester or purpose.

        Raises:
            GovernanceRefused: It is revoked already.
        """
        now = int(self._clock_seconds())
        lifted = delete(REVOCATIONS).where(_is(kind, id), REVOCATIONS.c.lifted_at.is_not(None))
        with self._change(witness) as (connection, _):
            connection.execute(lifted)
            _insert(connection, REVOCATIONS, kind=str(kind), id=id, reason=reason, revoked_by=by, revoked_at=now)

    def restore(self, kind: RevocationKind, id: str, *, witness: Witness) -> None:
        """Lift a revocation.

        Raises:
            GovernanceRefused: There is none.
        """
        standing = update(REVOCATIONS).where(_is(kind, id), REVOCATIONS.c.lifted_at.is_(None))
        with self._change(witness) as (connection, _):
            if connection.execute(standing.values(lifted_at=int(self._clock_seconds()))).rowcount != 1:
                raise GovernanceRefused(f"“{id}”没有被撤销", f"'{id}' is not revoked")

    def stop(self, record: StopRecord, *, witness: Witness) -> None:
        """Hold back what a stop names until it is lifted."""
        with self._change(witness) as (connection, _):
            _insert(
                connection,
                STOPS,
                id=record.id,
                kind=str(record.stop.kind),
                controller=record.stop.controller,
                target=record.stop.target,
                reason=record.reason,
                stopped_by=record.stopped_by,
                by_administrator=record.by_administrator,
                stopped_at=record.stopped_at,
            )

    def lift_stop(self, id: str, *, witness: Witness) -> None:
        """End a stop.

        Raises:
            GovernanceRefused: There is none.
        """
        standing = update(STOPS).where(STOPS.c.id == id, STOPS.c.lifted_at.is_(None))
        with self._change(witness) as (connection, _):
            if connection.execute(standing.values(lifted_at=int(self._clock_seconds()))).rowcount != 1:
                raise GovernanceRefused(f"没有编号为“{id}”的停用", f"there is no stop '{id}'")

    def record_consent(self, token: str, *, evidence: str, expires_at: int, by: str, witness: Witness) -> None:
        """Bring a consent into force, or prolong it. Consents that expired a day ago are forgotten.

        Args:
            token: What `consent_token` returned.
            evidence: Where the person's consent can be found.
            expires_at: Seconds since 1970-01-01 UTC.
            by: Who recorded it.
            witness: Records the change.
        """
        now = int(self._clock_seconds())
        old = (CONSENTS.c.token == token) | (CONSENTS.c.expires_at <= now - _DAY_SECONDS)
        with self._change(witness) as (connection, number):
            connection.execute(delete(CONSENTS).where(old))
            _insert(
                connection,
                CONSENTS,
                token=token,
                evidence=evidence,
                recorded_by=by,
                recorded_at=now,
                expires_at=expires_at,
                change=number,
            )

    def withdraw_consent(self, token: str, *, witness: Witness) -> None:
        """End a consent.

        Raises:
            GovernanceRefused: There is none.
        """
        now = int(self._clock_seconds())
        standing = update(CONSENTS).where(CONSENTS.c.token == token, CONSENTS.c.expires_at > now)
        with self._change(witness) as (connection, number):
            if connection.execute(standing.values(expires_at=now, change=number)).rowcount != 1:
                raise GovernanceRefused("没有登记该同意", "no such consent is recorded")

    def _end(self, table: Table, *, id: str, by: str, reason: str, witness: Witness) -> None:
        ended = {"ended_at": int(self._clock_seconds()), "ended_by": by, "ended_reason": reason}
        this = (table.c.id == id) & table.c.ended_at.is_(None)
        with self._change(witness) as (connection, _):
            if connection.execute(update(table).where(this).values(**ended)).rowcount != 1:
                raise GovernanceRefused(f"“{id}”不存在或已终止", f"'{id}' does not exist or was ended before")

    @contextmanager
    def _change(self, witness: Witness) -> Iterator[tuple[Connection, int]]:
        """Yield a transaction and the number of the change, and witness what was done in it before it counts."""
        with self._store.change(Part.GOVERNANCE) as (connection, number):
            yield connection, number
            witness()

    @property
    def _snapshot(self) -> Snapshot:
        self._store.require()
        return self._loaded

    def _reload(self, connection: Connection) -> None:
        consents = load_consents(connection, before=self._loaded.consents, now=int(self._clock_seconds()))
        loaded = self._read(connection, consents=consents)
        if loaded.rows < self._loaded.rows:
            raise RegistryUnavailable("records have vanished from the database")
        for problem in loaded.problems:
            if problem not in self._loaded.problems:
                _LOG.error("stored record ignored", id=problem.id, problem=problem.text.en)
        self._loaded = loaded
        for listener in self._listeners:
            listener()

    def _read(self, connection: Connection, *, consents: Consents) -> Snapshot:
        return load_snapshot(connection, signers=self._signers, secret=self._secret, consents=consents)


def _is(kind: RevocationKind, id: str) -> ColumnElement[bool]:
    return (REVOCATIONS.c.kind == str(kind)) & (REVOCATIONS.c.id == id)


def _insert(connection: Connection, table: Table, **values: str | int | None) -> None:
    try:
        connection.execute(insert(table).values(**values))
    except IntegrityError as error:
        id = values.get("id", "")
        raise GovernanceRefused(f"编号“{id}”已经用过", f"the id '{id}' was used before") from error
