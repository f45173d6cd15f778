"""One running connector, as it registers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class RunningInstance:
    """Knows which registrations the connector itself has under way, so that it confirms no other.

    Args:
        id: New with every start of the process.
    """

    def __init__(self, id: str) -> None:
        self.id = id
        self._nonces: set[bytes] = set()
        self._lock = threading.Lock()

    @contextmanager
    def registering(self, nonce: bytes) -> Iterator[None]:
        """Confirm the registration with this nonce, once, while it is under way."""
        with self._lock:
            self._nonces.add(nonce)
        try:
            yield
        finally:
            self.confirm(nonce)

    def confirm(self, nonce: bytes) -> bool:
        """Tell whether this connector sent the registration and has not confirmed it before."""
        with self._lock:
            confirmed = nonce in self._nonces
            self._nonces.discard(nonce)
            return confirmed
