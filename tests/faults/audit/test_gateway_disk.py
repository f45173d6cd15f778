"""The disk of a real gateway's access log fails: nothing is delivered, auditors still read, a restart on a sound disk goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gateway.client import connect
from gateway.doors.cli.processes import ChildFailed
from tests.cities import UNAVAILABLE, City, running_city
from tests.fakes.connectors import process
from tests.faults.audit.faulty_disk import SYNCING, WRITING, Disk, failing
from tests.faults.audit.gateways import assert_verified, kill_gateway, start_gateway
from tests.faults.audit.recipients import QUESTIONS, Seen, ask, entries_of

STOPPED = ("AUDIT_UNAVAILABLE",)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """The disk of the city's access log."""
    disk = Disk.make(tmp_path_factory.mktemp("city"), name="audit")
    yield disk
    disk.unmount()


@pytest.fixture(scope="module")
def city(disk: Disk) -> Iterator[City]:
    """A city whose access log has a disk of its own."""
    with running_city(disk.path.parent, residents=1_000) as city:
        yield city


def ask_one(city: City, case: str, *, question: int = 0) -> Seen:
    connection = connect(city.profile("nanjing-east-road"))
    try:
        return ask(connection, case=case, question=question)
    finally:
        connection.close()


def newest_segment(city: City) -> Path:
    return max((city.data / "audit").glob("segment-*[0-9].*"))


def assert_nothing_is_delivered(city: City, fault: str) -> None:
    """Fail unless every question is refused with the log's own status, and nothing of any answer comes."""
    for question in range(len(QUESTIONS)):
        assert ask_one(city, f"{fault}-{question}", question=question) == Seen(
            case=f"{fault}-{question}", codes=STOPPED
        )
    malformed = city.refusal("SELEC", purpose=QUESTIONS[0][0])
    assert (malformed.status, malformed.reasons[0].code) == (UNAVAILABLE, *STOPPED)
    assert all(
        malformed.reasons[0].texts[f"{text}_{language}"] for text in ("message", "remedy") for language in ("zh", "en")
    )


def fault_on(city: City, disk: Disk, fault: str) -> AbstractContextManager[None]:
    if fault == "full":
        return disk.full()
    syscalls = SYNCING if fault == "unsynced" else WRITING
    return failing(process(city, "gateway.toml").pid, syscalls=syscalls, path=newest_segment(city))


@pytest.mark.parametrize("fault", ["full", "unsynced", "unwritten"])
def test_a_disk_that_fails(city: City, disk: Disk, fault: str) -> None:
    """From the fault until a restart without it nobody gets anything; auditors read all the while; nothing is lost."""
    before = ask_one(city, f"{fault}-before")
    assert before.receipt
    with fault_on(city, disk, fault):
        assert_nothing_is_delivered(city, fault)
        assert [entry["kind"] for entry in city.entries(case=before.case)] == ["intent", "receipt"]
    assert_nothing_is_delivered(city, fault)
    kill_gateway(city)
    start_gateway(city, f"after-{fault}")
    assert ask_one(city, f"{fault}-after").receipt
    entries = city.entries()
    assert [entry["entry_id"] for entry in entries_of(before.case, entries)] == [
        before.receipt["entry"],
        before.receipt["receipt"],
    ]
    assert_verified(city)


def test_a_fault_while_rows_are_on_their_way(city: City) -> None:
    """A result whose receipt cannot be recorded is not a whole one for its recipient; its outcome stays unknown."""
    connector = process(city, "connectors", "serve", "market_supervision")
    connector.suspend()
    seen: list[Seen] = []
    asking = threading.Thread(target=lambda: seen.append(ask_one(city, "on-its-way")))
    asking.start()
    while not city.entries(case="on-its-way", kind="intent"):
        time.sleep(0.1)
    with failing(process(city, "gateway.toml").pid, syscalls=WRITING, path=newest_segment(city)):
        connector.resume()
        asking.join(120)
    assert [(one.receipt, one.codes) for one in seen] == [({}, STOPPED)]
    kill_gateway(city)
    start_gateway(city, "after-on-its-way")
    outcomes = [entry["body"].get("outcome") for entry in city.entries(case="on-its-way")]
    assert outcomes == [None, "unknown"]


def test_a_disk_that_turns_read_only(city: City, disk: Disk) -> None:
    """The kernel turns the disk read-only: refused, readable, no start before it is sound; then it goes on with nothing lost."""
    before = ask_one(city, "read-only-before")
    assert before.receipt
    disk.turn_read_only()
    assert_nothing_is_delivered(city, "read-only")
    assert [entry["kind"] for entry in city.entries(case=before.case)] == ["intent", "receipt"]
    assert_verified(city)
    kill_gateway(city)
    with pytest.raises(ChildFailed):
        start_gateway(city, "read-only")
    assert "cannot start" in (city.data / "logs" / "read-only.log").read_text("utf-8")
    disk.unmount()
    assert disk.mount()
    start_gateway(city, "after-read-only")
    assert ask_one(city, "read-only-after").receipt
    assert [entry["entry_id"] for entry in city.entries(case=before.case)] == [
        before.receipt["entry"],
        before.receipt["receipt"],
    ]
    assert_verified(city)
