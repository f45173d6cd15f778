"""Needs and corrections in the registers' database. They are few and no query waits for them, so nothing is kept in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, func, insert, select, update
from sqlalchemy.engine import Connection

from catalog.governance.records import GovernanceRefused
from catalog.requests.records import Correction, CorrectionState, Need, NeedState
from catalog.store import Part, StoreWatch

OPEN_MAX: Final = 200
"""So many needs of an office may wait for an answer, and so many corrections."""
Witness = Callable[[], object]
"""Records a change that is about to take effect; when it raises, the change does not."""
METADATA = MetaData()


def _filing() -> tuple[Column[Any], ...]:
    return (
        Column("id", String(63), primary_key=True),
        Column("office", String(63), nullable=False),
        Column("filed_by", String(255), nullable=False),
        Column("filed_at", BigInteger, nullable=False),
        Column("working_days", Integer, nullable=False),
        Column("controller", String(63), nullable=False),
        Column("dataset", String(127), nullable=False),
        Column("columns", String, nullable=False),
        Column("state", String(16), nullable=False),
        Column("answered_at", BigInteger, nullable=False),
        Column("answered_by", String(255), nullable=False),
        Column("answer", String, nullable=False),
        Column("escalated_at", BigInteger, nullable=False),
    )


NEEDS = Table(
    "needs",
    METADATA,
    *_filing(),
    Column("purpose", String(63), nullable=False),
    Column("scenario", String, nullable=False),
    Column("needed_until", BigInteger, nullable=False),
    Column("basis", String(63), nullable=False),
    Column("agreement", String(63), nullable=False),
)
CORRECTIONS = Table(
    "corrections",
    METADATA,
    *_filing(),
    Column("row_reference", String, nullable=False),
    Column("remark", String, nullable=False),
    Column("receipt", String(63), nullable=False),
)


class RequestStore:
    """Needs and corrections. A change is stored and witnessed in one transaction.

    Every method raises RegistryUnavailable while the database is lost.

    Args:
        store: The registers' database.
    """

    def __init__(self, store: StoreWatch) -> None:
        self._store = store

    def needs(self) -> tuple[Need, ...]:
        """Return all needs, newest first."""
        return tuple(Need(**_record(row, state=NeedState)) for row in self._rows(NEEDS))

    def corrections(self) -> tuple[Correction, ...]:
        """Return all corrections, newest first."""
        return tuple(Correction(**_record(row, state=CorrectionState)) for row in self._rows(CORRECTIONS))

    def file(self, request: Need | Correction, *, witness: Witness) -> None:
        """Store what an office asks for.

        Raises:
            GovernanceRefused: `OPEN_MAX` of the office are waiting.
        """
        table = _table(request)
        waiting = select(func.count()).where((table.c.office == request.office) & (table.c.answered_at == 0))
        with self._store.change(Part.REQUESTS) as (connection, _):
            if connection.scalars(waiting).one() >= OPEN_MAX:
                raise GovernanceRefused(
                    f"本单位已有 {OPEN_MAX} 项待答复；请待部门答复后再提出，需求也可以撤回",
                    f"{OPEN_MAX} of your office wait for an answer; wait until some are answered, or withdraw needs",
                )
            values = asdict(request) | {"columns": json.dumps(request.columns)}
            connection.execute(insert(table).values(**values))
            witness()

    def answer(self, request: Need | Correction, *, witness: Witness) -> None:
        """Store an answer.

        Args:
            request: As it stands with the answer.
            witness: Records it.

        Raises:
            GovernanceRefused: It was answered before.
        """
        with self._store.change(Part.REQUESTS) as (connection, _):
            answer_within(connection, request)
            witness()

    def escalate(self, request: Need | Correction, *, witness: Witness) -> bool:
        """Store that an answer is overdue, unless it was escalated or answered before; return whether it was not."""
        table = _table(request)
        waiting = (table.c.id == request.id) & (table.c.escalated_at == 0) & (table.c.answered_at == 0)
        with self._store.change(Part.REQUESTS) as (connection, _):
            escalated = update(table).where(waiting).values(escalated_at=request.escalated_at)
            if connection.execute(escalated).rowcount != 1:
                return False
            witness()
            return True

    def _rows(self, table: Table) -> list[Mapping[Any, Any]]:
        with self._store.read() as connection:
            newest_first = select(table).order_by(table.c.filed_at.desc(), table.c.id)
            return list(connection.execute(newest_first).mappings())


def answer_within(connection: Connection, request: Need | Correction) -> None:
    """Store an answer in a transaction of the same database. Raises GovernanceRefused when it was answered before."""
    table, values = _table(request), asdict(request)
    answer = {name: values[name] for name in ("state", "answered_at", "answered_by", "answer")}
    answer |= {name: values[name] for name in ("basis", "agreement") if name in values}
    waiting = (table.c.id == request.id) & (table.c.answered_at == 0)
    if connection.execute(update(table).where(waiting).values(**answer)).rowcount != 1:
        raise GovernanceRefused(f"“{request.id}”已经答复", f"'{request.id}' was answered before")


def _table(request: Need | Correction) -> Table:
    return NEEDS if isinstance(request, Need) else CORRECTIONS


def _record(row: Mapping[Any, Any], *, state: type[NeedState] | type[CorrectionState]) -> dict[str, Any]:
    return {**row, "columns": tuple(json.loads(row["columns"])), "state": state(row["state"])}
