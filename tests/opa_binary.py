"""Where tests find OPA: where `gateway up --policy opa` finds it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gateway.doors.cli.local_city import find_opa
from gateway.doors.cli.processes import ChildFailed

REPOSITORY = Path(__file__).resolve().parent.parent
_START_SECONDS = 120.0


def opa_binary() -> str:
    """Return the path of OPA, or skip the test; with `REQUIRE_OPA=1` its absence is a failure."""
    try:
        return find_opa()
    except ChildFailed as missing:
        if os.environ.get("REQUIRE_OPA") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@contextlib.contextmanager
def running_opa(*arguments: str) -> Iterator[str]:
    """Run an OPA server on a free loopback port; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*probe.getsockname())
    command = [opa_binary(), "run", "--server", "--addr", address, "--log-level", "error", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(f"http://{address}", process)
            yield f"http://{address}"
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{url}/health", timeout=10).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError("OPA did not start")
