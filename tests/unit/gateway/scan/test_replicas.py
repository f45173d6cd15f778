"""Replicas share the work, and one that failed is left alone for a while."""

from __future__ import annotations

import pytest

from catalog.registry import NotServed
from gateway.errors import DatasetUnavailable
from gateway.messages import Reason
from gateway.model.result import ReceivedScan
from gateway.scan import ConnectorChannels, Replicas
from gateway.scan.replicas import FAILED_SECONDS
from tests.fakes.directory import FixedDirectory, instance

A, B = instance("a"), instance("b")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


DATASET = "population.resident"


def replicas(clock: Clock, directory: FixedDirectory | None = None) -> Replicas:
    return Replicas(
        directory=directory or FixedDirectory(A, B),
        channels=ConnectorChannels(files=None),
        record=str,
        monotonic=clock,
    )


def asked(replicas: Replicas, *, times: int) -> str:
    """Return the ids of those that are asked one after the other."""
    chosen = []
    for _ in range(times):
        one = replicas.begin(DATASET)
        replicas.end(one, failed=False)
        chosen.append(one.instance_id)
    return "".join(chosen)


def test_running_scans_are_spread():
    """Of four scans at the same time, each of two replicas runs two."""
    both = replicas(Clock())
    assert sorted(both.begin(DATASET).instance_id for _ in range(4)) == ["a", "a", "b", "b"]


def test_scans_one_after_the_other_take_turns():
    """Replicas share the work also when nothing runs at the same time."""
    assert asked(replicas(Clock()), times=4) == "abab"


def test_a_replica_that_joins_later_takes_its_turn():
    """It does not have to catch up with what the others did before it came."""
    directory = FixedDirectory(A)
    both = replicas(Clock(), directory)
    assert asked(both, times=5) == "aaaaa"
    directory.serve(A, B)
    assert asked(both, times=4) == "baba"


def test_replicas_that_are_gone_are_forgotten():
    """However often connectors restart, only those that serve or still run a scan are kept in mind."""
    directory = FixedDirectory(A)
    one = replicas(Clock(), directory)
    running = one.begin(DATASET)
    for number in range(50):
        directory.serve(instance(f"later-{number}"))
        asked(one, times=1)
    assert one.known() == {"a", "later-49"}
    one.end(running, failed=True)
    directory.serve(B)
    asked(one, times=1)
    assert one.known() == {"b"}


def test_a_replica_that_failed_is_asked_last_for_a_while():
    """A replica that failed gets no scan while another one runs, then a new chance; one that works again is equal at once."""
    clock = Clock()
    both = replicas(clock)
    both.end(both.begin(DATASET, failed={"b"}), failed=True)
    for _ in range(3):
        assert both.begin(DATASET) is B
    assert both.begin(DATASET, failed={"b"}) is A
    clock.now = FAILED_SECONDS
    assert both.begin(DATASET) is A
    both.end(A, failed=True)
    both.end(A, failed=False)
    assert both.begin(DATASET) is A


@pytest.mark.parametrize("because", [NotServed.SUSPENDED, NotServed.NOT_APPROVED, NotServed.NO_CONNECTOR])
def test_a_scan_ends_when_nobody_may_serve_it_any_more(because: NotServed) -> None:
    """A withdrawn dataset may count as one that waits, because another registration asks for it; it is stopped like others."""
    stopped = replicas(Clock(), FixedDirectory(because=because))
    with pytest.raises(DatasetUnavailable) as raised:
        stopped.require_not_suspended([ReceivedScan(dataset=DATASET, controller="public_security")])
    assert raised.value.reason is Reason.CONNECTOR_SUSPENDED


@pytest.mark.parametrize("because", [NotServed.DRIFTED, NotServed.NO_LEASE])
def test_a_running_scan_ends_by_itself_when_its_connector_does(because: NotServed) -> None:
    """Nobody stopped it: what it still sends is checked, and when it sends nothing the scan fails."""
    going = replicas(Clock(), FixedDirectory(because=because))
    going.require_not_suspended([ReceivedScan(dataset=DATASET, controller="public_security")])
