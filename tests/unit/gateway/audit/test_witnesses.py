"""A witness over a real port: the connector's door and the gateway's adapter."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.cosigning import Cosigner, HistoryConflict, WitnessDisagrees, WitnessUnavailable
from connectors.sdk.tlog.entry import leaf_hash
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.merkle import consistency_proof
from connectors.sdk.tlog.note import parse_checkpoint, sign_checkpoint, verify_cosignature
from connectors.sdk.tlog.witness import Witness, witness_key
from connectors.sdk.witness_server import WitnessServicer
from gateway.audit.witnesses import RemoteWitness
from sharing_stubs.sharing.witness.v1 import witness_pb2, witness_pb2_grpc
from tests.fakes.witnesses import LOG_NAME, MemoryTree

TREE = MemoryTree([leaf_hash(b"%d" % number) for number in range(20)])
FORK = MemoryTree(TREE.leaf_hashes[::-1])


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    witness = Witness(
        tmp_path, name="health/witness", log_keys=[TREE.public_key], clock_seconds=lambda: 7.5, files=OsFiles()
    )
    yield witness
    witness.close()


@pytest.fixture
def address(witness: Witness) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    log = structlog.wrap_logger(structlog.ReturnLogger())
    witness_pb2_grpc.add_WitnessServiceServicer_to_server(WitnessServicer(witness, log=log), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def remote(address: str, tmp_path: Path) -> Iterator[RemoteWitness]:
    with grpc.insecure_channel(address) as channel:
        yield RemoteWitness(lambda: channel, key=witness_key(tmp_path, name="health/witness"), close=channel.close)


def add(remote: RemoteWitness, size: int, *, old_size: int, tree: MemoryTree = TREE) -> bytes:
    proof = consistency_proof(tree, old_size=old_size, size=size)
    return remote.add_checkpoint(tree.checkpoint(size), old_size=old_size, proof=proof)


def test_cosigns_over_the_network(remote: RemoteWitness) -> None:
    """A checkpoint that continues the newest one comes back with the witness's cosignature."""
    add(remote, 12, old_size=0)
    line = add(remote, 20, old_size=12)
    checkpoint, _ = parse_checkpoint(TREE.checkpoint())
    assert verify_cosignature(line, checkpoint=checkpoint, witness_key=remote.key) == 7


def test_a_witness_that_disagrees_shows_what_it_saw(remote: RemoteWitness) -> None:
    """Another size or history comes back with the witness's newest checkpoint."""
    with pytest.raises(WitnessDisagrees) as nothing_seen:
        add(remote, 12, old_size=5)
    assert nothing_seen.value.newest == b""
    add(remote, 12, old_size=0)
    for size, old_size, tree in [(20, 0, TREE), (20, 12, FORK)]:
        with pytest.raises(WitnessDisagrees) as disagrees:
            add(remote, size, old_size=old_size, tree=tree)
        assert disagrees.value.newest == TREE.checkpoint(12)


def test_a_rewritten_log_is_seen_over_the_network(remote: RemoteWitness) -> None:
    """A log of another history is stopped by what the witness shows."""
    add(remote, 12, old_size=0)
    cosigner = Cosigner(remote, public_key=FORK.public_key, tree=FORK)
    with pytest.raises(HistoryConflict):
        cosigner.cosign(FORK.checkpoint())


def test_a_witness_that_cannot_be_reached_is_unavailable(remote: RemoteWitness, witness: Witness) -> None:
    """Without an answer, or with a witness that fails, there is no cosignature and no conflict."""
    witness._files = Broken()
    with pytest.raises(WitnessUnavailable, match="INTERNAL"):
        add(remote, 12, old_size=0)
    with grpc.insecure_channel("127.0.0.1:1") as channel, pytest.raises(WitnessUnavailable, match="UNAVAILABLE"):
        add(RemoteWitness(lambda: channel, key=remote.key, close=channel.close), 12, old_size=0)


@pytest.mark.parametrize(
    ("note", "old_size", "status", "detail"),
    [
        (b"", 0, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (b"\xff" * 9000, 0, grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED"),
        (
            sign_checkpoint(name="other", size=0, root=bytes(32), signing_key=TREE.signing_key),
            0,
            grpc.StatusCode.PERMISSION_DENIED,
            "NOT_WITNESSED",
        ),
        (
            sign_checkpoint(name=LOG_NAME, size=0, root=bytes(32), signing_key=Ed25519PrivateKey.generate()),
            0,
            grpc.StatusCode.PERMISSION_DENIED,
            "NOT_WITNESSED",
        ),
        (TREE.checkpoint(12), 5, grpc.StatusCode.FAILED_PRECONDITION, "0"),
        (TREE.checkpoint(12), -1, grpc.StatusCode.FAILED_PRECONDITION, "0"),
        (FORK.checkpoint(0).replace(b"\n0\n", b"\n1\n"), 0, grpc.StatusCode.PERMISSION_DENIED, "NOT_WITNESSED"),
        (
            sign_checkpoint(name=LOG_NAME, size=0, root=bytes(32), signing_key=TREE.signing_key),
            0,
            grpc.StatusCode.ABORTED,
            "ANOTHER_HISTORY",
        ),
    ],
)
def test_refusals_have_their_status(
    address: str, note: bytes, old_size: int, status: grpc.StatusCode, detail: str
) -> None:
    """Each refusal has the status that the protocol promises, and nothing else is told."""
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as refused:
        witness_pb2_grpc.WitnessServiceStub(channel).AddCheckpoint(
            witness_pb2.AddCheckpointRequest(old_size=old_size, checkpoint=note)
        )
    assert isinstance(refused.value, grpc.Call)
    assert (refused.value.code(), refused.value.details()) == (status, detail)


class Broken(OsFiles):
    def sync(self, descriptor: int) -> None:
        raise OSError("/secret/path is broken")
