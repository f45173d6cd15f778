"""A gateway killed at any stage of any query: nobody holds an answer, a row or a refusal that the log does not have."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway.client import connect
from tests.cities import City, running_city
from tests.faults.audit.dying_gateway import DELIVERING, POINTS, RECEIPT_DURABLE
from tests.faults.audit.gateways import DEAD_SECONDS_MAX, assert_verified, kill_gateway, start_gateway
from tests.faults.audit.recipients import Seen, ask, asking, entries_of

ENTRIES = Path(__file__).parents[3] / "catalog" / "entries"
SOAK = os.environ.get("SOAK") == "1"
LOADED_CYCLES = 200 if SOAK else 1
KILLED_AT = POINTS if SOAK else ("audit", "scan", DELIVERING, RECEIPT_DURABLE)
RECIPIENTS = 4
BEFORE_THE_INTENT = ("authenticate", "parse", "resolve", "decide", "rewrite", "audit")
pytestmark = pytest.mark.timeout(3600 if SOAK else 600)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city without a gateway, and with daily quotas that the many outcomes that nobody knows do not use up."""
    entries = tmp_path_factory.mktemp("catalogue") / "entries"
    shutil.copytree(ENTRIES, entries)
    for purpose in (entries / "purposes").glob("*.yaml"):
        purpose.write_text(re.sub(r"rows_per_day_max: \d+", "rows_per_day_max: 1000000000", purpose.read_text("utf-8")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARING_CATALOGUE", str(entries))
        patch.setenv("SHARING_CONNECTORS__LEASE_SECONDS", "3600")  # connectors outlive the many gateways
        with running_city(tmp_path_factory.mktemp("city"), residents=1_000) as city:
            kill_gateway(city)
            yield city


def dying_gateway(city: City, name: str, *, point: str, count: int) -> subprocess.Popen[bytes]:
    """Start a gateway that kills itself when a query reaches the point for the count-th time."""
    return start_gateway(city, name, module="tests.faults.audit.dying_gateway", arguments=(point, str(count)))


def await_death(gateway: subprocess.Popen[bytes], *, workers: list[psutil.Process]) -> None:
    """Return when the gateway has died of the kill and none of its workers is left."""
    assert gateway.wait(DEAD_SECONDS_MAX) == -signal.SIGKILL
    assert psutil.wait_procs(workers, timeout=DEAD_SECONDS_MAX)[1] == []


def outcomes(seen: Seen, *, entries: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(entry["kind"], entry["body"].get("outcome")) for entry in entries_of(seen.case, entries)]


def read_log(city: City, name: str) -> list[dict[str, Any]]:
    """Return all entries as a healthy gateway shows them, and stop it."""
    start_gateway(city, name)
    try:
        return city.entries()
    finally:
        kill_gateway(city)


def test_killed_at_any_stage(city: City) -> None:
    """At whichever stage the gateway dies, the recipient gets nothing; the log has the question from its intent on."""
    broken_off = {}
    for point in KILLED_AT:
        gateway = dying_gateway(city, f"at-{point}", point=point, count=1)
        workers = psutil.Process(gateway.pid).children(recursive=True)
        connection = connect(city.profile("nanjing-east-road"))
        broken_off[point] = ask(connection, case=f"only_{POINTS.index(point)}")
        connection.close()
        await_death(gateway, workers=workers)
    entries = read_log(city, "after-stages")
    assert_verified(city)
    for point, seen in broken_off.items():
        assert (seen.receipt, seen.codes) == ({}, ()), point
        if point in BEFORE_THE_INTENT:
            expected = []
        else:
            expected = [("intent", None), ("receipt", "delivered" if point == RECEIPT_DURABLE else "unknown")]
        assert outcomes(seen, entries=entries) == expected, point


def test_killed_under_load(city: City) -> None:
    """Many recipients, killed again and again: all that anybody was given is in the log, every intent has one outcome."""
    chance = random.Random(11)
    seen: list[Seen] = []
    for cycle in range(LOADED_CYCLES):
        gateway = dying_gateway(city, f"cycle-{cycle}", point=chance.choice(POINTS), count=chance.randint(1, 40))
        workers = psutil.Process(gateway.pid).children(recursive=True)
        with asking(city, prefix=f"cycle_{cycle}", recipients=RECIPIENTS) as everything:
            await_death(gateway, workers=workers)
        seen += everything
    entries = read_log(city, "after-load")
    assert_verified(city)
    assert sum(bool(one.receipt) for one in seen) > LOADED_CYCLES
    for one in seen:
        assert_recorded(one, entries=entries)
    intents = [entry["entry_id"] for entry in entries if entry["kind"] == "intent"]
    closed = [entry["body"]["intent"] for entry in entries if entry["kind"] == "receipt"]
    assert sorted(intents) == sorted(closed)


def assert_recorded(seen: Seen, *, entries: list[dict[str, Any]]) -> None:
    """Fail unless the log has what a recipient was given."""
    about = entries_of(seen.case, entries)
    found = outcomes(seen, entries=entries)
    if seen.receipt:
        assert [entry["entry_id"] for entry in about] == [seen.receipt["entry"], seen.receipt["receipt"]]
        assert found == [("intent", None), ("receipt", "delivered")]
    elif seen.codes:
        assert found == [("denial", None)]
    elif seen.rows:
        assert [kind for kind, _ in found] == ["intent", "receipt"]


def test_twin_an_intent_that_was_never_written_is_missed(city: City) -> None:
    """The same look at the log finds a recipient with rows whose entries are gone."""
    entries = read_log(city, "twin")
    receipts = [entry for entry in entries if entry["kind"] == "receipt" and entry["body"]["outcome"] == "delivered"]
    intent = next(entry for entry in entries if entry["entry_id"] == receipts[-1]["body"]["intent"])
    given = Seen(
        case=intent["body"]["case"], rows=2, receipt={"entry": intent["entry_id"], "receipt": receipts[-1]["entry_id"]}
    )
    assert_recorded(given, entries=entries)
    with pytest.raises(AssertionError):
        assert_recorded(given, entries=[entry for entry in entries if entry != intent])
