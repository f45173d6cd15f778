"""A log on disk and a witness: what happens when the log is put back, or the witness is away."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.sdk.tlog import LogUnavailable, LogWriter, Witnessing
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.note import parse_checkpoint, verify_cosignature
from connectors.sdk.tlog.witness import Witness, witness_key
from tests.fakes.witnesses import LOG_NAME, LocalWitness, MemoryTree

LOG = MemoryTree()
OpenLog = Callable[..., LogWriter]


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[LocalWitness]:
    directory = tmp_path / "witness"
    witness = Witness(directory, name="health", log_keys=[LOG.public_key], clock_seconds=lambda: 1.0, files=OsFiles())
    yield LocalWitness(witness, key=witness_key(directory, name="health"))
    witness.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def open_log(directory: Path) -> OpenLog:
    ids = itertools.count(1)

    def open_(*clients: LocalWitness, grace_seconds: float = 60.0) -> LogWriter:
        return LogWriter.open(
            directory,
            signing_key=LOG.signing_key,
            name=LOG_NAME,
            clock_micros=lambda: 1,
            new_entry_id=lambda: f"entry-{next(ids)}",
            witnessing=Witnessing(clients=clients, witnesses_min=len(clients), grace_seconds=grace_seconds),
            publish_seconds=0.001,
        )

    return open_


@pytest.fixture
def put_back(open_log: OpenLog, witness: LocalWitness, directory: Path) -> Path:
    """A witnessed log of eight entries, of which somebody restored the state with five: every file fits the others."""
    with open_log(witness) as log:
        log.append_many([("denial", {"note": i}) for i in range(5)])
    shutil.copytree(directory, directory.with_name("copy"))
    with open_log(witness) as log:
        log.append_many([("denial", {"note": i}) for i in range(3)])
    shutil.rmtree(directory)
    return directory.with_name("copy").rename(directory)


def test_a_log_that_was_put_back_is_not_opened(put_back: Path, open_log: OpenLog, witness: LocalWitness) -> None:
    """The witness has seen more entries, so nothing is appended to the older state."""
    with pytest.raises(LogUnavailable, match="saw 8 entries, the log has 5"):
        open_log(witness)


def test_twin_without_a_witness_it_is_opened(put_back: Path, open_log: OpenLog) -> None:
    """Nothing in the folder shows that it is an older state: only somebody else's memory does."""
    with open_log() as log:
        assert log.available


def test_a_log_that_was_put_back_while_the_witness_was_away_is_stopped(
    put_back: Path, open_log: OpenLog, witness: LocalWitness
) -> None:
    """It may run for the grace, and stops when the witness answers, whatever was appended meanwhile."""
    witness.reachable = False
    with open_log(witness) as log:
        log.append_many([("denial", {"note": "other"}) for _ in range(9)])
        witness.reachable = True
        while log.available:
            time.sleep(0.001)
        with pytest.raises(LogUnavailable, match=r"stopped by a witness: witness health saw"):
            log.append("denial", {})


def test_without_grace_every_acknowledged_entry_is_witnessed(open_log: OpenLog, witness: LocalWitness) -> None:
    """Evidence for an entry carries the witness's signature as soon as the entry is acknowledged."""
    with open_log(witness, grace_seconds=0) as log:
        for _ in range(5):
            entry = log.append("denial", {})
            evidence = log.evidence(entry)
            assert evidence.verify(log.verification_key) == entry
            checkpoint, lines = parse_checkpoint(evidence.checkpoint)
            verify_cosignature(lines[1].encode(), checkpoint=checkpoint, witness_key=witness.key)


def test_without_grace_nothing_is_acknowledged_while_the_witness_is_away(
    open_log: OpenLog, witness: LocalWitness
) -> None:
    """An entry without a cosignature is refused; it is in the log all the same, and the log goes on when the witness does."""
    with open_log(witness, grace_seconds=0) as log:
        log.append("denial", {})
        witness.reachable = False
        with pytest.raises(LogUnavailable, match="too few witnesses"):
            log.append("denial", {})
        assert not log.available
        witness.reachable = True
        while not log.available:
            time.sleep(0.001)
        assert log.append("denial", {}).sequence == 3


def test_without_grace_a_log_does_not_start_without_its_witness(open_log: OpenLog, witness: LocalWitness) -> None:
    """It opens, so that it can be read, but accepts nothing."""
    witness.reachable = False
    with open_log(witness, grace_seconds=0) as log, pytest.raises(LogUnavailable, match="too few witnesses"):
        log.append("denial", {})
