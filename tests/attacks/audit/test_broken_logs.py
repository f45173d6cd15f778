"""Every kind of broken log is refused with the place and the reason; the honest log beside it passes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import LogUnavailable, ProblemKind, Verification, VerificationKey, list_segments, verify
from connectors.sdk.tlog.note import sign_checkpoint
from tests.attacks.audit import damages
from tests.attacks.audit.frames import changed, offset, read, segment, signed_anew, write
from tests.unit.connectors.sdk.tlog.conftest import NAME, OpenLog

ONE, TWO, FIVE, NINE = (f"segment-{first:012}.log" for first in (1, 2, 5, 9))


@dataclass(frozen=True)
class Broken:
    damage: Callable[[Path], None]
    kind: ProblemKind
    sequence: int | None
    entry_id: str | None
    place: str
    """File, and number of the frame in the honest one."""


BROKEN = [
    Broken(damages.edit_bytes, ProblemKind.ALTERED, 6, "entry-6", f"{FIVE}:1"),
    Broken(damages.edit_bytes_before_last_commit, ProblemKind.ALTERED, 10, "entry-10", f"{NINE}:1"),
    Broken(damages.edit_bytes_of_last_entry, ProblemKind.ALTERED, 12, "entry-12", f"{NINE}:4"),
    Broken(damages.edit, ProblemKind.ALTERED, 6, "entry-6", f"{FIVE}:1"),
    Broken(damages.without_hashes(damages.edit), ProblemKind.REWRITTEN, 8, "entry-8", f"{FIVE}:3"),
    Broken(damages.edit_only_entry_of_commit, ProblemKind.ALTERED, 1, "entry-1", f"{ONE}:0"),
    Broken(damages.without_hashes(damages.edit_only_entry_of_commit), ProblemKind.ALTERED, 1, "entry-1", f"{ONE}:0"),
    Broken(damages.edit_last_entry, ProblemKind.ALTERED, 12, "entry-12", f"{NINE}:4"),
    Broken(damages.edit_two, ProblemKind.ALTERED, 6, "entry-6", f"{FIVE}:1"),
    Broken(damages.delete, ProblemKind.MISSING, 6, None, f"{FIVE}:1"),
    Broken(damages.delete_and_renumber, ProblemKind.MISSING, 8, None, f"{FIVE}:3"),
    Broken(damages.delete_last_of_commit, ProblemKind.MISSING, 8, None, f"{FIVE}:3"),
    Broken(damages.delete_commit, ProblemKind.MISSING, 9, None, f"{NINE}:0"),
    Broken(damages.delete_first_segment, ProblemKind.MISSING, 1, None, f"{TWO}:0"),
    Broken(damages.delete_inner_segment, ProblemKind.MISSING, 5, None, f"{NINE}:0"),
    Broken(damages.delete_last_segment, ProblemKind.TRUNCATED, 9, None, "log"),
    Broken(damages.delete_all_segments, ProblemKind.TRUNCATED, 1, None, "log"),
    Broken(damages.reorder, ProblemKind.REORDERED, 7, "entry-7", f"{FIVE}:1"),
    Broken(damages.reorder_and_renumber, ProblemKind.ALTERED, 6, "entry-7", f"{FIVE}:1"),
    Broken(damages.duplicate, ProblemKind.DUPLICATED, 6, "entry-6", f"{FIVE}:2"),
    Broken(damages.duplicate_commit, ProblemKind.DUPLICATED, 12, "entry-12", f"{NINE}:6"),
    Broken(damages.duplicate_checkpoint, ProblemKind.DUPLICATED, 11, None, f"{NINE}:4"),
    Broken(damages.copy_segment, ProblemKind.DUPLICATED, 3, None, "segment-000000000003.log:0"),
    Broken(damages.insert, ProblemKind.UNSIGNED, 9, None, f"{FIVE}:5"),
    Broken(damages.add_to_closed_segment, ProblemKind.UNSIGNED, 9, None, f"{FIVE}:5"),
    Broken(damages.truncate, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(damages.truncate_in_entry, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(damages.truncate_in_checkpoint, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(damages.truncate_closed_segment, ProblemKind.UNSIGNED, 5, None, f"{FIVE}:0"),
    Broken(damages.replace_checkpoint_frame, ProblemKind.UNSIGNED, 9, None, f"{NINE}:3"),
    Broken(damages.insert_garbage, ProblemKind.MALFORMED, 7, None, f"{FIVE}:2"),
    Broken(damages.garbage_segment, ProblemKind.MALFORMED, 5, None, f"{FIVE}:0"),
    Broken(damages.huge_length, ProblemKind.ALTERED, 5, "entry-5", f"{FIVE}:0"),
    Broken(damages.rewrite_with_another_key, ProblemKind.CHECKPOINT_FORGED, 1, None, f"{ONE}:1"),
    Broken(damages.rewrite_with_old_signatures, ProblemKind.CHECKPOINT_FORGED, 1, None, f"{ONE}:1"),
    Broken(damages.segment_of_another_key, ProblemKind.CHECKPOINT_FORGED, 5, None, f"{FIVE}:4"),
    Broken(damages.hide_in_signature, ProblemKind.CHECKPOINT_FORGED, 9, None, f"{NINE}:3"),
    Broken(damages.hide_after_signature, ProblemKind.CHECKPOINT_MALFORMED, 11, None, f"{NINE}:3"),
    Broken(damages.forged_tombstone, ProblemKind.MISSING, 1, None, f"{TWO}:0"),
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
        (
            sign_checkpoint(name=NAME, size=12, root=bytes(32), signing_key=damages.OTHER_KEY),
            ProblemKind.CHECKPOINT_FORGED,
        ),
        (
            sign_checkpoint(name="other", size=12, root=bytes(32), signing_key=damages.OTHER_KEY),
            ProblemKind.CHECKPOINT_FORGED,
        ),
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
    other = VerificationKey(name=NAME, key=damages.OTHER_KEY.public_key())
    found = verify(finished, public_key=other)
    assert {problem.kind for problem in found.problems} == {ProblemKind.CHECKPOINT_FORGED}
    assert {problem.place.partition(":")[0] for problem in found.problems} == {ONE, "checkpoint"}


def test_a_kept_checkpoint_must_be_ours(finished: Path, public_key: VerificationKey) -> None:
    """A kept checkpoint that the key did not sign proves nothing and is named."""
    forged = sign_checkpoint(name=NAME, size=1, root=bytes(32), signing_key=damages.OTHER_KEY)
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
