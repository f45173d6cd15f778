"""The gateway side of the workers: a pool of warm processes, each used once."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress

from gateway.errors import Unavailable
from gateway.messages import Reason

FORK_SECONDS_MAX = 120.0
"""Includes the imports of a new zygote."""


class Worker:
    """One warm process that will run one job."""

    def __init__(self, control: socket.socket, pidfd: int) -> None:
        self.control = control
        self._pidfds = [pidfd]

    def kill(self) -> None:
        """End the process at once. May be called more than once and from any thread or finaliser: it takes no lock."""
        with suppress(IndexError):
            pidfd = self._pidfds.pop()
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)

    def close(self) -> None:
        """End the process and release its descriptors."""
        self.kill()
        self.control.close()


class EnginePool:
    """Keeps up to `warm_count` workers ready and lets at most `concurrent_max` run at once.

    Finalisers of abandoned results give workers back, at any point of any thread, so only re-entrant parts are used.
    """

    def __init__(self, *, warm_count: int = 2, concurrent_max: int = 4) -> None:
        self._warm_count = warm_count
        self._warm: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._slots: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._zygote_lock = threading.RLock()
        self._closed = False
        self._zygote, self._requests = _start_zygote()
        for _ in range(concurrent_max):
            self._slots.put(None)
        for _ in range(warm_count):
            self._warm.put(self._fork())

    def take(self, *, timeout_seconds: float) -> Worker:
        """Return a worker; give it back with `give_back`, once.

        Raises:
            Unavailable: Every slot stayed busy for `timeout_seconds`, or workers cannot be started.
        """
        try:
            self._slots.get(timeout=max(0.0, timeout_seconds))
        except queue.Empty:
            raise Unavailable(Reason.BUSY) from None
        try:
            return self._warm.get_nowait()
        except queue.Empty:
            pass
        try:
            return self._fork()
        except BaseException:
            self._slots.put(None)
            raise

    def give_back(self, worker: Worker) -> None:
        """End the used worker, free its slot and warm a new one."""
        worker.close()
        self._slots.put(None)
        if self._warm.qsize() < self._warm_count:
            with suppress(Unavailable):
                self._warm.put(self._fork())

    def close(self) -> None:
        """End every idle worker and the zygote."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                self._warm.get_nowait().close()
        with self._zygote_lock:
            self._end_zygote()

    def _fork(self) -> Worker:
        """Return a new worker; a zygote that has ended, or does not answer, is replaced once."""
        requests = self._requests
        try:
            return _forked(requests)
        except OSError:
            pass
        try:
            with self._zygote_lock:
                if requests is self._requests and not self._closed:
                    self._end_zygote()
                    self._zygote, self._requests = _start_zygote()
            return _forked(self._requests)
        except OSError as error:
            raise Unavailable(Reason.ENGINE_LOST, internal=f"workers cannot be started: {error}") from error

    def _end_zygote(self) -> None:
        self._requests.close()
        try:
            self._zygote.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._zygote.kill()
            self._zygote.wait()


def _start_zygote() -> tuple[subprocess.Popen[bytes], socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHARING_")}
    # Without it pyarrow's import starts a thread, and only a process of one thread may fork.
    environment["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
    with theirs:
        zygote = subprocess.Popen(
            [sys.executable, "-m", "gateway.execute.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    return zygote, ours


def _forked(requests: socket.socket) -> Worker:
    """Ask for a worker, which answers with its own pidfd. Raises OSError when there is no answer."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        ours.settimeout(FORK_SECONDS_MAX)
        with theirs:
            socket.send_fds(requests, [b"f"], [theirs.fileno()])
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        if not descriptors:
            raise ConnectionResetError("the zygote has ended")
        ours.settimeout(None)
    except BaseException:
        ours.close()
        raise
    return Worker(ours, descriptors[0])
