"""The governance register: stored by SQL, answered from memory. SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Table, create_engine, delete, insert, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from catalog.governance.declaration import Declaration, Signature, Signer, verify_declaration
from catalog.governance.records import (
    AgreementRecord,
    EmergencyRecord,
    GovernanceRefused,
    RegisterProblem,
    Revocation,
    RevocationKind,
)
from catalog.governance.snapshot import (
    AGREEMENTS,
    CONSENTS,
    EMERGENCIES,
    METADATA,
    REVOCATIONS,
    load_consents,
    load_snapshot,
)

_LOG = structlog.get_logger("catalog.governance")
Witness = Callable[[], object]
"""Records a change that is about to take effect; when it raises, the change does not."""


class GovernanceRegister:
    """Agreements, emergencies, revocations and consents.

    What queries ask is answered from memory. A change is stored, witnessed and then in force at once; then those who
    listen are told.

    Args:
        url: SQLAlchemy database URL.
        signers: Who may sign declarations of emergencies, by id.
        subject_key: Secret that turns a resident ID into the token that is stored, at least 32 bytes.
        clock_seconds: Seconds since 1970-01-01 UTC.

    Raises:
        ValueError: The key is too short, or a stored record is not one of ours.
    """

    def __init__(
        self, url: str, *, signers: Mapping[str, Signer], subject_key: bytes, clock_seconds: Callable[[], float]
    ) -> None:
        if len(subject_key) < 32:
            raise ValueError("the subject key needs at least 32 bytes")
        self._engine = create_engine(url)
        self._signers = signers
        self._subject_key = subject_key
        self._clock_seconds = clock_seconds
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        METADATA.create_all(self._engine)
        with self._engine.connect() as connection:
            self._snapshot = load_snapshot(connection, signers=signers, consents=load_consents(connection))
        _log(self._snapshot.problems)

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
        """Stored emergencies that are ignored, sorted by id."""
        return self._snapshot.problems

    @property
    def revocations(self) -> tuple[Revocation, ...]:
        """What is revoked now, sorted by kind and id."""
        return tuple(self._snapshot.revocations.values())

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
        consents = self._snapshot.consents
        tokens = (self.consent_token(one, purpose=purpose, office=office) for one in set(resident_ids))
        return sum(now < consents.get(token, 0) for token in tokens)

    def consent_token(self, resident_id: str, *, purpose: str, office: str) -> str:
        """Return what stands for a person's consent: a keyed hash that cannot be linked across purposes and offices."""
        given = json.dumps([purpose, office, resident_id.strip().upper()])
        return hmac.new(self._subject_key, given.encode(), hashlib.sha256).hexdigest()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change, in the thread that made it."""
        self._listeners.append(listener)

    def sign_agreement(self, agreement: AgreementRecord, *, witness: Witness) -> None:
        """Bring an agreement into force.

        Raises:
            GovernanceRefused: Its id was used before.
        """
        with self._change(witness) as (connection, _):
            _insert(
                connection,
                AGREEMENTS,
                id=agreement.id,
                controller=agreement.controller,
                recipient=agreement.recipient,
                datasets=json.dumps(agreement.datasets),
                purposes=json.dumps(agreement.purposes),
                valid_from=agreement.valid_from,
                valid_until=agreement.valid_until,
                signed_by=agreement.signed_by,
                signed_at=agreement.signed_at,
            )

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
        with self._change(witness) as (connection, _):
            _insert(connection, REVOCATIONS, kind=str(kind), id=id, reason=reason, revoked_by=by, revoked_at=now)

    def restore(self, kind: RevocationKind, id: str, *, witness: Witness) -> None:
        """Lift a revocation.

        Raises:
            GovernanceRefused: There is none.
        """
        lifted = delete(REVOCATIONS).where(REVOCATIONS.c.kind == str(kind), REVOCATIONS.c.id == id)
        with self._change(witness) as (connection, _):
            if connection.execute(lifted).rowcount != 1:
                raise GovernanceRefused(f"“{id}”没有被撤销", f"'{id}' is not revoked")

    def record_consent(self, token: str, *, evidence: str, expires_at: int, by: str, witness: Witness) -> None:
        """Bring a consent into force, or prolong it. Consents that have expired are forgotten.

        Args:
            token: What `consent_token` returned.
            evidence: Where the person's consent can be found.
            expires_at: Seconds since 1970-01-01 UTC.
            by: Who recorded it.
            witness: Records the change.
        """
        now = int(self._clock_seconds())
        with self._change(witness) as (connection, consents):
            connection.execute(delete(CONSENTS).where((CONSENTS.c.token == token) | (CONSENTS.c.expires_at <= now)))
            _insert(connection, CONSENTS, token=token, evidence=evidence, recorded_by=by, expires_at=expires_at)
            consents[token] = expires_at

    def withdraw_consent(self, token: str, *, witness: Witness) -> None:
        """End a consent.

        Raises:
            GovernanceRefused: There is none.
        """
        with self._change(witness) as (connection, consents):
            if connection.execute(delete(CONSENTS).where(CONSENTS.c.token == token)).rowcount != 1:
                raise GovernanceRefused("没有登记该同意", "no such consent is recorded")
            consents.pop(token, None)

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()

    def _end(self, table: Table, *, id: str, by: str, reason: str, witness: Witness) -> None:
        ended = {"ended_at": int(self._clock_seconds()), "ended_by": by, "ended_reason": reason}
        this = (table.c.id == id) & table.c.ended_at.is_(None)
        with self._change(witness) as (connection, _):
            if connection.execute(update(table).where(this).values(**ended)).rowcount != 1:
                raise GovernanceRefused(f"“{id}”不存在或已终止", f"'{id}' does not exist or was ended before")

    @contextmanager
    def _change(self, witness: Witness) -> Iterator[tuple[Connection, dict[str, int]]]:
        """Yield the connection and the consents to change; witness and commit what was done, then answer from it."""
        with self._lock:
            with self._engine.begin() as connection:
                consents = dict(self._snapshot.consents)
                yield connection, consents
                loaded = load_snapshot(connection, signers=self._signers, consents=consents)
                witness()
            _log(problem for problem in loaded.problems if problem not in self._snapshot.problems)
            self._snapshot = loaded
        for listener in self._listeners:
            listener()


def _log(problems: Iterable[RegisterProblem]) -> None:
    for problem in problems:
        _LOG.error("emergency ignored", id=problem.id, problem=problem.text.en)


def _insert(connection: Connection, table: Table, **values: str | int) -> None:
    try:
        connection.execute(insert(table).values(**values))
    except IntegrityError as error:
        id = values.get("id", "")
        raise GovernanceRefused(f"编号“{id}”已经用过", f"the id '{id}' was used before") from error
