from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.sdk.tlog.cosigning import HistoryConflict, Witnessing
from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.merkle import consistency_proof
from connectors.sdk.tlog.note import parse_checkpoint
from connectors.sdk.tlog.publisher import Publisher
from connectors.sdk.tlog.witness import Witness, witness_key
from tests.fakes.witnesses import LocalWitness, MemoryTree

TREE = MemoryTree([leaf_hash(b"%d" % number) for number in range(40)])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


MakePublisher = Callable[..., Publisher]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def running_witness(directory: Path) -> Iterator[LocalWitness]:
    name = directory.name
    witness = Witness(directory, name=name, log_keys=[TREE.public_key], clock_seconds=lambda: 1.0, files=OsFiles())
    client = LocalWitness(witness, key=witness_key(directory, name=name))
    yield client
    client.reachable = False
    client.answering.set()
    witness.close()


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[LocalWitness]:
    with running_witness(tmp_path / "health") as witness:
        yield witness


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[LocalWitness]:
    with running_witness(tmp_path / "hanging") as witness:
        witness.answering.clear()
        yield witness


@pytest.fixture
def make_publisher(tmp_path: Path, clock: Clock) -> Iterator[MakePublisher]:
    made: list[Publisher] = []

    def make(witnessing: Witnessing, *, files: OsFiles | None = None) -> Publisher:
        made.append(
            Publisher(
                tmp_path,
                files=files or OsFiles(),
                public_key=TREE.public_key,
                tree=TREE,
                witnessing=witnessing,
                publish_seconds=0.001,
                monotonic=clock,
            )
        )
        return made[-1]

    yield make
    for publisher in made:
        publisher.close()


def size_in(path: Path) -> int:
    return parse_checkpoint(path.read_bytes())[0].size


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when `condition` holds, which the publisher's next round brings about."""
    while not condition():
        time.sleep(0.001)


def test_publishes_what_it_was_given_last(make_publisher: MakePublisher, tmp_path: Path) -> None:
    """At the start and at the end the file holds the newest checkpoint, whatever came between."""
    publisher = make_publisher(Witnessing())
    publisher.start(TREE.checkpoint(3))
    assert size_in(tmp_path / "checkpoint") == 3
    for size in range(4, 41):
        publisher.offer(TREE.checkpoint(size))
        assert publisher.wait_acknowledgeable(size, seconds_max=0)
        assert publisher.refusal == ""
    publisher.close()
    assert size_in(tmp_path / "checkpoint") == 40
    assert publisher.published == TREE.checkpoint()
    assert publisher.refusal == "closed"


def test_the_file_carries_the_cosignatures(
    make_publisher: MakePublisher, witness: LocalWitness, tmp_path: Path
) -> None:
    """Whoever takes the file has the witnesses' signatures too."""
    publisher = make_publisher(Witnessing(clients=(witness,), witnesses_min=1))
    publisher.start(TREE.checkpoint(3))
    assert len(parse_checkpoint((tmp_path / "checkpoint").read_bytes())[1]) == 2


def test_a_log_goes_on_without_its_witness_for_the_grace(
    make_publisher: MakePublisher, witness: LocalWitness, clock: Clock
) -> None:
    """Entries are accepted until the grace has passed since the first that is not cosigned, and again once one answers."""
    witness.reachable = False
    publisher = make_publisher(Witnessing(clients=(witness,), witnesses_min=1, grace_seconds=60))
    publisher.start(TREE.checkpoint(3))
    clock.now = 59.0
    publisher.offer(TREE.checkpoint(4))
    assert publisher.refusal == ""
    assert publisher.wait_acknowledgeable(4, seconds_max=0)
    clock.now = 60.0
    assert publisher.refusal == "too few witnesses cosign, for more than 60 s"
    witness.reachable = True
    wait_until(lambda: not publisher.refusal and parse_checkpoint(publisher.published)[0].size == 4)
    clock.now = 1000.0
    assert publisher.refusal == ""


def test_without_grace_nothing_is_acknowledged_uncosigned(make_publisher: MakePublisher, witness: LocalWitness) -> None:
    """With grace 0 an entry waits for its cosignature, and is refused when there is none."""
    publisher = make_publisher(Witnessing(clients=(witness,), witnesses_min=1, grace_seconds=0))
    publisher.start(TREE.checkpoint(3))
    publisher.offer(TREE.checkpoint(5))
    assert publisher.wait_acknowledgeable(5, seconds_max=30)
    assert parse_checkpoint(publisher.published)[0].size == 5
    witness.reachable = False
    publisher.offer(TREE.checkpoint(6))
    assert not publisher.wait_acknowledgeable(6, seconds_max=30)
    assert publisher.refusal == "too few witnesses cosign, for more than 0 s"


def test_a_conflict_stops_the_log_for_good(make_publisher: MakePublisher, witness: LocalWitness) -> None:
    """A witness that shows another history ends all appends, and does not let the log start either."""
    publisher = make_publisher(Witnessing(clients=(witness,), witnesses_min=1))
    publisher.start(TREE.checkpoint(3))
    fork = MemoryTree([*TREE.leaf_hashes[:7], TREE.leaf_hashes[0]])
    proof = consistency_proof(fork, old_size=3, size=8)
    witness.add_checkpoint(fork.checkpoint(8), old_size=3, proof=proof)
    publisher.offer(TREE.checkpoint(12))
    wait_until(lambda: bool(publisher.refusal))
    assert publisher.refusal.startswith("the log was stopped by a witness: witness health saw other entries")
    with pytest.raises(HistoryConflict):
        make_publisher(Witnessing(clients=(witness,), witnesses_min=1)).start(TREE.checkpoint(12))


def test_a_failed_write_stops_the_log_for_good(make_publisher: MakePublisher) -> None:
    """A checkpoint that cannot be published ends all appends."""

    class Failing(OsFiles):
        failing = False

        def sync(self, descriptor: int) -> None:
            if self.failing:
                raise OSError(5, "input/output error")
            super().sync(descriptor)

    files = Failing()
    publisher = make_publisher(Witnessing(), files=files)
    publisher.start(TREE.checkpoint(3))
    files.failing = True
    publisher.offer(TREE.checkpoint(4))
    wait_until(lambda: bool(publisher.refusal))
    assert "input/output error" in publisher.refusal


@pytest.mark.parametrize("grace_seconds", [0, 60])
def test_a_witness_that_hangs_delays_nothing(
    make_publisher: MakePublisher, witness: LocalWitness, hanging: LocalWitness, tmp_path: Path, grace_seconds: float
) -> None:
    """The file and the other witness go on as before, and enough cosignatures are enough."""
    clients = (hanging, witness)
    publisher = make_publisher(Witnessing(clients=clients, witnesses_min=1, grace_seconds=grace_seconds))
    publisher.start(TREE.checkpoint(3))
    for size in (4, 9):
        publisher.offer(TREE.checkpoint(size))
        assert publisher.wait_acknowledgeable(size, seconds_max=30)
        wait_until(lambda size=size: size_in(tmp_path / "checkpoint") == size)  # type: ignore[misc]
        wait_until(lambda: len(parse_checkpoint((tmp_path / "checkpoint").read_bytes())[1]) == 2)
    assert hanging.asked == 1
    assert publisher.refusal == ""
    publisher.close()
    assert not hanging.answering.is_set(), "the log closed without its answer"


def test_twin_a_witness_that_hangs_delays_where_it_must_answer(
    make_publisher: MakePublisher, witness: LocalWitness, hanging: LocalWitness, tmp_path: Path
) -> None:
    """Where both must cosign, nothing is acknowledged until both did; the file still holds what the log signed."""
    hanging.answering.set()
    publisher = make_publisher(Witnessing(clients=(hanging, witness), witnesses_min=2, grace_seconds=0))
    publisher.start(TREE.checkpoint(3))
    hanging.answering.clear()
    publisher.offer(TREE.checkpoint(4))
    wait_until(lambda: size_in(tmp_path / "checkpoint") == 4)
    assert not publisher.wait_acknowledgeable(4, seconds_max=0.05)
    hanging.answering.set()
    assert publisher.wait_acknowledgeable(4, seconds_max=30)


def test_the_file_holds_what_no_witness_has_answered_to(
    make_publisher: MakePublisher, hanging: LocalWitness, tmp_path: Path
) -> None:
    """What was acknowledged within the grace cannot be cut off unseen because the only witness hangs."""
    hanging.answering.set()
    publisher = make_publisher(Witnessing(clients=(hanging,), witnesses_min=1, grace_seconds=60))
    publisher.start(TREE.checkpoint(3))
    hanging.answering.clear()
    for size in (5, 8):
        publisher.offer(TREE.checkpoint(size))
        wait_until(lambda size=size: size_in(tmp_path / "checkpoint") == size)  # type: ignore[misc]
    assert len(parse_checkpoint((tmp_path / "checkpoint").read_bytes())[1]) == 1


def test_an_answer_after_the_end_changes_nothing(
    make_publisher: MakePublisher, hanging: LocalWitness, tmp_path: Path
) -> None:
    """When another process writes the log, a late cosignature no longer touches its file."""
    hanging.answering.set()
    publisher = make_publisher(Witnessing(clients=(hanging,), witnesses_min=1))
    publisher.start(TREE.checkpoint(3))
    hanging.answering.clear()
    publisher.offer(TREE.checkpoint(5))
    wait_until(lambda: hanging.asked == 2)
    publisher.close()
    (tmp_path / "checkpoint").write_bytes(TREE.checkpoint(7))
    hanging.answering.set()
    wait_until(lambda: not [thread for thread in threading.enumerate() if thread.name == "witness hanging"])
    assert size_in(tmp_path / "checkpoint") == 7


def test_witnesses_vouch_for_what_they_continue(
    make_publisher: MakePublisher, witness: LocalWitness, hanging: LocalWitness
) -> None:
    """With two needed, entries count as cosigned as far as the slower of both has come."""
    hanging.answering.set()
    publisher = make_publisher(Witnessing(clients=(witness, hanging), witnesses_min=2, grace_seconds=0))
    publisher.start(TREE.checkpoint(3))
    hanging.answering.clear()
    publisher.offer(TREE.checkpoint(5))
    wait_until(lambda: hanging.asked == 2)
    publisher.offer(TREE.checkpoint(8))
    wait_until(lambda: parse_checkpoint(publisher.published)[0].size == 8)
    assert not publisher.wait_acknowledgeable(5, seconds_max=0.05)
    hanging.answering.set()
    assert publisher.wait_acknowledgeable(8, seconds_max=30)
    assert publisher.refusal == ""
