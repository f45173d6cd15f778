"""Sessions: what the console knows of a browser that signed in. They live in memory only."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.client import Connection
from gateway.doors.console.downloads import Downloads
from gateway.doors.console.draft import Draft
from gateway.doors.console.runs.results import Results, Room
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


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

    connection: Connection
    """With the requester's own token."""
    requester: catalog_pb2.GetRequesterResponse
    """Who the gateway says it is; for showing only, the gateway decides anew with every call."""
    browser: Browser
    signed_in_at: float
    ends_at: float
    last_seen_at: float
    closing: list[Callable[[], None]] = field(default_factory=list)
    """Called when it ends."""
    draft: Draft | None = None
    """What `/query` shows when it is opened; None for an empty one."""
    results: Results = field(default_factory=Results)
    downloads: Downloads = field(default_factory=Downloads)

    @property
    def subject(self) -> str:
        """The requester's subject."""
        return self.requester.subject

    def close(self) -> None:
        """Let go of everything it holds."""
        for close in self.closing:
            close()
        self.results.close()
        self.downloads.close()
        self.connection.close()


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

    def open(
        self,
        connection: Connection,
        *,
        requester: catalog_pb2.GetRequesterResponse,
        browser: Browser,
        now: float,
        token_ends_at: float,
    ) -> str:
        """Return the secret of a new session, for the cookie.

        Args:
            connection: Of the requester; closed with the session.
            requester: Who signed in.
            browser: In which browser.
            now: Seconds since 1970-01-01 UTC.
            token_ends_at: The session ends with the token at the latest.
        """
        secret = secrets.token_urlsafe(32)
        session = Session(
            connection=connection,
            requester=requester,
            browser=browser,
            signed_in_at=now,
            ends_at=min(now + self._session_seconds, token_ends_at),
            last_seen_at=now,
            results=Results(self._room),
            downloads=Downloads(self._room.folder),
        )
        with self._lock:
            ended = self._take_ended(now)
            if len(self._sessions) >= self._sessions_max:
                idle_longest = min(self._sessions, key=lambda digest: self._sessions[digest].last_seen_at)
                ended.append(self._sessions.pop(idle_longest))
            self._sessions[_digest(secret)] = session
        _close_all(ended)
        return secret

    def find(self, secret: str, *, browser: Browser, now: float, seen: bool = True) -> Session | None:
        """Return the session; None when it has ended, or is asked for by another browser, which ends it.

        Args:
            secret: Of the cookie.
            browser: That asks.
            now: Seconds since 1970-01-01 UTC.
            seen: Whether somebody acts: what a page asks by itself does not keep a session alive.
        """
        with self._lock:
            ended = self._take_ended(now)
            session = self._sessions.get(_digest(secret))
            if session is not None and session.browser != browser:
                ended.append(self._sessions.pop(_digest(secret)))
                session = None
            if session is not None and seen:
                session.last_seen_at = now
        _close_all(ended)
        return session

    def holder(self, secret: str, *, address: str, agent: str, now: float) -> Session | None:
        """Return the session of a request that cannot be signed: for what another secret, given to its key, opens once."""
        with self._lock:
            ended = self._take_ended(now)
            session = self._sessions.get(_digest(secret))
        _close_all(ended)
        if session is None or (session.browser.address, session.browser.agent) != (address, agent):
            return None
        return session

    def close(self, secret: str) -> None:
        """End a session."""
        with self._lock:
            session = self._sessions.pop(_digest(secret), None)
        _close_all([session] if session else [])

    def close_all(self) -> None:
        """End every session."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        _close_all(sessions)

    def sweep(self, now: float) -> None:
        """End the sessions whose time is over, and what sessions hold longer than they may."""
        with self._lock:
            ended = self._take_ended(now)
            sessions = list(self._sessions.values())
        _close_all(ended)
        for session in sessions:
            session.downloads.sweep()
            session.results.sweep(session.connection)

    def _take_ended(self, now: float) -> list[Session]:
        def over(session: Session) -> bool:
            return now >= min(session.ends_at, session.last_seen_at + self._idle_seconds)

        ended = [digest for digest, session in self._sessions.items() if over(session)]
        return [self._sessions.pop(digest) for digest in ended]


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _close_all(sessions: list[Session]) -> None:
    for session in sessions:
        session.close()
