"""Every kind of broken log is refused with the place and the reason; the honest log beside it passes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import LogUnavailable, ProblemKind, Verification, VerificationKey, list_segments, verify
from connectors.sdk.tlog.note import sign_checkpoint
from tests.attacks.audit.frames import changed, offset, read, renumbered, segment, signed_anew, write
from tests.unit.connectors.sdk.tlog.conftest import NAME, OpenLog

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ONE, TWO, FIVE, NINE = (f"segment-{first:012}.log" for first in (1, 2, 5, 9))


def without_hashes(damage: Callable[[Path], None]) -> Callable[[Path], None]:
    def damage_(directory: Path) -> None:
        damage(directory)
        (directory / "hashes").unlink()

    damage_.__name__ = f"{damage.__name__}_without_hashes"
    return damage_


def edit_bytes(directory: Path, number: int = 2, frame: int = 1) -> None:
    path = segment(directory, number)
    data, payload = path.read_bytes(), read(path)[frame].payload
    path.write_bytes(data.replace(payload, payload[:-3] + bytes([payload[-3] ^ 1]) + payload[-2:]))


def edit(directory: Path, number: int = 2, frame: int = 1) -> None:
    path = segment(directory, number)
    frames = read(path)
    frames[frame] = changed(frames[frame], note="another")
    write(path, frames)


def edit_bytes_of_last_entry(directory: Path) -> None:
    edit_bytes(directory, 3, 4)


def edit_bytes_before_last_commit(directory: Path) -> None:
    edit_bytes(directory, 3, 1)


def edit_only_entry_of_commit(directory: Path) -> None:
    edit(directory, 0, 0)


def edit_last_entry(directory: Path) -> None:
    edit(directory, 3, 4)


def edit_two(directory: Path) -> None:
    edit(directory)
    edit(directory, 3, 1)


def delete(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), [frames[0], *frames[2:]])


def delete_and_renumber(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), renumbered([frames[0], *frames[2:]], first=5))


def delete_last_of_commit(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), [*frames[:3], frames[4]])


def delete_commit(directory: Path) -> None:
    write(segment(directory, 3), read(segment(directory, 3))[4:])


def delete_first_segment(directory: Path) -> None:
    segment(directory, 0).unlink()


def delete_inner_segment(directory: Path) -> None:
    segment(directory, 2).unlink()


def delete_last_segment(directory: Path) -> None:
    segment(directory, 3).unlink()


def delete_all_segments(directory: Path) -> None:
    for found in list_segments(directory):
        found.path.unlink()


def reorder(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), [frames[0], frames[2], frames[1], *frames[3:]])


def reorder_and_renumber(directory: Path) -> None:
    reorder(directory)
    write(segment(directory, 2), renumbered(read(segment(directory, 2)), first=5))


def duplicate(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), [*frames[:2], *frames[1:]])


def duplicate_commit(directory: Path) -> None:
    frames = read(segment(directory, 3))
    write(segment(directory, 3), [*frames, *frames[4:]])


def duplicate_checkpoint(directory: Path) -> None:
    frames = read(segment(directory, 3))
    write(segment(directory, 3), [*frames[:4], *frames[3:]])


def copy_segment(directory: Path) -> None:
    shutil.copy(segment(directory, 1), directory / "segment-000000000003.log")


def insert(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), renumbered([*frames[:2], *frames[1:]], first=5))


def add_to_closed_segment(directory: Path) -> None:
    frames = read(segment(directory, 2))
    write(segment(directory, 2), [*frames, changed(frames[3], sequence=9)])


def truncate(directory: Path) -> None:
    write(segment(directory, 3), read(segment(directory, 3))[:4])


def truncate_in_entry(directory: Path) -> None:
    path = segment(directory, 3)
    path.write_bytes(path.read_bytes()[: offset(path, 4) + 20])


def truncate_in_checkpoint(directory: Path) -> None:
    path = segment(directory, 3)
    path.write_bytes(path.read_bytes()[:-20])


def truncate_closed_segment(directory: Path) -> None:
    write(segment(directory, 2), read(segment(directory, 2))[:2])


def replace_checkpoint_frame(directory: Path) -> None:
    frames = read(segment(directory, 3))
    write(segment(directory, 3), [*frames[:3], read(segment(directory, 2))[4], *frames[4:]])


def insert_garbage(directory: Path) -> None:
    path = segment(directory, 2)
    data, at = path.read_bytes(), offset(path, 2)
    path.write_bytes(data[:at] + b"\x00\xff garbage" + data[at:])


def garbage_segment(directory: Path) -> None:
    segment(directory, 2).write_bytes(bytes(range(256)) * 40)


def huge_length(directory: Path) -> None:
    path = segment(directory, 2)
    path.write_bytes(b"\xff\xff\xff\xff" + path.read_bytes()[4:])


def rewrite_with_another_key(directory: Path) -> None:
    signed_anew(directory, OTHER_KEY, change=lambda frame: changed(frame, note="rewritten"))


def rewrite_with_old_signatures(directory: Path) -> None:
    published = (directory / "checkpoint").read_bytes()
    signed_anew(directory, OTHER_KEY, change=lambda frame: changed(frame, note="rewritten"), old_signatures=True)
    (directory / "checkpoint").write_bytes(published)


def segment_of_another_key(directory: Path) -> None:
    copy = directory.with_name("copy")
    shutil.copytree(directory, copy)
    signed_anew(copy, OTHER_KEY, change=lambda frame: changed(frame, note="rewritten"))
    shutil.copy(segment(copy, 2), segment(directory, 2))


def hide_in_signature(directory: Path) -> None:
    frames = read(segment(directory, 3))
    text, _, _ = frames[3].payload.partition(b"\n\n")
    write(segment(directory, 3), [*frames[:3], replace(frames[3], payload=text + b"\n\nhidden" * 100), *frames[4:]])


def hide_after_signature(directory: Path) -> None:
    frames = read(segment(directory, 3))
    hidden = replace(frames[3], payload=frames[3].payload + "\u2014 other AAAA\n".encode())
    write(segment(directory, 3), [*frames[:3], hidden, *frames[4:]])


def forged_tombstone(directory: Path) -> None:
    segment(directory, 0).unlink()
    (directory / "tombstone").write_bytes(b"tombstone/v1\n{}\n\n\xe2\x80\x94 " + NAME.encode() + b" AAAA\n")


@dataclass(frozen=True)
class Broken:
    damage: Callable[[Path], None]
    kind: ProblemKind
    sequence: int | None
    entry_id: str | None
    place: str
    """File, and number of the frame in the honest one."""


BROKEN = [
    Broken(edit_bytes, ProblemKind.ALTERED, 6, "entry-6", f"{FIVE}:1"),
    Broken(edit_bytes_before_last_commit, ProblemKind.ALTERED, 10, "entry-10", f"{NINE}:1"),
    Broken(edit_bytes_of_last_entry, ProblemKind.ALTERED, 12, "entry-12", f"{NINE}:4"),
    Broken(edit, ProblemKind.ALTERED, 6, "entry-6", f"{FIVE}:1"),
    Broken(without_hashes(edit), ProblemKind.REWRITTEN, 8, "entry-8", f"{FIVE}:3"),
    Broken(edit_only_entry_of_commit, ProblemKind.ALTERED, 1, "entry-1", f"{ONE}:0"),
    Broken(without_hashes(edit_only_entry_of_commit), ProblemKind.ALTERED, 1, "entry-1", f"{ONE}:0"),
    Broken(edit_last_entry, ProblemKind.ALTERED, 12, "entry-12", f"{NINE}:4"),
    Broken(edit_two, ProblemKind.ALTERED, 6, "entry-6", f"{FIVE}:1"),
    Broken(delete, ProblemKind.MISSING, 6, None, f"{FIVE}:1"),
    Broken(delete_and_renumber, ProblemKind.MISSING, 8, None, f"{FIVE}:3"),
    Broken(delete_last_of_commit, ProblemKind.MISSING, 8, None, f"{FIVE}:3"),
    Broken(delete_commit, ProblemKind.MISSING, 9, None, f"{NINE}:0"),
    Broken(delete_first_segment, ProblemKind.MISSING, 1, None, f"{TWO}:0"),
    Broken(delete_inner_segment, ProblemKind.MISSING, 5, None, f"{NINE}:0"),
    Broken(delete_last_segment, ProblemKind.TRUNCATED, 9, None, "log"),
    Broken(delete_all_segments, ProblemKind.TRUNCATED, 1, None, "log"),
    Broken(reorder, ProblemKind.REORDERED, 7, "entry-7", f"{FIVE}:1"),
    Broken(reorder_and_renumber, ProblemKind.ALTERED, 6, "entry-7", f"{FIVE}:1"),
    Broken(duplicate, ProblemKind.DUPLICATED, 6, "entry-6", f"{FIVE}:2"),
    Broken(duplicate_commit, ProblemKind.DUPLICATED, 12, "entry-12", f"{NINE}:6"),
    Broken(duplicate_checkpoint, ProblemKind.DUPLICATED, 11, None, f"{NINE}:4"),
    Broken(copy_segment, ProblemKind.DUPLICATED, 3, None, "segment-000000000003.log:0"),
    Broken(insert, ProblemKind.UNSIGNED, 9, None, f"{FIVE}:5"),
    Broken(add_to_closed_segment, ProblemKind.UNSIGNED, 9, None, f"{FIVE}:5"),
    Broken(truncate, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(truncate_in_entry, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(truncate_in_checkpoint, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(truncate_closed_segment, ProblemKind.UNSIGNED, 5, None, f"{FIVE}:0"),
    Broken(replace_checkpoint_frame, ProblemKind.UNSIGNED, 9, None, f"{NINE}:3"),
    Broken(insert_garbage, ProblemKind.MALFORMED, 7, None, f"{FIVE}:2"),
    Broken(garbage_segment, ProblemKind.MALFORMED, 5, None, f"{FIVE}:0"),
    Broken(huge_length, ProblemKind.ALTERED, 5, "entry-5", f"{FIVE}:0"),
    Broken(rewrite_with_another_key, ProblemKind.CHECKPOINT_FORGED, 1, None, f"{ONE}:1"),
    Broken(rewrite_with_old_signatures, ProblemKind.CHECKPOINT_FORGED, 1, None, f"{ONE}:1"),
    Broken(segment_of_another_key, ProblemKind.CHECKPOINT_FORGED, 5, None, f"{FIVE}:4"),
    Broken(hide_in_signature, ProblemKind.CHECKPOINT_FORGED, 9, None, f"{NINE}:3"),
    Broken(hide_after_signature, ProblemKind.CHECKPOINT_MALFORMED, 11, None, f"{NINE}:3"),
    Broken(forged_tombstone, ProblemKind.MISSING, 1, None, f"{TWO}:0"),
]


def found_problem(found: Verification, *, directory: Path) -> tuple[ProblemKind, int | None, str | None, str]:
    problem = found.problems[0]
    name, _, byte = problem.place.partition(":")
    if not byte:
        return problem.kind, problem.sequence, problem.entry_id, problem.place
    offsets = [offset(directory / name, number) for number in range(len(read(directory / name)))]
    number = offsets.index(int(byte)) if int(byte) in offsets else len(offsets)
    return problem.kind, problem.sequence, problem.entry_id, f"{name}:{number}"


def test_honest_log_passes(finished: Path, public_key: VerificationKey, open_log: OpenLog) -> None:
    """The log that every damaged one starts from is intact, to its last entry, and can be written on."""
    kept = (finished / "checkpoint").read_bytes()
    found = verify(finished, public_key=public_key, kept_checkpoints=[kept])
    assert (found.intact, found.entries, found.retired, found.torn_bytes, found.unchecked) == (True, 12, 0, 0, 0)
    with open_log(new_entry_id=lambda: "later") as log:
        assert log.append("denial", {}).sequence == 13


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.damage.__name__)
def test_broken_log_is_named(broken: Broken, finished: Path, public_key: VerificationKey, open_log: OpenLog) -> None:
    """The first bad entry is named with the reason, and nobody can write on such a log: it stays as it is."""
    assert verify(finished, public_key=public_key).intact
    broken.damage(finished)
    found = verify(finished, public_key=public_key)
    expected = (broken.kind, broken.sequence, broken.entry_id, broken.place)
    assert found_problem(found, directory=finished) == expected
    before = [found.path.read_bytes() for found in list_segments(finished)]
    (finished / "hashes").unlink(missing_ok=True)
    with pytest.raises(LogUnavailable):
        open_log()
    assert [found.path.read_bytes() for found in list_segments(finished)] == before


def test_segment_of_another_history(
    finished: Path, public_key: VerificationKey, signing_key: Ed25519PrivateKey
) -> None:
    """A segment that the same key signed for another history is named where it begins."""
    copy = finished.with_name("copy")
    shutil.copytree(finished, copy)
    signed_anew(copy, signing_key, change=lambda frame: changed(frame, note="rewritten"))
    assert verify(copy, public_key=public_key).intact
    shutil.copy(segment(copy, 2), segment(finished, 2))
    found = found_problem(verify(finished, public_key=public_key), directory=finished)
    assert found == (ProblemKind.FOREIGN, 5, "entry-5", f"{FIVE}:0")


def test_fork_by_the_key_holder(finished: Path, signing_key: Ed25519PrivateKey, public_key: VerificationKey) -> None:
    """A history rewritten with the true key passes on its own; whoever kept a checkpoint of the other one sees it."""
    kept = (finished / "checkpoint").read_bytes()
    signed_anew(finished, signing_key, change=lambda frame: changed(frame, note="rewritten"))
    assert verify(finished, public_key=public_key).intact
    found = verify(finished, public_key=public_key, kept_checkpoints=[kept])
    assert [(problem.kind, problem.sequence) for problem in found.problems] == [(ProblemKind.REWRITTEN, 12)]


def test_log_put_back(finished: Path, public_key: VerificationKey, open_log: OpenLog) -> None:
    """A whole log that was put back passes on its own; whoever kept a later checkpoint sees it."""
    backup = finished.with_name("backup")
    shutil.copytree(finished, backup)
    with open_log(new_entry_id=lambda: "later") as log:
        log.append("denial", {})
    kept = (finished / "checkpoint").read_bytes()
    assert verify(finished, public_key=public_key, kept_checkpoints=[kept]).intact
    assert verify(backup, public_key=public_key).intact
    found = verify(backup, public_key=public_key, kept_checkpoints=[kept])
    assert [(problem.kind, problem.sequence) for problem in found.problems] == [(ProblemKind.TRUNCATED, 13)]


def test_segments_put_back_without_the_checkpoint(
    finished: Path, public_key: VerificationKey, open_log: OpenLog
) -> None:
    """Older segments do not fit the newer checkpoint beside them, so the log is not opened."""
    older = segment(finished, 3).read_bytes()
    with open_log(new_entry_id=lambda: "later") as log:
        log.append("denial", {})
    segment(finished, 3).write_bytes(older)
    assert verify(finished, public_key=public_key).problems[0].sequence == 13
    with pytest.raises(LogUnavailable, match="put back"):
        open_log()


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        (None, ProblemKind.CHECKPOINT_MISSING),
        (b"", ProblemKind.CHECKPOINT_MALFORMED),
        (b"\xff" * 5000, ProblemKind.CHECKPOINT_MALFORMED),
        (sign_checkpoint(name=NAME, size=12, root=bytes(32), signing_key=OTHER_KEY), ProblemKind.CHECKPOINT_FORGED),
        (sign_checkpoint(name="other", size=12, root=bytes(32), signing_key=OTHER_KEY), ProblemKind.CHECKPOINT_FORGED),
    ],
)
def test_bad_checkpoint(
    note: bytes | None, kind: ProblemKind, finished: Path, public_key: VerificationKey, open_log: OpenLog
) -> None:
    """A log without its own checkpoint is refused, however well its entries fit."""
    (finished / "checkpoint").unlink()
    if note is not None:
        (finished / "checkpoint").write_bytes(note)
    found = verify(finished, public_key=public_key)
    assert [(problem.kind, problem.sequence, problem.place) for problem in found.problems] == [
        (kind, None, "checkpoint")
    ]
    with pytest.raises(LogUnavailable):
        open_log()


def test_checkpoint_of_another_history(
    finished: Path, signing_key: Ed25519PrivateKey, public_key: VerificationKey, open_log: OpenLog
) -> None:
    """A checkpoint that the key signed for other entries is refused, also when it counts fewer."""
    for size in (3, 12):
        note = sign_checkpoint(name=NAME, size=size, root=bytes(32), signing_key=signing_key)
        (finished / "checkpoint").write_bytes(note)
        found = verify(finished, public_key=public_key)
        assert [(problem.kind, problem.sequence) for problem in found.problems] == [(ProblemKind.REWRITTEN, size)]
        with pytest.raises(LogUnavailable):
            open_log()


def test_wrong_key(finished: Path) -> None:
    """Whoever checks with another log's key is told so."""
    other = VerificationKey(name=NAME, key=OTHER_KEY.public_key())
    found = verify(finished, public_key=other)
    assert {problem.kind for problem in found.problems} == {ProblemKind.CHECKPOINT_FORGED}
    assert {problem.place.partition(":")[0] for problem in found.problems} == {ONE, "checkpoint"}


def test_a_kept_checkpoint_must_be_ours(finished: Path, public_key: VerificationKey) -> None:
    """A kept checkpoint that the key did not sign proves nothing and is named."""
    forged = sign_checkpoint(name=NAME, size=1, root=bytes(32), signing_key=OTHER_KEY)
    kept = [(finished / "checkpoint").read_bytes(), forged]
    found = verify(finished, public_key=public_key, kept_checkpoints=kept)
    assert [(problem.kind, problem.place) for problem in found.problems] == [(ProblemKind.CHECKPOINT_FORGED, "kept:2")]


def test_a_checkpoint_inside_a_segment_holds_nothing_that_could_be_lost(
    finished: Path, public_key: VerificationKey
) -> None:
    """Without it every entry is still there, and signed by the checkpoint after it."""
    frames = read(segment(finished, 3))
    write(segment(finished, 3), [*frames[:3], *frames[4:]])
    found = verify(finished, public_key=public_key)
    assert (found.intact, found.entries) == (True, 12)
