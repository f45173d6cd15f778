from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import encode_entry, leaf_hash
from connectors.sdk.tlog.evidence import Evidence, EvidenceProblem, EvidenceRefused
from connectors.sdk.tlog.merkle import inclusion_proof, read_root
from connectors.sdk.tlog.note import VerificationKey, sign_checkpoint
from tests.fakes.witnesses import LOG_NAME, MemoryTree

LEAVES = [
    encode_entry(
        encode_canonical({"note": f"entry {sequence}"}),
        sequence=sequence,
        entry_id=f"entry-{sequence}",
        kind="receipt",
        time_micros=sequence,
    )
    for sequence in range(1, 8)
]
TREE = MemoryTree([leaf_hash(leaf) for leaf in LEAVES])
INDEX = 4
EVIDENCE = Evidence(
    leaf=LEAVES[INDEX],
    index=INDEX,
    tree_size=7,
    path=inclusion_proof(TREE, index=INDEX, size=7),
    checkpoint=TREE.checkpoint(),
)


def problem_of(evidence: Evidence) -> EvidenceProblem:
    with pytest.raises(EvidenceRefused) as refused:
        evidence.verify(TREE.public_key)
    return refused.value.problem


def test_shows_the_entry_to_whoever_has_the_key() -> None:
    """Evidence carried as JSON proves its entry with nothing but the log's verification key."""
    carried = Evidence.from_json(json.loads(json.dumps(EVIDENCE.to_json())))
    entry = carried.verify(TREE.public_key)
    assert (entry.sequence, entry.entry_id, entry.body) == (5, "entry-5", {"note": "entry 5"})
    assert carried == EVIDENCE


def test_every_changed_byte_of_the_entry_is_seen() -> None:
    """No byte of the entry can be changed."""
    for position in range(len(EVIDENCE.leaf)):
        leaf = EVIDENCE.leaf[:position] + bytes((EVIDENCE.leaf[position] ^ 1,)) + EVIDENCE.leaf[position + 1 :]
        problem_of(replace(EVIDENCE, leaf=leaf))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"leaf": LEAVES[3]}, EvidenceProblem.MALFORMED),
        ({"leaf": b"no entry"}, EvidenceProblem.MALFORMED),
        ({"index": 3}, EvidenceProblem.MALFORMED),
        ({"tree_size": 6}, EvidenceProblem.MALFORMED),
        ({"leaf": LEAVES[3], "index": 3}, EvidenceProblem.NOT_INCLUDED),
        ({"path": EVIDENCE.path[1:]}, EvidenceProblem.NOT_INCLUDED),
        ({"path": (*EVIDENCE.path, bytes(32))}, EvidenceProblem.NOT_INCLUDED),
        ({"path": (b"", *EVIDENCE.path[1:])}, EvidenceProblem.NOT_INCLUDED),
        ({"checkpoint": TREE.checkpoint(6), "tree_size": 6}, EvidenceProblem.NOT_INCLUDED),
        ({"checkpoint": b"no note"}, EvidenceProblem.MALFORMED),
        (
            {"checkpoint": TREE.checkpoint().replace(b"\n7\n", b"\n8\n"), "tree_size": 8},
            EvidenceProblem.CHECKPOINT_FORGED,
        ),
    ],
)
def test_changed_evidence_proves_nothing(changes: dict[str, Any], problem: EvidenceProblem) -> None:
    """No part of evidence can be replaced, not even by a part of other evidence."""
    assert problem_of(replace(EVIDENCE, **changes)) is problem


def test_a_log_of_another_key_proves_nothing() -> None:
    """A tree that somebody else signed under the log's name is refused."""
    stranger = Ed25519PrivateKey.generate()
    forged = sign_checkpoint(name=LOG_NAME, size=7, root=read_root(TREE, size=7), signing_key=stranger)
    assert problem_of(replace(EVIDENCE, checkpoint=forged)) is EvidenceProblem.CHECKPOINT_FORGED
    twin = replace(EVIDENCE, checkpoint=forged).verify(VerificationKey(name=LOG_NAME, key=stranger.public_key()))
    assert twin.sequence == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"leaf": None},
        {"leaf": "not base64"},
        {"leaf": "不"},
        {"index": "4"},
        {"path": "AAAA"},
        {"path": [4]},
        {"path": ["AAAA"] * 65},
        {"checkpoint": 7},
    ],
)
def test_what_is_no_evidence_is_refused(changes: dict[str, Any]) -> None:
    """JSON of another form is refused when it is read or when it is verified."""
    with pytest.raises(EvidenceRefused) as refused:
        Evidence.from_json({**EVIDENCE.to_json(), **changes}).verify(TREE.public_key)
    assert refused.value.problem is EvidenceProblem.MALFORMED
    with pytest.raises(EvidenceRefused):
        Evidence.from_json([])
