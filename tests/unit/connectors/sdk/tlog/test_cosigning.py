from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.cosigning import Cosigner, HistoryConflict, WitnessClient, Witnessing
from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.note import parse_checkpoint, sign_checkpoint, verify_cosignature
from connectors.sdk.tlog.witness import Witness, witness_key
from tests.fakes.witnesses import LOG_NAME, LocalWitness, LyingWitness, MemoryTree

LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]
TREE = MemoryTree(LEAVES)
FORK = MemoryTree([*LEAVES[:11], *reversed(LEAVES[11:])])

MakeWitness = Callable[[str], LocalWitness]


@pytest.fixture
def make_witness(tmp_path: Path) -> Iterator[MakeWitness]:
    made: list[Witness] = []

    def make(name: str) -> LocalWitness:
        directory = tmp_path / name
        made.append(
            Witness(directory, name=name, log_keys=[TREE.public_key], clock_seconds=lambda: 1.0, files=OsFiles())
        )
        return LocalWitness(made[-1], key=witness_key(directory, name=name))

    yield make
    for witness in made:
        witness.close()


def cosigner(client: WitnessClient, *, tree: MemoryTree = TREE) -> Cosigner:
    return Cosigner(client, public_key=tree.public_key, tree=tree)


def test_a_witness_cosigns(make_witness: MakeWitness) -> None:
    """Its line verifies for every checkpoint in turn, asked for once each."""
    witness = make_witness("health")
    asking = cosigner(witness)
    for size in (0, 5, 5, 20):
        line = asking.cosign(TREE.checkpoint(size))
        assert line
        verify_cosignature(line, checkpoint=parse_checkpoint(TREE.checkpoint(size))[0], witness_key=witness.key)
    assert witness.asked == 4


def test_a_log_started_anew_learns_what_the_witness_knows(make_witness: MakeWitness) -> None:
    """The first answer tells the witness's size, the second question proves the growth since."""
    witness = make_witness("health")
    cosigner(witness).cosign(TREE.checkpoint(11))
    assert cosigner(witness).cosign(TREE.checkpoint(20))
    assert witness.asked == 3


def test_a_log_that_was_put_back_is_seen(make_witness: MakeWitness) -> None:
    """A witness that has seen more entries than the log now has stops it."""
    witness = make_witness("health")
    cosigner(witness).cosign(TREE.checkpoint(20))
    with pytest.raises(HistoryConflict, match="saw 20 entries, the log has 11"):
        cosigner(witness).cosign(TREE.checkpoint(11))


@pytest.mark.parametrize("size", [12, 20])
def test_a_log_that_was_rewritten_is_seen(make_witness: MakeWitness, size: int) -> None:
    """A witness that has seen other entries stops the log, though they are as many or fewer."""
    witness = make_witness("health")
    cosigner(witness).cosign(TREE.checkpoint(12))
    with pytest.raises(HistoryConflict, match="before number 13"):
        cosigner(witness, tree=FORK).cosign(FORK.checkpoint(size))


def test_a_rewritten_log_is_seen_while_it_runs(make_witness: MakeWitness) -> None:
    """A log that changes what it already showed a witness is stopped at the next checkpoint."""
    witness, tree = make_witness("health"), MemoryTree(LEAVES)
    asking = cosigner(witness, tree=tree)
    asking.cosign(tree.checkpoint(12))
    tree.leaf_hashes = FORK.leaf_hashes
    with pytest.raises(HistoryConflict):
        asking.cosign(tree.checkpoint(20))


def test_a_witness_that_does_not_answer_is_missed_and_named(make_witness: MakeWitness) -> None:
    """The operator's log names it and why, once."""
    silent = make_witness("housing")
    silent.reachable = False
    asking = cosigner(silent)
    with structlog.testing.capture_logs() as logged:
        assert [asking.cosign(TREE.checkpoint()) for _ in range(2)] == [None, None]
    assert logged == [
        {
            "event": "witness does not cosign",
            "log_level": "warning",
            "witness": "housing",
            "size": 20,
            "reason": "unreachable",
        }
    ]


@pytest.mark.parametrize(
    "shown",
    [
        b"",
        b"no checkpoint",
        sign_checkpoint(name=LOG_NAME, size=99, root=bytes(32), signing_key=Ed25519PrivateKey.generate()),
        sign_checkpoint(name="other", size=99, root=bytes(32), signing_key=TREE.signing_key),
        TREE.checkpoint(12),
    ],
)
def test_a_witness_cannot_stop_the_log_by_lying(shown: bytes) -> None:
    """What it shows counts only when the log signed it and the log does not hold it; else it is as if it were silent."""
    assert cosigner(LyingWitness(shown)).cosign(TREE.checkpoint()) is None


def test_twin_the_same_claim_with_the_logs_signature_stops_it() -> None:
    """What is believed is the log's own signature, not the witness."""
    shown = sign_checkpoint(name=LOG_NAME, size=99, root=bytes(32), signing_key=TREE.signing_key)
    with pytest.raises(HistoryConflict):
        cosigner(LyingWitness(shown)).cosign(TREE.checkpoint())


def test_another_witness_cannot_stand_in(make_witness: MakeWitness) -> None:
    """A cosignature of another key does not count."""
    witness = make_witness("health")
    witness.key = LyingWitness(b"").key
    assert cosigner(witness).cosign(TREE.checkpoint()) is None


def test_witnesses_that_cannot_be_counted_are_refused(make_witness: MakeWitness) -> None:
    """A witness named twice, fewer than needed, or a key that is no witness's: the log does not start."""
    witness = make_witness("health")
    with pytest.raises(ValueError, match="twice"):
        Witnessing(clients=(witness, witness))
    with pytest.raises(ValueError, match="fewer"):
        Witnessing(clients=(witness,), witnesses_min=2)
    witness.key = TREE.public_key
    with pytest.raises(ValueError, match="witness-key"):
        Witnessing(clients=(witness,))
