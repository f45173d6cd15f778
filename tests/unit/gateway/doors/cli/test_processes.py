"""Child processes that never outlive their parent."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from gateway.doors.cli.processes import ChildFailed, Children

SLEEPER = [sys.executable, "-c", "import time; print('READY 4711', flush=True); time.sleep(60)"]


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def children(tmp_path: Path, stop: threading.Event) -> Iterator[Children]:
    started = Children(logs=tmp_path / "logs", stop=stop)
    yield started
    started.stop()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not condition():
        time.sleep(0.02)
    return condition()


def test_a_child_is_ready_when_it_says_so(children: Children) -> None:
    """The first line of output that starts as asked for is returned."""
    process = children.start("sleeper", SLEEPER)
    assert children.wait_for("sleeper", "READY", seconds_max=100) == "READY 4711"
    assert children.ended() is None
    children.stop()
    assert process.returncode is not None


def test_a_child_that_ends_before_it_is_ready_is_told_with_its_log(children: Children, tmp_path: Path) -> None:
    """The error names the child, its status and where its output is."""
    children.start("broken", ["sh", "-c", "echo trouble; exit 7"])
    with pytest.raises(ChildFailed) as raised:
        children.wait_for("broken", "READY", seconds_max=100)
    log = tmp_path / "logs" / "broken.log"
    assert str(raised.value) == f"broken 已退出 / ended with 7: {log}"
    assert log.read_text() == "trouble\n"
    assert children.ended() == "broken"


def test_a_child_that_is_never_ready_is_given_up(children: Children) -> None:
    """Waiting ends after the bound."""
    children.start("slow", ["sleep", "60"])
    with pytest.raises(ChildFailed, match="not ready in time"):
        children.wait_for("slow", "READY", seconds_max=0.2)


def test_waiting_ends_when_asked_to_stop(children: Children, stop: threading.Event) -> None:
    """Ctrl-C during the start does not wait for the child."""
    children.start("slow", ["sleep", "60"])
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(ChildFailed, match="stopped"):
        children.wait_for("slow", "READY", seconds_max=60)


def test_every_child_is_ended(children: Children) -> None:
    """Stop ends all, also those that have ended before, and may be called again."""
    running = [children.start(f"sleeper-{i}", ["sleep", "60"]) for i in range(3)]
    running.append(children.start("short", ["true"]))
    running[-1].wait()
    children.stop()
    assert all(process.returncode is not None for process in running)
    children.stop()


PARENT = """
import sys, threading, time
from pathlib import Path
from gateway.doors.cli.processes import Children
children = Children(logs=Path(sys.argv[1]), stop=threading.Event())
print(children.start("sleeper", ["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


def test_no_child_outlives_a_parent_that_was_killed(tmp_path: Path) -> None:
    """Also after kill -9 of the parent its children end."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "logs")], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
