"""Queries that requesters saved to ask again, in a database in which their texts stand encrypted."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Row

from catalog.dataset import Text
from gateway.doors.console.draft import Draft

SAVED_MAX = 200
"""Queries of one requester."""
TITLE_MAX, SQL_MAX, NAME_MAX = 80, 65_536, 200
"""Characters of a title, of a statement, of a purpose or case number."""
_DATABASE, _KEY = "saved.db", "saved.key"
_NONCE_BYTES, _KEY_BYTES = 12, 32
_METADATA = MetaData()
_SAVED = Table(
    "saved_queries",
    _METADATA,
    Column("id", String(32), primary_key=True),
    Column("gateway", String, nullable=False),
    Column("subject", String, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
    Column("last_run_at", BigInteger),
)


class SavedProblem(Exception):
    """A query cannot be saved, or is not there; `text` says why and what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.text = Text(zh=zh, en=en)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuery:
    """A query that was saved."""

    id: str
    query: Draft | None
    """None when it was encrypted with a key that is lost."""
    saved_at: int
    """Seconds since 1970-01-01 UTC."""
    last_run_at: int | None
    """Seconds since 1970-01-01 UTC; None when it was not run from the list yet."""


class SavedQueries:
    """The saved queries of all requesters of one gateway. Safe from any thread.

    Texts are sealed with AES-256-GCM under a key that stands in a file beside the database: who copies only the database reads
    no statement. The requester and the id are sealed with them, so that no row passes for another's.

    Args:
        folder: Made with the first use, with mode 0700.
        gateway: Address of the gateway.
        clock: Seconds since 1970-01-01 UTC.
        new_bytes: Returns so many random bytes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        gateway: str,
        clock: Callable[[], float],
        new_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._folder = folder
        self.gateway = gateway
        self.clock = clock
        self._new_bytes = new_bytes
        self._lock = threading.Lock()
        self._opened: tuple[Engine, AESGCM] | None = None

    def of(self, subject: str) -> OwnQueries:
        """Return what one requester saved, and nothing else."""
        return OwnQueries(self, subject=subject)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            if self._opened is not None:
                self._opened[0].dispose()
                self._opened = None

    @property
    def engine(self) -> Engine:
        """The database, which is made when it is not there."""
        return self._open()[0]

    def seal(self, query: Draft, *, name: bytes) -> bytes:
        """Return the query encrypted: it opens under this name only."""
        nonce = self._new_bytes(_NONCE_BYTES)
        return nonce + self._open()[1].encrypt(nonce, json.dumps(asdict(query)).encode(), name)

    def unseal(self, sealed: bytes, *, name: bytes) -> Draft | None:
        """Return the query; None when it was not sealed with this key under this name."""
        try:
            text = self._open()[1].decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name)
        except (InvalidTag, ValueError):
            return None
        return Draft(**json.loads(text))

    def _open(self) -> tuple[Engine, AESGCM]:
        with self._lock:
            if self._opened is None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._folder.chmod(0o700)  # the folder may have been there
                database = self._folder / _DATABASE
                os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
                database.chmod(0o600)
                engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": 10})
                event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA secure_delete = ON"))
                _METADATA.create_all(engine)
                self._opened = engine, AESGCM(_key(self._folder / _KEY, self._new_bytes))
            return self._opened


class OwnQueries:
    """What one requester saved. Ids of others' queries are unknown here.

    Args:
        store: Of all requesters.
        subject: Of the requester.
    """

    def __init__(self, store: SavedQueries, *, subject: str) -> None:
        self._store = store
        self._subject = subject
        self._own = (_SAVED.c.gateway == store.gateway) & (_SAVED.c.subject == subject)

    def all(self) -> Sequence[SavedQuery]:
        """Return them, what was used or saved last first."""
        used_at = func.max(func.coalesce(_SAVED.c.last_run_at, 0), _SAVED.c.saved_at)
        with self._store.engine.connect() as database:
            rows = database.execute(select(_SAVED).where(self._own).order_by(used_at.desc(), _SAVED.c.id))
            return [self._saved(row) for row in rows]

    def get(self, id: str) -> SavedQuery:
        """Return one. Raises SavedProblem when the requester has no such query."""
        with self._store.engine.connect() as database:
            row = database.execute(select(_SAVED).where(self._own, _SAVED.c.id == id)).first()
        if row is None:
            raise _no_such_query()
        return self._saved(row)

    def query(self, id: str) -> Draft:
        """Return the query of one. Raises SavedProblem when there is none, or it cannot be read any more."""
        query = self.get(id).query
        if query is None:
            raise _no_such_query()
        return query

    def add(self, query: Draft) -> str:
        """Save a query and return its id.

        Raises:
            SavedProblem: A text is missing or too long, or there are too many already.
        """
        _check(query)
        id = secrets.token_hex(16)
        row = {
            "id": id,
            "gateway": self._store.gateway,
            "subject": self._subject,
            "sealed": self._store.seal(query, name=self._name(id)),
            "saved_at": int(self._store.clock()),
        }
        with self._store.engine.begin() as database:
            database.execute(insert(_SAVED).values(row))
            if database.execute(select(func.count()).select_from(_SAVED).where(self._own)).scalar_one() > SAVED_MAX:
                database.rollback()
                raise SavedProblem(
                    f"最多保存 {SAVED_MAX} 个查询。请先在“常用查询”中删除不再使用的。",
                    f"You have {SAVED_MAX} saved queries, which is the most. Delete some under “Saved queries” first.",
                )
        return id

    def rename(self, id: str, title: str) -> None:
        """Give a query another title. Raises SavedProblem."""
        renamed = replace(self.query(id), title=title)
        _check(renamed)
        self._change(id, sealed=self._store.seal(renamed, name=self._name(id)))

    def ran(self, id: str) -> None:
        """Remember that a query was run now. Raises SavedProblem."""
        self._change(id, last_run_at=int(self._store.clock()))

    def delete(self, id: str) -> None:
        """Delete a query. Raises SavedProblem."""
        with self._store.engine.begin() as database:
            if not database.execute(delete(_SAVED).where(self._own, _SAVED.c.id == id)).rowcount:
                raise _no_such_query()

    def _change(self, id: str, **values: bytes | int) -> None:
        with self._store.engine.begin() as database:
            if not database.execute(update(_SAVED).where(self._own, _SAVED.c.id == id).values(**values)).rowcount:
                raise _no_such_query()

    def _saved(self, row: Row[tuple[object, ...]]) -> SavedQuery:
        query = self._store.unseal(row.sealed, name=self._name(row.id))
        return SavedQuery(id=row.id, query=query, saved_at=row.saved_at, last_run_at=row.last_run_at)

    def _name(self, id: str) -> bytes:
        return json.dumps([self._store.gateway, self._subject, id]).encode()


def _key(file: Path, new_bytes: Callable[[int], bytes]) -> bytes:
    """Return the key, which is made with the first use."""
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(new_bytes(_KEY_BYTES))
    except FileExistsError:
        file.chmod(0o600)
    return file.read_bytes()


def _check(query: Draft) -> None:
    if not query.title:
        raise SavedProblem(
            "请填写名称，例如“八十岁以上独居老人”。", "Give it a title, such as “Over 80, living alone”."
        )
    if not query.sql:
        raise SavedProblem(
            "还没有查询内容。请先选好数据或写好查询，再保存。", "There is no query yet. Build or write one first."
        )
    for zh, en, text, most in (
        ("名称", "title", query.title, TITLE_MAX),
        ("查询语句", "query", query.sql, SQL_MAX),
        ("用途", "purpose", query.purpose, NAME_MAX),
        ("事项编号", "case number", query.case, NAME_MAX),
    ):
        if len(text) <= most:
            continue
        raise SavedProblem(
            f"{zh}最多 {most:,} 个字，请改短。", f"The {en} has at most {most:,} characters; make it shorter."
        )


def _no_such_query() -> SavedProblem:
    return SavedProblem(
        "您保存的查询中没有这一个，可能已被删除。请刷新页面。",
        "You have no such saved query; it may have been deleted. Reload the page.",
    )
