"""A department's connector that answers auditors with anything but its log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.load import load_catalogue
from catalog.vocabulary import IdentifierKind
from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import Entry, encode_entry
from gateway.audit import AuditLog, DepartmentLogs, Difference, DifferenceKind, reconcile
from gateway.errors import GatewayError
from gateway.messages import Reason
from gateway.model.audit import EntryKind
from gateway.scan.connectors import ConnectorChannels
from gateway.scan.department_logs import AnswerBounds, ConnectorLogs
from gateway.scan.grants import GrantIssuer
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.fakes.department_logs import DepartmentsInMemory
from tests.fakes.directory import FixedDirectory, instance

NOW = 1_700_000_000
DATASET, HOSTILE, HONEST = "population.resident", "a_hostile", "b_honest"
BODY: dict[str, Any] = {"grant_id": "g", "decision_id": "d", "dataset": DATASET}
END: dict[str, Any] = {**BODY, "rows": 3, "sha256": "aa" * 32, "complete": True}
SMALL = AnswerBounds(entries_max=100, bytes_max=1 << 20, seconds_max=1.0)


def leaf(kind: str = "granted", *, pad: int = 0) -> bytes:
    body = encode_canonical({**BODY, "pad": "x" * pad})
    return encode_entry(body, sequence=1, entry_id="z", kind=kind, time_micros=NOW * 1_000_000)


class EndlessConnector(connector_pb2_grpc.ConnectorServiceServicer):
    """Answers for ever."""

    def __init__(self, *, leaf: bytes, pause_seconds: float = 0.0) -> None:
        self.leaf = leaf
        self.pause_seconds = pause_seconds

    def ReadGrantLog(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        while context.is_active():
            time.sleep(self.pause_seconds)
            yield connector_pb2.ReadGrantLogResponse(leaf=self.leaf)

    def FindSubject(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        while context.is_active():
            time.sleep(self.pause_seconds)
            yield connector_pb2.FindSubjectResponse(decision_id="d", dataset=DATASET, certain=True)


@contextmanager
def answered_by(connector: EndlessConnector, *, bounds: AnswerBounds = SMALL) -> Iterator[ConnectorLogs]:
    server = grpc.server(ThreadPoolExecutor(2))
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(connector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channels = ConnectorChannels(files=None)
    grants = GrantIssuer(
        key=Ed25519PrivateKey.generate(),
        key_id="k",
        pseudonym_secret=bytes(32),
        clock_seconds=lambda: NOW,
        new_id=lambda: "i",
    )
    try:
        yield ConnectorLogs(
            catalogue=load_catalogue(),
            directory=FixedDirectory(instance("i", endpoint=f"127.0.0.1:{port}", department="health")),
            channels=channels,
            grants=grants,
            bounds=bounds,
        )
    finally:
        channels.close()
        server.stop(0).wait()


def read(logs: ConnectorLogs) -> tuple[int, GatewayError | None]:
    """Return how many entries came, and how it ended."""
    count = 0
    try:
        for _ in logs.read("health", from_time=0, until_time=1):
            count += 1
    except GatewayError as error:
        return count, error
    return count, None


@pytest.mark.parametrize(
    ("connector", "reason"),
    [
        (EndlessConnector(leaf=leaf()), Reason.DEPARTMENT_LOG_TOO_LARGE),
        (EndlessConnector(leaf=leaf(pad=60_000)), Reason.DEPARTMENT_LOG_TOO_LARGE),
        (EndlessConnector(leaf=leaf(), pause_seconds=0.1), Reason.DEPARTMENT_LOG_TOO_LARGE),
        (EndlessConnector(leaf=leaf(pad=900_000)), Reason.DEPARTMENT_LOG_INVALID),
        (EndlessConnector(leaf=b"no entry"), Reason.DEPARTMENT_LOG_INVALID),
    ],
    ids=["entries", "bytes", "seconds", "one long entry", "no entry"],
)
def test_an_endless_log_ends_at_its_bounds(connector: EndlessConnector, reason: Reason) -> None:
    """Entries, bytes and seconds of one department are bounded, and the error names the department and the bounds."""
    with answered_by(connector) as logs:
        count, error = read(logs)
    assert error is not None
    assert error.reason is reason
    assert count <= SMALL.entries_max
    named = "health (100 entries, 1,048,576 bytes, 1 s)" if reason is Reason.DEPARTMENT_LOG_TOO_LARGE else "health"
    assert error.detail == named


def test_endless_findings_end_at_their_bounds() -> None:
    """So do the findings about one data subject."""
    with answered_by(EndlessConnector(leaf=b"")) as logs, pytest.raises(GatewayError) as caught:
        list(logs.find("health", identifier=IdentifierKind.RESIDENT_ID, value="1"))
    assert caught.value.reason is Reason.DEPARTMENT_LOG_TOO_LARGE


def test_twin_with_wider_bounds_more_comes_in() -> None:
    """Without the bound on entries the same connector is listened to for as long as it likes."""
    wide = AnswerBounds(entries_max=2_000, bytes_max=1 << 30, seconds_max=60)
    with answered_by(EndlessConnector(leaf=leaf()), bounds=wide) as logs:
        count, _ = read(logs)
    assert count == wide.entries_max


def entry(kind: str, body: dict[str, Any], *, time_micros: int = NOW * 1_000_000) -> Entry:
    return Entry(sequence=1, entry_id="z", kind=kind, time_micros=time_micros, body=body, leaf=b"")


MALFORMED = {
    "grant_id is a list": [entry("granted", {**BODY, "grant_id": [1]})],
    "no grant_id": [entry("granted", {"decision_id": "d", "dataset": DATASET})],
    "decision_id is an object": [entry("granted", {**BODY, "decision_id": {}})],
    "decision_id is a book": [entry("granted", {**BODY, "decision_id": "d" * 65})],
    "dataset is a number": [entry("granted", {**BODY, "dataset": 5})],
    "dataset is an escape": [entry("granted", {**BODY, "dataset": "\x1b[2J"})],
    "rows are text": [entry("granted", BODY), entry("served", {**END, "rows": "9"})],
    "rows are true": [entry("granted", BODY), entry("served", {**END, "rows": True})],
    "rows are negative": [entry("granted", BODY), entry("served", {**END, "rows": -1})],
    "rows are no int64": [entry("granted", BODY), entry("served", {**END, "rows": 1 << 63})],
    "sha256 is a number": [entry("granted", BODY), entry("served", {**END, "sha256": 5})],
    "complete is text": [entry("granted", BODY), entry("served", {**END, "complete": "no"})],
    "an end without rows": [entry("served", BODY)],
}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """An access log with one scan at each of the two departments."""
    ids = iter(f"e{number}" for number in range(100))
    log = AuditLog.open(
        tmp_path / "log",
        signing_key=Ed25519PrivateKey.from_private_bytes(bytes(32)),
        key_name="sharing.example/audit",
        clock_micros=lambda: NOW * 1_000_000,
        new_entry_id=lambda: next(ids),
    )
    with log:
        for department in (HOSTILE, HONEST):
            scan = {"dataset": DATASET, "controller": department}
            intent = log.append(EntryKind.INTENT, {"decision_id": "d", "scans": [scan]})
            came = {**scan, "rows": 3, "sha256": "aa" * 32}
            log.append(EntryKind.RECEIPT, {"intent": intent.entry_id, "outcome": "delivered", "scans": [came]})
    return tmp_path / "log"


def compared(directory: Path, entries: list[Entry]) -> list[Difference]:
    honest = [entry("granted", BODY), entry("served", END)]
    logs: DepartmentLogs = DepartmentsInMemory(entries={HOSTILE: entries, HONEST: honest})
    with closing(EntryIndex(directory)) as index:
        return list(reconcile(index, logs=logs, from_time=NOW - 60, until_time=NOW + 60))


@pytest.mark.parametrize("entries", MALFORMED.values(), ids=MALFORMED.keys())
def test_nonsense_of_one_department_does_not_end_the_comparison(recorded: Path, entries: list[Entry]) -> None:
    """Whatever one department's entries hold, it is named as without a log, and the next one is compared."""
    found = compared(recorded, entries)
    assert [(one.department, one.kind, one.agreed) for one in found] == [
        (HOSTILE, DifferenceKind.NO_LOG, 0),
        (HONEST, DifferenceKind.AGREED, 1),
    ]
    assert found[0].error is not None
    assert (found[0].error.reason, found[0].error.detail) == (Reason.DEPARTMENT_LOG_INVALID, HOSTILE)


def test_twin_without_checking_types_nonsense_ends_the_comparison(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unchecked list as an id is an error of our own, before the honest department's turn."""
    monkeypatch.setitem(reconcile.__globals__, "_text", lambda body, name, form: body.get(name))
    with pytest.raises(TypeError):
        compared(recorded, MALFORMED["grant_id is a list"])
