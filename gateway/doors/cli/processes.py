"""Child processes that never outlive this one."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ChildFailed(Exception):
    """A child process ended, or was not ready in time; the text says where its log is."""


class Children:
    """Starts processes in order and ends them in reverse order."""

    def __init__(self, *, logs: Path, stop: threading.Event) -> None:
        self._logs = logs
        self._stop = stop
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a process; its output goes to `<logs>/<name>.log`."""
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self._running.append((name, process))
        return process

    def wait_for(self, name: str, text: str, *, seconds_max: float) -> str:
        """Return the first line of a process's output that starts with `text`.

        Raises:
            ChildFailed: The process ended or did not print it in time.
        """
        process = next(process for started, process in self._running if started == name)
        deadline = time.monotonic() + seconds_max
        while time.monotonic() < deadline:
            for line in self._log(name).read_text("utf-8", errors="replace").splitlines():
                if line.startswith(text):
                    return line
            if process.poll() is not None:
                raise ChildFailed(f"{name} 已退出 / ended with {process.returncode}: {self._log(name)}")
            if self._stop.wait(0.05):
                raise ChildFailed("已中止 / stopped")
        raise ChildFailed(f"{name} 未在 {seconds_max:.0f} 秒内就绪 / was not ready in time: {self._log(name)}")

    def run_once(self, name: str, command: Sequence[str], *, seconds_max: float) -> None:
        """Run a command to its end.

        Raises:
            ChildFailed: It failed or took too long.
        """
        process = self.start(name, command)
        try:
            if process.wait(timeout=seconds_max) != 0:
                raise ChildFailed(f"{name}: {process.returncode}: {self._log(name)}")
        except subprocess.TimeoutExpired as error:
            raise ChildFailed(f"{name}: {seconds_max:.0f} s: {self._log(name)}") from error
        self._running.remove((name, process))

    def ended(self) -> str | None:
        """Return the name of a process that has ended, if any has."""
        return next((name for name, process in self._running if process.poll() is not None), None)

    def stop(self) -> None:
        """End every process: SIGTERM, and SIGKILL for those still there after ten seconds."""
        for _, process in reversed(self._running):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for _, process in reversed(self._running):
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
