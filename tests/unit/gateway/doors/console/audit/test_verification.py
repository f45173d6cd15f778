from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest

from connectors.sdk.tlog import LogWriter
from connectors.sdk.tlog.copying import send_log
from gateway.doors.console.audit import verification
from gateway.doors.console.audit.verifying import Verifying
from gateway.doors.console.audit.work import AuditWork, Kept, Keys
from gateway.doors.console.downloads import delete_unfinished
from gateway.doors.console.runs.results import Room
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc
from tests.unit.gateway.doors.console.audit.test_proving import LOG_KEY, NAME, SIGNING


class Gateway(audit_pb2_grpc.AuditServiceServicer):
    """A gateway that sends a small log, once it may."""

    def __init__(self, directory: Path) -> None:
        self.channel: grpc.Channel
        self.may_send = threading.Event()
        self.copies: list[Path] = []
        self.asked = 0
        self._directory = directory / "log"
        self._folder = directory / "console"
        ids = itertools.count(1)
        with LogWriter.open(
            self._directory,
            signing_key=SIGNING,
            name=NAME,
            clock_micros=lambda: 1_700_000_000_000_000,
            new_entry_id=lambda: f"entry-{next(ids)}",
        ) as log:
            for _ in range(3):
                log.append("denial", {})
            self._note, self._segments = log.checkpoint, log.segments()

    def GetCheckpoint(self, request, context):
        self.asked += 1
        return audit_pb2.GetCheckpointResponse(checkpoint=self._note)

    def ReadLog(self, request, context):
        self.may_send.wait(10)
        for name, data in send_log(self._directory, checkpoint=self._note, segments=self._segments):
            self.copies = list(self._folder.iterdir())
            yield audit_pb2.ReadLogResponse(file=name, data=data)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    one = Gateway(tmp_path)
    server = grpc.server(ThreadPoolExecutor(4))
    audit_pb2_grpc.add_AuditServiceServicer_to_server(one, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as one.channel:
        yield one
    server.stop(0).wait()


@pytest.fixture
def room(tmp_path: Path) -> Room:
    (tmp_path / "console").mkdir()
    return Room(folder=tmp_path / "console")


def visit_of(room: Room, gateway: Gateway):
    return SimpleNamespace(
        session=SimpleNamespace(audit=AuditWork(keys=Keys(log=LOG_KEY)), results=SimpleNamespace(room=room)),
        connection=SimpleNamespace(channel=gateway.channel, headers=list),
        form={},
        now=1_800_000_000,
        render=lambda template, **values: values,
    )


def ended(verifying: Verifying) -> Verifying:
    until = time.monotonic() + 10
    while verifying.running and time.monotonic() < until:
        time.sleep(0.01)
    return verifying


def test_the_copy_lies_below_the_consoles_own_folder(gateway: Gateway, room: Room) -> None:
    """Nobody else reads it, it goes when it was verified, and a console that starts deletes what another one left."""
    visit = visit_of(room, gateway)
    gateway.may_send.set()
    verification.start(visit)
    assert ended(visit.session.audit.verifying).found.passed
    (copy,) = gateway.copies
    assert list(room.folder.iterdir()) == []
    copy.mkdir()
    delete_unfinished(room.folder)
    assert not copy.exists()


def test_two_clicks_begin_one_verification(gateway: Gateway, room: Room) -> None:
    """However close they are to each other."""
    visit = visit_of(room, gateway)
    with ThreadPoolExecutor(8) as pool:
        shown = [one.result()["verifying"] for one in [pool.submit(verification.start, visit) for _ in range(8)]]
    gateway.may_send.set()
    assert len(set(map(id, shown))) == 1
    ended(shown[0])
    assert gateway.asked == 1


def test_two_verifications_at_once_are_enough(gateway: Gateway, room: Room) -> None:
    """A third auditor reads when to try again, and can once another one has ended."""
    visits = [visit_of(room, gateway) for _ in range(3)]
    first, _, third = [verification.start(visit) for visit in visits]
    assert (first["problem"], third["verifying"]) == (None, None)
    assert "再试" in third["problem"].zh
    gateway.may_send.set()
    for visit in visits[:2]:
        ended(visit.session.audit.verifying)
    while (shown := verification.start(visits[2]))["problem"]:
        time.sleep(0.01)
    assert ended(shown["verifying"]).found.passed


def test_another_key_forgets_what_the_first_one_found(gateway: Gateway, room: Room) -> None:
    """No verdict of another key is shown, and nothing is compared with its checkpoint."""
    visit = visit_of(room, gateway)
    gateway.may_send.set()
    verification.start(visit)
    ended(visit.session.audit.verifying)
    assert isinstance(verification.progress(visit)["kept"], Kept)
    visit.session.audit.use(Keys(log=LOG_KEY))
    shown = verification.progress(visit)
    assert (shown["verifying"], shown["kept"]) == (None, None)


def test_another_key_ends_what_runs(gateway: Gateway, room: Room) -> None:
    """Its outcome would be the first key's."""
    visit = visit_of(room, gateway)
    running = verification.start(visit)["verifying"]
    visit.session.audit.use(Keys(log=LOG_KEY))
    gateway.may_send.set()
    assert ended(running).found is None
    assert verification.progress(visit)["kept"] is None
