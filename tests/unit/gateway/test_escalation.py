"""Escalation in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from catalog.requests import Need, RequestStore
from catalog.store import StoreWatch, open_store
from gateway import escalation
from gateway.model.audit import EntryKind
from tests.unit.catalog.requests.filed import NEED, at


class TroubledStore(RequestStore):
    """Fails in an unforeseen way when it is first asked."""

    asked = 0

    def needs(self) -> tuple[Need, ...]:
        self.asked += 1
        if self.asked == 1:
            raise KeyError("a bug")
        return super().needs()


class FakeLog:
    """Takes down what it is given, and that it was."""

    def __init__(self) -> None:
        self.bodies: list[Mapping[str, Any]] = []
        self.written = threading.Event()

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> None:
        self.bodies.append(body)
        self.written.set()


def test_no_mishap_ends_the_watch_over_deadlines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one look raises, the next one escalates what is overdue."""
    watch = StoreWatch(open_store(f"sqlite:///{tmp_path}/store.db"))
    watch.poll()
    store, log = TroubledStore(watch), FakeLog()
    store.file(NEED, witness=lambda: None)
    monkeypatch.setattr(escalation, "SECONDS_BETWEEN", 0.01)
    looking = escalation.Escalation(store, log=log, clock_seconds=lambda: at("2026-03-03 00:00"))
    looking.start()
    written = log.written.wait(100)
    looking.close()
    watch.close()
    assert written
    assert [body["action"] for body in log.bodies] == ["need_escalate"]
