"""How often something may be tried from one address."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

_ADDRESSES_MAX = 10_000


class Turns:
    """Counts what was tried from each address; the addresses that tried nothing for longest are forgotten.

    Args:
        tries_max: As many may be made within `seconds`.
        seconds: How long a try counts.
    """

    def __init__(self, *, tries_max: int, seconds: float) -> None:
        self._tries_max = tries_max
        self._seconds = seconds
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def left(self, address: str, *, now: float) -> bool:
        """Tell whether one more may be made."""
        with self._lock:
            tries = self._tries.get(address, deque())
            while tries and tries[0] <= now - self._seconds:
                tries.popleft()
            return len(tries) < self._tries_max

    def take(self, address: str, *, now: float) -> bool:
        """Count a try, and tell whether it may be made."""
        if not self.left(address, now=now):
            return False
        self.count(address, now=now)
        return True

    def count(self, address: str, *, now: float) -> None:
        """Count a try."""
        with self._lock:
            tries = self._tries.setdefault(address, deque(maxlen=self._tries_max))
            tries.append(now)
            self._tries.move_to_end(address)
            if len(self._tries) > _ADDRESSES_MAX:
                self._tries.popitem(last=False)
