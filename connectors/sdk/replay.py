"""Refuse what was already used once."""

from __future__ import annotations

import heapq
import threading


class ReplayGuard:
    """Remembers keys until they expire; bounded, and safe to use from several threads."""

    def __init__(self, *, keys_max: int = 1_000_000) -> None:
        self._keys_max = keys_max
        self._known: set[bytes] = set()
        self._by_expiry: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()

    def admit(self, *keys: bytes, expires_at: int, now: int) -> bool:
        """Tell whether none of the keys was seen before, and remember them until `expires_at`. False also when full."""
        with self._lock:
            while self._by_expiry and self._by_expiry[0][0] <= now:
                self._known.discard(heapq.heappop(self._by_expiry)[1])
            if not self._known.isdisjoint(keys) or len(self._known) + len(keys) > self._keys_max:
                return False
            for key in keys:
                self._known.add(key)
                heapq.heappush(self._by_expiry, (expires_at, key))
            return True
