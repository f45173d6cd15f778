from __future__ import annotations

import shutil
from pathlib import Path

from connectors.sdk.tlog import Problem, ProblemKind, VerificationKey, list_segments, verify
from connectors.sdk.tlog.copying import send_log, take_log
from connectors.sdk.tlog.entry import encode_entry, leaf_hash
from connectors.sdk.tlog.segments import FrameType, entry_frame, read_frames
from tests.unit.connectors.sdk.tlog.conftest import OpenLog


def test_every_flipped_bit_is_found(finished: Path, public_key: VerificationKey) -> None:
    """Whichever byte of the log is changed, something is found, and in an entry it is that entry."""
    for segment in list_segments(finished):
        whole, sequence = segment.path.read_bytes(), segment.first_sequence
        for offset, frame_type, payload, _ in list(read_frames(whole)):
            for position in range(offset, offset + 13 + len(payload), 7):
                flipped = bytearray(whole)
                flipped[position] ^= 1 << position % 8
                segment.path.write_bytes(flipped)
                problem = verify(finished, public_key=public_key).problems[0]
                if frame_type == FrameType.ENTRY:
                    assert problem.sequence == sequence, (problem, position)
            sequence += frame_type == FrameType.ENTRY
        segment.path.write_bytes(whole)
    assert verify(finished, public_key=public_key).intact


def test_every_cut_is_found(finished: Path, public_key: VerificationKey) -> None:
    """Wherever the end of the log is cut off, the first entry that is no longer signed is named."""
    last = list_segments(finished)[-1].path
    whole = last.read_bytes()
    for length in range(len(whole)):
        last.write_bytes(whole[:length])
        (problem,) = verify(finished, public_key=public_key).problems
        assert (problem.kind, problem.sequence) == (ProblemKind.TRUNCATED, 12 if verify_entries(last) == 11 else 9)


def verify_entries(path: Path) -> int:
    types = [frame_type for _, frame_type, _, _ in read_frames(path.read_bytes())]
    return 8 if FrameType.CHECKPOINT not in types else 11


def test_progress_is_told(finished: Path, public_key: VerificationKey) -> None:
    """Whoever waits is told how many entries were verified, segment by segment."""
    told: list[int] = []
    found = verify(finished, public_key=public_key, parallel=False, on_progress=told.append)
    assert len(told) == len(list_segments(finished))
    assert told == sorted(told)
    assert told[-1] == found.entries


def test_empty_folder_is_no_log(tmp_path: Path, public_key: VerificationKey) -> None:
    """A folder without a log is not an intact log."""
    assert [p.kind for p in verify(tmp_path, public_key=public_key).problems] == [ProblemKind.CHECKPOINT_MISSING]


def test_a_commit_under_way_is_left_alone(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """While a writer works, what no checkpoint counts yet is not part of the log, and no problem."""
    with open_log() as log:
        log.append("denial", {"note": "one"})
        leaf = encode_entry(b"{}", sequence=2, entry_id="e", kind="denial", time_micros=1)
        unfinished = entry_frame(leaf, hash_=leaf_hash(leaf))[:-1]
        with list_segments(directory)[-1].path.open("ab") as file:
            file.write(unfinished)
        found = verify(directory, public_key=public_key)
    assert (found.intact, found.entries, found.torn_bytes) == (True, 1, len(unfinished))


def test_many_segments_are_verified_as_few(
    directory: Path, open_log: OpenLog, public_key: VerificationKey, tmp_path: Path
) -> None:
    """A log that is large enough for several processes gives the same answer as when it is read by one."""
    with open_log() as log:
        body = {"note": "x" * (2 << 20)}
        for _ in range(4):
            log.append_many([("denial", body)] * 9)
    with open_log(segment_bytes_max=1) as log:
        log.append_many([("denial", {"note": "last"})])
    found = verify(directory, public_key=public_key)
    assert (found.intact, found.entries, len(list_segments(directory))) == (True, 37, 2)
    first = list_segments(directory)[0].path
    first.write_bytes(first.read_bytes().replace(b"xxxx", b"xxxy", 1))
    (problem,) = verify(directory, public_key=public_key).problems
    assert (problem.kind, problem.sequence) == (ProblemKind.ALTERED, 1)


def test_a_copy_verifies_elsewhere(finished: Path, public_key: VerificationKey, tmp_path: Path) -> None:
    """What is sent of a log verifies where it is taken, without the stored hashes."""
    copy = tmp_path / "copy"
    copy.mkdir()
    pieces = send_log(finished, checkpoint=(finished / "checkpoint").read_bytes(), segments=list_segments(finished))
    take_log(pieces, directory=copy)
    assert sorted(path.name for path in copy.iterdir()) == sorted(
        path.name for path in finished.iterdir() if path.name not in ("hashes", "hashes.synced", "lock")
    )
    found = verify(copy, public_key=public_key)
    assert (found.intact, found.entries) == (True, 12)


def test_a_growing_log_is_copied_whole(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A copy holds all that the checkpoint sent with it counts, though the log grows while it is made."""
    copy = directory.with_name("copy")
    copy.mkdir()
    with open_log(segment_bytes_max=300) as log:
        log.append_many([("denial", {})] * 3)
        pieces = send_log(directory, checkpoint=log.checkpoint, segments=log.segments())
        first = next(pieces)
        log.append_many([("denial", {})] * 3)
        take_log([first, *pieces], directory=copy)
    assert verify(copy, public_key=public_key).intact
    shutil.rmtree(copy)


def test_every_problem_has_texts() -> None:
    """Each kind of problem is explained in both languages, each in its own words."""
    texts = [Problem(kind=kind, sequence=None, entry_id=None, place="").text for kind in ProblemKind]
    assert len({text.zh for text in texts}) == len({text.en for text in texts}) == len(ProblemKind)
