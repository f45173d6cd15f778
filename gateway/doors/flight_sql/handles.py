"""Handles: opaque, short-lived names for what the door keeps for one requester."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gateway.errors import TooLarge, Unauthenticated
from gateway.messages import Reason
from gateway.model.requester import Requester

_Held = TypeVar("_Held")


@dataclass(slots=True, kw_only=True)
class _Holding(Generic[_Held]):
    held: _Held
    requester: Requester
    expires_at: float
    """Monotonic seconds."""
    taken: bool = False


class HandleStore(Generic[_Held]):
    """Keeps things until they are dropped or expire. Safe from any thread.

    A handle is good only for the requester whom it was issued to, in the same office, roles and clearance.

    Args:
        new_handle: Makes handles that nobody can guess.
        monotonic: Seconds that never go back.
        seconds: How long a handle lives; each `look_up` and `put` begins that anew.
        held_max: Handles of one requester at a time.
    """

    def __init__(
        self, *, new_handle: Callable[[], bytes], monotonic: Callable[[], float], seconds: float, held_max: int
    ) -> None:
        self._new_handle = new_handle
        self._monotonic = monotonic
        self._seconds = seconds
        self._held_max = held_max
        self._holdings: dict[bytes, _Holding[_Held]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._holdings)

    def issue(self, *things: _Held, requester: Requester) -> tuple[bytes, ...]:
        """Return a new handle for each of `things`, or for none.

        Raises:
            TooLarge: The requester holds too many.
        """
        with self._lock:
            now = self._monotonic()
            self._holdings = {key: h for key, h in self._holdings.items() if h.taken or h.expires_at > now}
            held = sum(h.requester.subject == requester.subject and not h.taken for h in self._holdings.values())
            if held + len(things) > self._held_max:
                raise TooLarge(Reason.BUSY)
            issued = {
                self._new_handle(): _Holding(held=thing, requester=requester, expires_at=now + self._seconds)
                for thing in things
            }
            self._holdings.update(issued)
        return tuple(issued)

    def take(self, handle: bytes, *, requester: Requester) -> _Held:
        """Return what is held, once; `drop` it when it is done with.

        Raises:
            Unauthenticated: Unknown, taken, expired, or issued to someone else or to the same subject in another office or role.
        """
        with self._lock:
            holding = self._good(handle, requester)
            holding.taken = True
            return holding.held

    def look_up(self, handle: bytes, *, requester: Requester) -> _Held:
        """Return what is held, as often as asked. Raises like `take`."""
        with self._lock:
            holding = self._good(handle, requester)
            holding.expires_at = self._monotonic() + self._seconds
            return holding.held

    def put(self, handle: bytes, held: _Held, *, requester: Requester) -> None:
        """Hold something else under a handle. Raises like `take`."""
        with self._lock:
            holding = self._good(handle, requester)
            holding.held, holding.expires_at = held, self._monotonic() + self._seconds

    def drop(self, handle: bytes, *, requester: Requester) -> _Held | None:
        """Forget a handle of the requester's, taken or not, and return what it held; None for any other handle."""
        with self._lock:
            holding = self._holdings.get(handle)
            if holding is None or _as_decided(holding.requester) != _as_decided(requester):
                return None
            del self._holdings[handle]
            return holding.held

    def _good(self, handle: bytes, requester: Requester) -> _Holding[_Held]:
        holding = self._holdings.get(handle)
        mine = holding is not None and _as_decided(holding.requester) == _as_decided(requester)
        if holding is None or not mine or holding.taken or holding.expires_at <= self._monotonic():
            raise Unauthenticated(Reason.TICKET_INVALID)
        return holding


def _as_decided(requester: Requester) -> Requester:
    """Return what a decision depends on; the token may have been renewed in between."""
    return replace(requester, token_id="")
