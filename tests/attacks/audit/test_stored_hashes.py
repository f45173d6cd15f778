"""The file `hashes` is no evidence: lost, damaged or forged, it proves nothing wrong and stops nobody for good."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from connectors.sdk.tlog import LogUnavailable, ProblemKind, VerificationKey, verify
from connectors.sdk.tlog.hash_store import HASHES, SYNCED
from connectors.sdk.tlog.merkle import verify_consistency
from connectors.sdk.tlog.note import read_checkpoint
from tests.attacks.audit.frames import changed, read, segment, write
from tests.unit.connectors.sdk.tlog.conftest import OpenLog, entries

WRONG = [bytes(32), b"\x01" * 32]


def overwritten(directory: Path, *, number: int, wrong: bytes) -> None:
    data = bytearray((directory / HASHES).read_bytes())
    data[number * 32 : number * 32 + 32] = wrong
    (directory / HASHES).write_bytes(data)


@pytest.mark.parametrize("wrong", WRONG, ids=["lost", "other"])
@pytest.mark.parametrize("number", range(15))
def test_lost_hashes_are_made_anew(
    number: int, wrong: bytes, finished: Path, open_log: OpenLog, public_key: VerificationKey
) -> None:
    """Whichever stored hash is lost, the log opens, every entry is proven and every older checkpoint continued."""
    old = read_checkpoint((finished / "checkpoint").read_bytes(), public_key=public_key)
    overwritten(finished, number=number, wrong=wrong)
    with open_log(new_entry_id=lambda: "later") as log:
        log.append("denial", {})
        for entry in entries(finished):
            assert log.evidence(entry).verify(public_key) == entry
    with open_log(new_entry_id=lambda: "later") as log:
        note, proof = log.checkpoint_since(old.size)
        new = read_checkpoint(note, public_key=public_key)
        verify_consistency(old_size=12, old_root=old.root, size=13, root=new.root, proof=proof)


def test_an_old_checkpoint_may_need_a_lost_hash(finished: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A checkpoint file from before the last segment is held against the entries when the hashes cannot tell."""
    with open_log(new_entry_id=lambda: "later", segment_bytes_max=1) as log:
        log.append("denial", {})
        log.append("denial", {})
    data = (finished / HASHES).read_bytes()
    (finished / HASHES).write_bytes(bytes(64) + data[64:])
    for _ in range(2):
        with open_log(new_entry_id=lambda: "later") as log:
            assert log.evidence(entries(finished)[0]).verify(public_key).sequence == 1


@pytest.mark.parametrize("wrong", WRONG, ids=["lost", "other"])
def test_forged_hashes_prove_nothing(
    wrong: bytes, finished: Path, open_log: OpenLog, public_key: VerificationKey
) -> None:
    """Even with a mark that fits, no evidence is handed out that does not verify; the next opening puts it right."""
    overwritten(finished, number=1, wrong=wrong)
    size = int((finished / SYNCED).read_text("ascii").split()[0])
    synced = (finished / HASHES).read_bytes()[: 32 * (2 * size - size.bit_count())]
    (finished / SYNCED).write_text(f"{size} {hashlib.sha256(synced).hexdigest()}\n", "ascii")
    first = entries(finished)[0]
    with open_log(new_entry_id=lambda: "later") as log:
        with pytest.raises(LogUnavailable, match="entry 1 cannot be proven"):
            log.evidence(first)
        with pytest.raises(LogUnavailable, match="stored hashes are damaged"):
            log.checkpoint_since(1)
        assert log.append("denial", {}).sequence == 13
    with open_log(new_entry_id=lambda: "later") as log:
        assert log.evidence(first).verify(public_key) == first
        assert log.checkpoint_since(1)[1]


def test_a_forged_entry_is_not_proven(finished: Path, open_log: OpenLog) -> None:
    """An entry that was changed in a closed segment gets no evidence, and after that the log is not opened again."""
    path = segment(finished, 1)
    frames = read(path)
    write(path, [changed(frames[0], note="forged"), *frames[1:]])
    with open_log(new_entry_id=lambda: "later") as log, pytest.raises(LogUnavailable, match="cannot be proven"):
        log.evidence(entries(finished)[1])
    with pytest.raises(LogUnavailable, match="entry 4"):
        open_log()


def test_verification_needs_no_stored_hash(finished: Path, public_key: VerificationKey) -> None:
    """A lost hash of a damaged commit makes the problem less exact, never an error."""
    path = segment(finished, 2)
    frames = read(path)
    write(path, [*frames[:2], changed(frames[2], note="another"), *frames[3:]])
    for number in range(15):
        data = (finished / HASHES).read_bytes()
        overwritten(finished, number=number, wrong=bytes(32))
        (problem,) = verify(finished, public_key=public_key).problems
        assert problem.kind in (ProblemKind.ALTERED, ProblemKind.REWRITTEN)
        (finished / HASHES).write_bytes(data)
