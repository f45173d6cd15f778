"""A worker whose side of the protocol a test plays, with a real process behind its pidfd."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable

from gateway.errors import Unavailable
from gateway.execute.engine import Worker
from gateway.messages import Reason

Script = Callable[[socket.socket, int], None]
"""Gets the control socket and the descriptor for the result; both are closed when it returns."""


class ScriptedPool:
    """A pool of one scripted worker."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.given_back = 0

    def take(self, *, timeout_seconds: float) -> Worker:
        if self.given_back:
            raise Unavailable(Reason.BUSY)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(["sleep", "60"])
        threading.Thread(target=self._play, args=(theirs,), daemon=True).start()
        return Worker(ours, os.pidfd_open(self._process.pid))

    def give_back(self, worker: Worker) -> None:
        worker.close()
        self._process.wait()
        self.given_back += 1

    def _play(self, control: socket.socket) -> None:
        with control:
            _, descriptors, _, _ = socket.recv_fds(control, 1 << 18, 64)
            try:
                self._script(control, descriptors[0])
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
