from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.merkle import consistency_proof
from connectors.sdk.tlog.note import (
    ForgedCheckpointError,
    MalformedCheckpointError,
    VerificationKey,
    parse_checkpoint,
    sign_checkpoint,
    verify_cosignature,
)
from connectors.sdk.tlog.witness import AnotherHistoryError, SizeMismatchError, UnknownLogError, Witness, witness_key
from tests.fakes.witnesses import LOG_NAME, MemoryTree

NAME = "health/witness"
NOW = 1_700_000_000
TREE = MemoryTree([leaf_hash(b"%d" % number) for number in range(20)])
FORK = MemoryTree([*TREE.leaf_hashes[:11], *(leaf_hash(b"other %d" % number) for number in range(9))])

OpenWitness = Callable[..., Witness]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "witness"


@pytest.fixture
def open_witness(directory: Path) -> Iterator[OpenWitness]:
    opened: list[Witness] = []

    def open_(files: OsFiles | None = None) -> Witness:
        opened.append(
            Witness(
                directory,
                name=NAME,
                log_keys=[TREE.public_key],
                clock_seconds=itertools.count(NOW).__next__,
                files=files or OsFiles(),
            )
        )
        return opened[-1]

    yield open_
    for witness in opened:
        witness.close()


def add(witness: Witness, size: int, *, old_size: int, tree: MemoryTree = TREE) -> bytes:
    proof = consistency_proof(tree, old_size=old_size, size=size)
    return witness.add_checkpoint(tree.checkpoint(size), old_size=old_size, proof=proof)


def test_cosigns_a_log_that_grows(open_witness: OpenWitness, directory: Path) -> None:
    """Every checkpoint that continues the one before gets a cosignature, the first one and a repeated one too."""
    witness = open_witness()
    key = witness_key(directory, name=NAME)
    for time, (old_size, size) in enumerate([(0, 0), (0, 7), (7, 7), (7, 20)], NOW):
        line = add(witness, size, old_size=old_size)
        checkpoint, _ = parse_checkpoint(TREE.checkpoint(size))
        assert verify_cosignature(line, checkpoint=checkpoint, witness_key=key) == time


def test_refuses_a_log_that_was_put_back(open_witness: OpenWitness) -> None:
    """A checkpoint smaller than the newest one gets no cosignature, whatever size the log claims to come from."""
    witness = open_witness()
    add(witness, 12, old_size=0)
    with pytest.raises(SizeMismatchError) as mismatch:
        add(witness, 7, old_size=0)
    assert (mismatch.value.size, mismatch.value.newest) == (12, TREE.checkpoint(12))
    with pytest.raises(AnotherHistoryError):
        witness.add_checkpoint(TREE.checkpoint(7), old_size=12, proof=())


def test_refuses_a_log_that_was_rewritten(open_witness: OpenWitness) -> None:
    """A checkpoint of another history gets no cosignature, be it larger or of the same size."""
    witness = open_witness()
    add(witness, 12, old_size=0)
    for size in (12, 20):
        with pytest.raises(AnotherHistoryError) as conflict:
            add(witness, size, old_size=12, tree=FORK)
        assert conflict.value.newest == TREE.checkpoint(12)
    add(witness, 20, old_size=12)


def test_twin_a_witness_without_memory_cosigns_both_histories(open_witness: OpenWitness, directory: Path) -> None:
    """What refuses a rewritten log is what the witness remembers: without it both histories get a cosignature."""
    witness = open_witness()
    add(witness, 12, old_size=0)
    witness.close()
    for path in directory.glob("*.checkpoint"):
        path.unlink()
    add(open_witness(), 12, old_size=0, tree=FORK)


def test_remembers_over_a_restart(open_witness: OpenWitness) -> None:
    """A witness started anew goes on where it stopped."""
    witness = open_witness()
    add(witness, 12, old_size=0)
    witness.close()
    again = open_witness()
    with pytest.raises(SizeMismatchError):
        add(again, 12, old_size=0)
    add(again, 20, old_size=12)


def test_cosigns_nothing_that_it_cannot_remember(open_witness: OpenWitness) -> None:
    """When its disk fails it gives no cosignature and does not move on."""

    class Full(OsFiles):
        full = True

        def sync(self, descriptor: int) -> None:
            if self.full:
                raise OSError(28, "no space")
            super().sync(descriptor)

    files = Full()
    witness = open_witness(files)
    with pytest.raises(OSError, match="no space"):
        add(witness, 12, old_size=0)
    files.full = False
    add(witness, 7, old_size=0)


def test_refuses_what_the_log_did_not_sign(open_witness: OpenWitness) -> None:
    """Unknown logs, forged checkpoints and what is no checkpoint get no cosignature."""
    witness = open_witness()
    stranger = Ed25519PrivateKey.generate()
    root = TREE.read_hash(0, 0)
    other = sign_checkpoint(name="other", size=1, root=root, signing_key=stranger)
    with pytest.raises(UnknownLogError):
        witness.add_checkpoint(other, old_size=0, proof=())
    forged = sign_checkpoint(name=LOG_NAME, size=1, root=root, signing_key=stranger)
    with pytest.raises(ForgedCheckpointError):
        witness.add_checkpoint(forged, old_size=0, proof=())
    with pytest.raises(MalformedCheckpointError):
        witness.add_checkpoint(b"hello", old_size=0, proof=())


def test_an_empty_log_has_nothing_but_the_empty_root(open_witness: OpenWitness) -> None:
    """A checkpoint of no entries with another root is refused."""
    note = sign_checkpoint(name=LOG_NAME, size=0, root=bytes(32), signing_key=TREE.signing_key)
    with pytest.raises(AnotherHistoryError):
        open_witness().add_checkpoint(note, old_size=0, proof=())


def test_one_directory_has_one_witness(open_witness: OpenWitness) -> None:
    """A second process cannot cosign behind the first one's back."""
    open_witness()
    with pytest.raises(BlockingIOError):
        open_witness()


def test_does_not_start_on_a_damaged_memory(open_witness: OpenWitness, directory: Path) -> None:
    """A stored checkpoint that the log did not sign stops the witness; the directory is free again."""
    witness = open_witness()
    add(witness, 12, old_size=0)
    witness.close()
    (stored,) = directory.glob("*.checkpoint")
    whole = stored.read_bytes()
    stored.write_bytes(whole.replace(b"\n12\n", b"\n7\n"))
    with pytest.raises(ForgedCheckpointError):
        open_witness()
    stored.write_bytes(whole)
    add(open_witness(), 20, old_size=12)


def test_its_key_is_its_own(open_witness: OpenWitness, directory: Path) -> None:
    """The key is made once and only its owner may read it; the name decides nothing about where files are."""
    open_witness().close()
    first = witness_key(directory, name=NAME)
    assert first.to_text() == witness_key(directory, name=NAME).to_text()
    assert os.stat(directory / "key.pem").st_mode & 0o777 == 0o600
    log_key = VerificationKey(name="../../escape", key=TREE.public_key.key)
    witness = Witness(directory, name=NAME, log_keys=[log_key], clock_seconds=lambda: NOW, files=OsFiles())
    note = sign_checkpoint(name=log_key.name, size=1, root=TREE.read_hash(0, 0), signing_key=TREE.signing_key)
    witness.add_checkpoint(note, old_size=0, proof=())
    witness.close()
    assert [path.name for path in directory.glob("*.checkpoint")] == ["..%2F..%2Fescape.checkpoint"]
