"""Forks a writer of the log for every line on standard input; the writers say what was acknowledged, until killed.

Output: `pid <n>` when a writer starts, `ack <entry id> <sequence>` after each append, `gone` when the writer is dead.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.log import AuditLog
from gateway.model.audit import EntryKind

THREADS = 8


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def write(directory: Path) -> None:
    """Append from several threads for ever."""
    log = AuditLog.open(
        directory,
        signing_key=Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
        key_name="sharing.example/audit",
        clock_micros=lambda: time.time_ns() // 1000,
        new_entry_id=lambda: uuid.uuid4().hex,
        segment_bytes_max=50_000,
    )

    def work() -> None:
        while True:
            entry = log.append(EntryKind.INTENT, {"padding": "x" * 200})
            say(f"ack {entry.entry_id} {entry.sequence}")
            log.append(EntryKind.RECEIPT, {"intent": entry.entry_id})

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(directory: Path) -> None:
    """Serve standard input."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            try:
                write(directory)
            finally:
                os._exit(1)
        say(f"pid {pid}")
        os.waitpid(pid, 0)
        say("gone")


main(Path(sys.argv[1]))
