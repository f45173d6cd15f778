"""Tickets: opaque, short-lived, for one requester and one use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.errors import TooLarge, Unauthenticated
from gateway.messages import Reason
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester

TICKET_SECONDS = 60
TICKETS_PER_REQUESTER_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingQuery:
    """A query that was allowed and waits to be fetched, to be decided anew then."""

    resolved: ResolvedQuery
    requester: Requester
    context: RequestContext
    expires_at: float
    """Monotonic seconds."""


class TicketStore:
    """Keeps allowed queries until they are fetched or expire."""

    def __init__(self, *, new_handle: Callable[[], bytes], monotonic: Callable[[], float]) -> None:
        self._new_handle = new_handle
        self._monotonic = monotonic
        self._pending: dict[bytes, PendingQuery] = {}
        self._lock = threading.Lock()

    def issue(self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext) -> bytes:
        """Return a new ticket.

        Raises:
            TooLarge: The requester holds too many tickets.
        """
        handle, now = self._new_handle(), self._monotonic()
        pending = PendingQuery(resolved=resolved, requester=requester, context=context, expires_at=now + TICKET_SECONDS)
        with self._lock:
            self._pending = {key: p for key, p in self._pending.items() if p.expires_at > now}
            held = sum(p.requester.subject == requester.subject for p in self._pending.values())
            if held >= TICKETS_PER_REQUESTER_MAX:
                raise TooLarge(Reason.BUSY)
            self._pending[handle] = pending
        return handle

    def redeem(self, handle: bytes, *, requester: Requester) -> PendingQuery:
        """Return the query once, to the requester whom it was decided for.

        Raises:
            Unauthenticated: Unknown, used, expired, or issued to someone else or to the same subject in another office or role.
        """
        with self._lock:
            pending = self._pending.get(handle)
            mine = pending is not None and _as_decided(pending.requester) == _as_decided(requester)
            if pending is None or not mine or pending.expires_at <= self._monotonic():
                raise Unauthenticated(Reason.TICKET_INVALID)
            del self._pending[handle]
        return pending


def _as_decided(requester: Requester) -> Requester:
    """Return what a decision depends on; the token may have been renewed in between."""
    return replace(requester, token_id="")
