"""Sessions: what the console knows of a browser that signed in. They live in memory only."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from gateway.client import Connection, RequestError, request_errors
from gateway.client.catalogue_names import CatalogueNames
from gateway.doors.console.audit.work import AuditWork
from gateway.doors.console.downloads import Downloads
from gateway.doors.console.draft import Draft
from gateway.doors.console.proof import Proof, UsedProofs
from gateway.doors.console.runs.results import Results, Room
from gateway.doors.console.sign_in_texts import Ending, ending_of
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_SESSIONS_OF_ONE_MAX = 10
_WHYS_MAX = 1_000
_ASKED_SECONDS = 30
"""How often the gateway is asked whether it still knows a requester."""
_ASKING_MAX = 4
_ANSWER_SECONDS_MAX = 3
_LOG = structlog.get_logger("gateway.console")


class NoSession(Exception):
    """A request has no session.

    Args:
        why: It has ended; None when it is open, and only the page has to be opened anew.
    """

    def __init__(self, why: Ending | None) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """What a request shows of the browser that sends it."""

    key: str
    """Thumbprint of the key that signed the request."""
    address: str
    agent: str


@dataclass(slots=True, kw_only=True)
class Session:
    """One signed-in browser."""

    idle_seconds: float
    """It ends when nothing was asked for so long."""
    earlier_key: str = ""
    """Of the session that this one replaced in the same browser, whose pages may still ask with it."""
    used_proofs: UsedProofs = field(default_factory=UsedProofs)
    closed: bool = False
    connection: Connection
    """With the requester's own token."""
    requester: catalog_pb2.GetRequesterResponse
    """Who the gateway says it is; for showing only, the gateway decides anew with every call."""
    browser: Browser
    signed_in_at: float
    ends_at: float
    last_seen_at: float
    draft: Draft | None = None
    """What `/query` shows when it is opened; None for an empty one."""
    names: CatalogueNames | None = None
    """The catalogue as the requester saw it last; `names.names_of` renews it."""
    names_until: float = 0
    """When it has to be asked for anew, in seconds since 1970-01-01 UTC."""
    saved_titles: Mapping[str, str] | None = None
    """Titles of the saved queries by statement, as the page of subscriptions showed them last."""
    asked_at: float = 0
    """When the gateway was asked last whether it still knows the requester."""
    asking: bool = False
    results: Results = field(default_factory=Results)
    downloads: Downloads = field(default_factory=Downloads)
    audit: AuditWork = field(default_factory=AuditWork)
    """Of an auditor."""

    @property
    def subject(self) -> str:
        """The requester's subject."""
        return self.requester.subject

    @property
    def over_at(self) -> float:
        """When it ends unless somebody acts, in seconds since 1970-01-01 UTC."""
        return min(self.ends_at, self.last_seen_at + self.idle_seconds)

    def is_due(self, now: float, *, seconds: float) -> bool:
        """Tell whether the gateway has to be asked about it now; then it counts as being asked."""
        if self.asking or (now < self.asked_at + seconds and self.results.ending() is None):
            return False
        self.asking, self.asked_at = True, now
        return True

    def asked_ending(self) -> Ending | None:
        """Ask the gateway, and return why the session must end; None when it may go on."""
        refused = self.results.ending()
        if refused is not None:
            return refused
        stub = catalog_pb2_grpc.CatalogServiceStub(self.connection.channel)
        try:
            with request_errors():
                stub.GetRequester(
                    catalog_pb2.GetRequesterRequest(), metadata=self.connection.headers(), timeout=_ANSWER_SECONDS_MAX
                )
            self.results.sweep(self.connection)
        except RequestError as error:
            return ending_of(error)
        except ValueError:  # it has just ended, and its channel with it
            return None
        return None

    def close(self) -> None:
        """Let go of everything it holds, even when a part of it fails."""
        self.closed = True
        with contextlib.ExitStack() as stack:
            stack.callback(self.connection.close)
            stack.callback(self.downloads.close)
            stack.callback(self.results.close)
            stack.callback(self.audit.close)


class Sessions:
    """The sessions of one console.

    Args:
        idle_seconds: A session ends when nothing was asked for so long.
        session_seconds: A session ends after so long in any case.
        sessions_max: The one that was idle longest makes room for one more.
        room: What the results of all sessions share.
    """

    def __init__(
        self, *, idle_seconds: float, session_seconds: float, sessions_max: int, room: Room | None = None
    ) -> None:
        self._idle_seconds = idle_seconds
        self._session_seconds = session_seconds
        self._sessions_max = sessions_max
        self._room = room or Room()
        self._lock = threading.Lock()
        self._sessions: dict[bytes, Session] = {}
        self._whys: OrderedDict[bytes, Ending] = OrderedDict()
        self._to_close: list[tuple[Session, Ending]] = []
        self._pool = ThreadPoolExecutor(_ASKING_MAX, thread_name_prefix="sweep")

    def open(
        self,
        connection: Connection,
        *,
        requester: catalog_pb2.GetRequesterResponse,
        browser: Browser,
        now: float,
        token_ends_at: float,
        earlier_key: str = "",
    ) -> str:
        """Return the secret of a new session, for the cookie.

        Args:
            connection: Of the requester; closed with the session.
            requester: Who signed in.
            browser: In which browser.
            now: Seconds since 1970-01-01 UTC.
            token_ends_at: The session ends with the token at the latest.
            earlier_key: Of the session that it replaces in the same browser; empty for none.
        """
        secret = secrets.token_urlsafe(32)
        session = Session(
            connection=connection,
            requester=requester,
            browser=browser,
            idle_seconds=self._idle_seconds,
            signed_in_at=now,
            ends_at=min(now + self._session_seconds, token_ends_at),
            last_seen_at=now,
            asked_at=now,
            earlier_key=earlier_key,
            results=Results(self._room),
            downloads=Downloads(self._room.folder, space=self._room.space),
        )
        with self._held(now):
            own = [digest for digest, other in self._sessions.items() if other.subject == session.subject]
            if len(own) >= _SESSIONS_OF_ONE_MAX:  # nobody takes everybody's place
                self._end_idle_longest(own)
            elif len(self._sessions) >= self._sessions_max:
                self._end_idle_longest(list(self._sessions))
            self._sessions[digest_of(secret)] = session
        return secret

    def find(self, secret: str, *, proof: Proof, browser: Browser, now: float, seen: bool = True) -> Session:
        """Return the session of a request. Another browser that asks for it ends it.

        Args:
            secret: Of the cookie.
            proof: Of the request; it holds once.
            browser: That signed it.
            now: Seconds since 1970-01-01 UTC.
            seen: Whether somebody acts: what a page asks by itself does not keep a session alive.

        Raises:
            NoSession: It has ended, or never was.
            ProofInvalid: The proof was used before.
        """
        digest = digest_of(secret)
        with self._held(now):
            session = self._sessions.get(digest)
            if session is None:
                raise NoSession(self._whys.get(digest, Ending.NONE))
            if dataclasses.replace(session.browser, key=session.earlier_key) == browser:
                raise NoSession(None)
            if session.browser != browser:
                self._end(digest, Ending.ELSEWHERE)
                raise NoSession(Ending.ELSEWHERE)
            session.used_proofs.use(proof, now=now)
            if seen:
                session.last_seen_at = now
        return session

    def why(self, secret: str) -> Ending | None:
        """Return why a session has ended; None when it is open."""
        digest = digest_of(secret)
        with self._lock:
            return None if digest in self._sessions else self._whys.get(digest, Ending.NONE)

    def holder(self, secret: str, *, address: str, agent: str, now: float) -> Session | None:
        """Return the session of a request that cannot be signed: for what another secret, given to its key, opens once."""
        with self._held(now):
            session = self._sessions.get(digest_of(secret))
        if session is None or (session.browser.address, session.browser.agent) != (address, agent):
            return None
        return session

    def replace(self, digest: bytes, *, browser: Browser) -> str:
        """End the session that a browser had before it signs in anew, and return its key; empty when it had none.

        Args:
            digest: Of its secret, `digest_of`.
            browser: That signs in.
        """
        with self._held():
            session = self._sessions.get(digest)
            if session is None or dataclasses.replace(session.browser, key=browser.key) != browser:
                return ""
            self._end(digest, Ending.SIGNED_IN_ANEW)
        return session.browser.key

    def close(self, secret: str, *, why: Ending) -> None:
        """End a session."""
        with self._held():
            if digest_of(secret) in self._sessions:
                self._end(digest_of(secret), why)

    def close_all(self) -> None:
        """End every session."""
        with self._held():
            for digest in list(self._sessions):
                self._end(digest, Ending.TIME)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def sweep(self, now: float) -> Sequence[Future[None]]:
        """End the sessions whose time is over, and what sessions hold longer than they may.

        The gateway is asked in threads of its own, so that one that is slow keeps nothing else; they are returned.
        """
        with self._held(now):
            sessions = list(self._sessions.items())
        for _, session in sessions:
            with _logged("what has expired was not dropped"):
                session.downloads.sweep()
                session.results.close_expired()
        return [
            self._pool.submit(self._ask, digest, session)
            for digest, session in sessions
            if session.is_due(now, seconds=_ASKED_SECONDS)
        ]

    def _ask(self, digest: bytes, session: Session) -> None:
        """Ask the gateway whether it still knows the requester; where it does not, the session ends."""
        try:
            with _logged("the gateway was not asked about a session"):
                ending = session.asked_ending()
                if ending is None:
                    return
                with self._held():
                    if self._sessions.get(digest) is session:
                        self._end(digest, ending)
        finally:
            session.asking = False

    @contextlib.contextmanager
    def _held(self, now: float | None = None) -> Iterator[None]:
        """Hold the lock, with the sessions over at `now` ended; what is ended is closed without the lock."""
        try:
            with self._lock:
                if now is not None:
                    self._end_over(now)
                yield
        finally:
            with self._lock:
                to_close, self._to_close = self._to_close, []
            for session, why in to_close:
                _close(session, why)

    def _end_over(self, now: float) -> None:
        for digest, session in list(self._sessions.items()):
            if now >= session.over_at:
                ended_by_token = session.ends_at < session.signed_in_at + self._session_seconds
                at_end = Ending.TOKEN if ended_by_token else Ending.TIME
                self._end(digest, at_end if now >= session.ends_at else Ending.IDLE)

    def _end_idle_longest(self, digests: list[bytes]) -> None:
        self._end(min(digests, key=lambda digest: self._sessions[digest].last_seen_at), Ending.TOO_MANY)

    def _end(self, digest: bytes, why: Ending) -> None:
        self._to_close.append((self._sessions.pop(digest), why))
        self._whys[digest] = why
        if len(self._whys) > _WHYS_MAX:
            self._whys.popitem(last=False)


def digest_of(secret: str) -> bytes:
    """Return what is kept of a session's secret."""
    return hashlib.sha256(secret.encode()).digest()


@contextlib.contextmanager
def _logged(what: str) -> Iterator[None]:
    """Log what fails inside: of one session, which must not keep the others."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, the other sessions have to be swept
        _LOG.error(what, error=type(error).__name__)


def _close(session: Session, why: Ending) -> None:
    say = _LOG.warning if why is Ending.ELSEWHERE else _LOG.info
    say("a session has ended", requester=session.subject, why=why.value, address=session.browser.address)
    try:
        session.close()
    except Exception as error:  # noqa: BLE001 - of what pages hung on the session; the others must be closed, too
        _LOG.error("a session did not let go of everything", error=type(error).__name__)
