"""Watch the database: who answers from memory reads again what another gateway changed, and refuses when it is lost."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection, Engine, select, true
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from catalog.store.database import CHANGES, STORE, Part, RegistryUnavailable, bump

PERIOD_SECONDS = 0.5
STALE_SECONDS = 5.0
"""A database that has not answered for so long is as good as lost."""
_EVERY_NUMBER = select(STORE.c.identity, CHANGES.c.part, CHANGES.c.number).join_from(STORE, CHANGES, true())
_LOG = structlog.get_logger("catalog.store")


class StoreWatch:
    """Looks at the database twice a second and tells those who answer from memory.

    Until `start`, while the database does not answer, and from the moment that another one (or an older copy of it) stands
    in its place until a restart, `require` refuses.

    Args:
        engine: What `open_store` returned; closed by `close`.
        monotonic: Seconds that never go back.
    """

    def __init__(self, engine: Engine, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._polling = threading.Lock()
        self._listeners: defaultdict[Part, list[Callable[[Connection], None]]] = defaultdict(list)
        self._return_listeners: list[Callable[[Connection], None]] = []
        self._identity: str | None = None
        self._numbers: dict[str, int] = {}
        self._problem: str | None = "not started"
        self._answered_at = 0.0
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)

    def on_change(self, part: Part, listener: Callable[[Connection], None]) -> None:
        """Call `listener` at the start, when the database is back, and after every change of `part` by anybody.

        It reads its part again, from the connection it is given. When it raises, the database is taken for lost.
        """
        self._listeners[part].append(listener)

    def on_return(self, listener: Callable[[Connection], None]) -> None:
        """Call `listener` with a transaction at the start and when the database is back, before anybody reads from it.

        It puts back what it knows must be there; what it changes it `bump`s.
        """
        self._return_listeners.append(listener)

    def start(self) -> None:
        """Let everybody read, and begin to watch.

        Raises:
            RegistryUnavailable: The database cannot be read.
        """
        self.poll()
        self.require()
        self._thread.start()

    def require(self) -> None:
        """Raise RegistryUnavailable unless the database is there, and is the one that was read."""
        if self._problem is not None:
            raise RegistryUnavailable(self._problem)
        if self._monotonic() - self._answered_at > STALE_SECONDS:
            raise RegistryUnavailable("the database does not answer")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection to read from.

        Raises:
            RegistryUnavailable: The database is lost.
        """
        self.require()
        with _lost_as_unavailable(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def change(self, part: Part) -> Iterator[tuple[Connection, int]]:
        """Yield a transaction that changes `part`, and the number of the change; changes follow one another.

        Once it is committed, those who listen have read their part again.

        Raises:
            RegistryUnavailable: The database is lost; what was changed may be stored or not.
        """
        self.require()
        with _lost_as_unavailable(), self._engine.begin() as connection:
            yield connection, bump(connection, part)
        self.poll()
        self.require()

    def poll(self) -> None:
        """Look at the database now."""
        with self._polling:
            asked_at = self._monotonic()
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - whatever keeps us from reading it, nothing is believed
                problem = f"{type(error).__name__}: {error}"
                if problem != self._problem:
                    _LOG.error("store lost", problem=problem)
                self._problem = problem
            else:
                self._answered_at = asked_at

    def close(self) -> None:
        """Stop watching and close the connections."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(STALE_SECONDS)  # a database that hangs must not keep the gateway
        self._engine.dispose()

    def _run(self) -> None:
        while not self._closed.wait(PERIOD_SECONDS):
            self.poll()

    def _look(self) -> None:
        numbers = self._read()
        returned = self._problem is not None
        if returned and self._return_listeners:
            self._numbers = numbers
            with self._engine.begin() as connection:
                for settle in self._return_listeners:
                    settle(connection)
            numbers = self._read()
        changed = [part for part in Part if returned or numbers[part] != self._numbers[part]]
        if changed:
            with self._engine.connect() as connection:
                for listener in (listener for part in changed for listener in self._listeners[part]):
                    listener(connection)
        self._numbers = numbers
        if returned:
            _LOG.info("store found", identity=self._identity)
        self._problem = None

    def _read(self) -> dict[str, int]:
        """Return the number of every part's last change.

        Raises:
            RegistryUnavailable: This is not the database that was watched.
        """
        with self._engine.connect() as connection:
            rows = connection.execute(_EVERY_NUMBER).all()
        identities = {row.identity for row in rows}
        numbers = {row.part: row.number for row in rows}
        if len(identities) != 1 or not numbers.keys() >= set(Part):
            raise RegistryUnavailable("the database was emptied")
        identity = identities.pop()
        if self._identity not in (None, identity):
            raise RegistryUnavailable("another database stands in its place; restart the gateway to use it")
        if any(numbers[part] < number for part, number in self._numbers.items()):
            raise RegistryUnavailable(
                "an older copy of the database stands in its place; restart the gateway to use it"
            )
        self._identity = identity
        return numbers


@contextmanager
def _lost_as_unavailable() -> Iterator[None]:
    try:
        yield
    except (IntegrityError, DataError):
        raise
    except SQLAlchemyError as error:
        raise RegistryUnavailable(type(error).__name__) from error
