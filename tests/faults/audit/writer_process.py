"""Forks a writer of the log for every line on standard input; the writers say what was acknowledged, until they die.

Input: `<appends> <segment bytes>`; a writer makes as many appends, or goes on for ever when it is 0.
Output: `pid <n>` when a writer is there and waits for SIGCONT, `ack <entry id>` after each append, `gone` when it is dead.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from gateway.audit import AuditLog
from gateway.model.audit import EntryKind
from tests.faults.audit.logs import open_log

THREADS = 8


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def append(log: AuditLog, *, closed: bool) -> None:
    entry = log.append(EntryKind.INTENT, {"padding": "x" * 200})
    say(f"ack {entry.entry_id}")
    if closed:
        log.append(EntryKind.RECEIPT, {"intent": entry.entry_id})


def write(directory: Path, *, appends: int, segment_bytes: int) -> None:
    """Append one entry after the other, or from several threads for ever."""
    log = open_log(directory, segment_bytes_max=segment_bytes)
    if appends:
        for number in range(appends):
            append(log, closed=number % 2 == 0)
        log.close()
        return

    def work() -> None:
        while True:
            append(log, closed=True)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main(directory: Path) -> None:
    """Serve standard input."""
    for line in sys.stdin:
        appends, segment_bytes = map(int, line.split())
        pid = os.fork()
        if pid == 0:
            try:
                os.kill(os.getpid(), signal.SIGSTOP)
                write(directory, appends=appends, segment_bytes=segment_bytes)
            finally:
                os._exit(1)
        os.waitpid(pid, os.WUNTRACED)
        say(f"pid {pid}")
        os.waitpid(pid, 0)
        say("gone")


main(Path(sys.argv[1]))
