"""Write the rows of every closed segment beside it, and their hash into the log."""

from __future__ import annotations

import threading

import structlog

from connectors.sdk.access_log import EntryIndex
from gateway.audit.facts import Log
from gateway.audit.search import readable
from gateway.errors import Unavailable
from gateway.model.audit import EntryKind

SECONDS_BETWEEN = 10.0


class Sealer:
    """Seals closed segments in the background. A failure is tried again; the index works without it, only slower.

    Args:
        log: Where the hashes are recorded.
        index: The same log.
    """

    def __init__(self, log: Log, *, index: EntryIndex) -> None:
        self._log = log
        self._index = index
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-sealer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop and wait for the segment at hand."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def seal(self) -> int:
        """Seal what is closed and return the number of segments.

        Raises:
            Unavailable: A segment cannot be read or written, or the log is stopped.
        """
        sealed = 0
        with readable():
            for segment in self._index.unsealed():
                if self._stopped.is_set():
                    break
                self._log.append(EntryKind.SEALED, self._index.publish(segment))
                sealed += 1
        return sealed

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.seal()
            except Unavailable as error:
                structlog.get_logger().warning("segments are not sealed yet", cause=error.internal)
            self._stopped.wait(SECONDS_BETWEEN)
