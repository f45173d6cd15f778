from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import LogUnavailable, VerificationKey, list_segments, verify
from connectors.sdk.tlog.entry import encode_entry, leaf_hash
from connectors.sdk.tlog.merkle import CompactRange
from connectors.sdk.tlog.note import sign_checkpoint
from connectors.sdk.tlog.segments import checkpoint_frame, entry_frame, is_unfinished, read_frames, read_leaves
from tests.unit.connectors.sdk.tlog.conftest import NAME, OpenLog, entries


@pytest.fixture
def crashed(finished: Path, signing_key: Ed25519PrivateKey) -> tuple[Path, bytes]:
    """A log of 12 entries, and the bytes of a commit of two entries that was being written when the power failed."""
    tree = CompactRange()
    for segment in list_segments(finished):
        for leaf in read_leaves(segment):
            tree.append(leaf_hash(leaf))
    frames = []
    for sequence in (13, 14):
        leaf = encode_entry(b'{"n":1}', sequence=sequence, entry_id=f"e{sequence}", kind="denial", time_micros=1)
        tree.append(leaf_hash(leaf))
        frames.append(entry_frame(leaf, hash_=leaf_hash(leaf)))
    note = sign_checkpoint(name=NAME, size=14, root=tree.root, signing_key=signing_key)
    return finished, b"".join((*frames, checkpoint_frame(note)))


def reopened(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> tuple[int, int]:
    """Open the log, append to it and return how many entries it had and how many bytes were cut off."""
    with open_log(new_entry_id=lambda: "later") as log:
        found = log.recovered
        assert log.append("denial", {}).sequence == found.tree.end + 1
        assert log.evidence(entries(directory)[0]).verify(public_key).sequence == 1
    assert verify(directory, public_key=public_key).entries == found.tree.end + 1
    return found.tree.end, found.torn_bytes


@pytest.mark.parametrize("hashes_kept", [True, False])
def test_an_unfinished_commit_is_cut_off(
    hashes_kept: bool, crashed: tuple[Path, bytes], open_log: OpenLog, public_key: VerificationKey
) -> None:
    """Wherever the last commit tears, the log goes on with what was acknowledged; a whole commit is kept."""
    directory, commit = crashed
    backup = directory.with_name("backup")
    shutil.copytree(directory, backup)
    for length in [*range(0, len(commit), 9), len(commit)]:
        shutil.rmtree(directory)
        shutil.copytree(backup, directory)
        if not hashes_kept:
            (directory / "hashes").unlink()
        with list_segments(directory)[-1].path.open("ab") as file:
            file.write(commit[:length])
        expected = (14, 0) if length == len(commit) else (12, length)
        assert reopened(directory, open_log, public_key) == expected


def test_pages_of_the_last_commit_may_be_lost_in_any_order(
    crashed: tuple[Path, bytes], open_log: OpenLog, public_key: VerificationKey
) -> None:
    """A commit whose checkpoint reached the disk and whose entries did not is cut off too: nobody was told of it."""
    directory, commit = crashed
    with list_segments(directory)[-1].path.open("ab") as file:
        file.write(bytes(40) + commit[40:])
    assert reopened(directory, open_log, public_key) == (12, len(commit))


@pytest.mark.parametrize("position", [20, 60, 130])
def test_damage_before_another_commit_is_no_crash(
    position: int, crashed: tuple[Path, bytes], open_log: OpenLog
) -> None:
    """A crash leaves one unfinished commit, so damage that another commit follows is refused and stays as it is."""
    directory, commit = crashed
    last = list_segments(directory)[-1].path
    data = bytearray(last.read_bytes() + commit)
    data[position] ^= 1
    last.write_bytes(data)
    with pytest.raises(LogUnavailable):
        open_log()
    assert last.read_bytes() == data


def test_published_entries_are_never_cut_off(finished: Path, open_log: OpenLog) -> None:
    """Damage to the last commit looks like a crash, but the published checkpoint counts its entry."""
    last = list_segments(finished)[-1].path
    data = last.read_bytes()
    last.write_bytes(data[:-1])
    with pytest.raises(LogUnavailable, match="ends after entry 11, but 12 are signed"):
        open_log()
    assert last.read_bytes() == data[:-1]


def test_a_segment_that_was_only_begun(finished: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A crash right after a segment was made leaves it empty; the log goes on in it."""
    (finished / "segment-000000000013.log").touch()
    assert reopened(finished, open_log, public_key) == (12, 0)
    assert len(list_segments(finished)) == 5


def test_only_one_checkpoint_can_be_unfinished() -> None:
    """What may be left of a crash holds no checkpoint, or one at its very end."""
    note = sign_checkpoint(name=NAME, size=1, root=bytes(32), signing_key=Ed25519PrivateKey.generate())
    frame = checkpoint_frame(note)
    leaf = encode_entry(b"{}", sequence=1, entry_id="e", kind="denial", time_micros=1)
    entry = entry_frame(leaf, hash_=leaf_hash(leaf))
    assert all(map(is_unfinished, (b"", entry, entry[:-1], entry + frame, entry + frame[:-1], bytes(4096))))
    assert not any(map(is_unfinished, (frame + entry, frame + frame, entry + frame + b"x" * 13)))
    assert [kind for _, kind, _, _ in read_frames(entry + frame)] == [1, 2]
