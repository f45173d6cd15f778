"""Every kind of broken log is refused with the place and the reason; the honest log beside it passes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.chain import EMPTY, ChainHead, encode_line, hash_line
from gateway.audit.checkpoint import VerificationKey, sign_checkpoint
from gateway.audit.problems import Problem, ProblemKind, Verification
from gateway.audit.verify import verify, verify_lines
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import EntryKind

KEY_NAME = "sharing.example/audit"
LINES = (1, 3, 4, 4)
"""Entries per segment of the finished log."""


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("segment-*.jsonl"))


def read(directory: Path) -> list[bytes]:
    return [line for path in segments(directory) for line in path.read_bytes().splitlines(keepends=True)]


def write(directory: Path, lines: list[bytes]) -> None:
    """Put `lines` back as one segment."""
    first, *rest = segments(directory)
    first.write_bytes(b"".join(lines))
    for path in rest:
        path.unlink()


def change(directory: Path, sequence: int, old: bytes, new: bytes) -> None:
    """Replace text in one entry, in its segment."""
    start = 1
    for path, count in zip(segments(directory), LINES, strict=True):
        if start <= sequence < start + count:
            lines = path.read_bytes().splitlines(keepends=True)
            assert old in lines[sequence - start]
            lines[sequence - start] = lines[sequence - start].replace(old, new)
            path.write_bytes(b"".join(lines))
        start += count


def relink(lines: list[bytes], *, start: int, stop: int) -> list[bytes]:
    """Recompute sequence and previous of the entries at `start` to `stop` (exclusive, from 0)."""
    lines = list(lines)
    for index in range(start, stop):
        previous = hash_line(lines[index - 1]) if index else EMPTY.sha256
        line = re.sub(rb'"previous":"[0-9a-f]{64}"', b'"previous":"%b"' % previous.encode(), lines[index])
        lines[index] = re.sub(rb'"sequence":\d+', b'"sequence":%d' % (index + 1), line)
    return lines


def edit(lines: list[bytes], sequence: int) -> list[bytes]:
    return [line.replace(b'"note":"', b'"note":"X') if i == sequence else line for i, line in enumerate(lines, 1)]


def flip_body(directory: Path) -> None:
    change(directory, 6, b"second 1", b"second 3")


def flip_body_at_segment_end(directory: Path) -> None:
    change(directory, 8, b"second 3", b"second 0")


def flip_first(directory: Path) -> None:
    change(directory, 1, b'"torn_bytes":0', b'"torn_bytes":1')


def flip_last(directory: Path) -> None:
    change(directory, 12, b"third 3", b"third 4")


def flip_link(directory: Path) -> None:
    line = read(directory)[6]
    previous = re.findall(rb'"previous":"([0-9a-f]+)"', line)[0]
    change(directory, 7, previous, previous[::-1])


def flip_structure(directory: Path) -> None:
    change(directory, 6, b'"sequence":6', b'"sequence";6')


def renumber(directory: Path) -> None:
    change(directory, 6, b'"sequence":6', b'"sequence":4')


def flip_two(directory: Path) -> None:
    flip_body(directory)
    change(directory, 10, b"third 1", b"third 7")


def edit_and_relink_next(directory: Path) -> None:
    write(directory, relink(edit(read(directory), 6), start=6, stop=7))


def edit_and_relink_all(directory: Path) -> None:
    write(directory, relink(edit(read(directory), 6), start=6, stop=12))


def delete(directory: Path) -> None:
    lines = read(directory)
    write(directory, lines[:5] + lines[6:])


def delete_first(directory: Path) -> None:
    segments(directory)[0].unlink()


def delete_and_renumber(directory: Path) -> None:
    lines = read(directory)
    kept = [re.sub(rb'"sequence":\d+', b'"sequence":%d' % i, x) for i, x in enumerate(lines[:5] + lines[6:], 1)]
    write(directory, kept)


def delete_and_relink(directory: Path) -> None:
    lines = read(directory)
    write(directory, relink(lines[:5] + lines[6:], start=5, stop=11))


def reorder(directory: Path) -> None:
    lines = read(directory)
    lines[5], lines[6] = lines[6], lines[5]
    write(directory, lines)


def duplicate(directory: Path) -> None:
    lines = read(directory)
    write(directory, lines[:6] + lines[5:])


def duplicate_at_end(directory: Path) -> None:
    lines = read(directory)
    write(directory, [*lines, lines[3]])


def truncate(directory: Path) -> None:
    write(directory, read(directory)[:10])


def truncate_in_entry(directory: Path) -> None:
    last = segments(directory)[-1]
    last.write_bytes(last.read_bytes()[:-20])


def truncate_line_feed(directory: Path) -> None:
    last = segments(directory)[-1]
    last.write_bytes(last.read_bytes()[:-1])


def tear_inner_segment(directory: Path) -> None:
    inner = segments(directory)[1]
    inner.write_bytes(inner.read_bytes()[:-20])


def drop_last_segment(directory: Path) -> None:
    segments(directory)[-1].unlink()


def drop_inner_segment(directory: Path) -> None:
    segments(directory)[2].unlink()


def drop_all_segments(directory: Path) -> None:
    for path in segments(directory):
        path.unlink()


def insert_garbage(directory: Path) -> None:
    lines = read(directory)
    write(directory, [*lines[:4], b"\x00\xff garbage\n", *lines[4:]])


def append_garbage(directory: Path) -> None:
    with segments(directory)[-1].open("ab") as file:
        file.write(bytes(4096) + b"\n")


def garbage_segment(directory: Path) -> None:
    segments(directory)[2].write_bytes(bytes(range(256)) * 40)


def endless_line(directory: Path) -> None:
    segments(directory)[3].write_bytes(b"{" * (9 << 20))


def another_json(directory: Path) -> None:
    change(directory, 6, b'{"body":{', b'{"body": {')


@dataclass(frozen=True)
class Broken:
    damage: Callable[[Path], None]
    kind: ProblemKind
    sequence: int
    entry_id: str | None
    place: str


BROKEN = [
    Broken(flip_body, ProblemKind.ALTERED, 6, "entry-6", "segment-000000000005.jsonl:2"),
    Broken(flip_body_at_segment_end, ProblemKind.ALTERED, 8, "entry-8", "segment-000000000005.jsonl:4"),
    Broken(flip_first, ProblemKind.ALTERED, 1, "entry-1", "segment-000000000001.jsonl:1"),
    Broken(flip_last, ProblemKind.REWRITTEN, 12, "entry-12", "segment-000000000009.jsonl:4"),
    Broken(flip_link, ProblemKind.ALTERED, 7, "entry-7", "segment-000000000005.jsonl:3"),
    Broken(flip_structure, ProblemKind.MALFORMED, 6, "entry-6", "segment-000000000005.jsonl:2"),
    Broken(another_json, ProblemKind.MALFORMED, 6, "entry-6", "segment-000000000005.jsonl:2"),
    Broken(renumber, ProblemKind.ALTERED, 6, "entry-6", "segment-000000000005.jsonl:2"),
    Broken(flip_two, ProblemKind.ALTERED, 6, "entry-6", "segment-000000000005.jsonl:2"),
    Broken(edit_and_relink_next, ProblemKind.ALTERED, 7, "entry-7", "segment-000000000001.jsonl:7"),
    Broken(edit_and_relink_all, ProblemKind.REWRITTEN, 12, "entry-12", "segment-000000000001.jsonl:12"),
    Broken(delete, ProblemKind.MISSING, 6, None, "segment-000000000001.jsonl:6"),
    Broken(delete_first, ProblemKind.MISSING, 1, None, "segment-000000000002.jsonl:1"),
    Broken(delete_and_renumber, ProblemKind.ALTERED, 6, "entry-7", "segment-000000000001.jsonl:6"),
    Broken(delete_and_relink, ProblemKind.TRUNCATED, 12, None, "log"),
    Broken(reorder, ProblemKind.REORDERED, 7, "entry-7", "segment-000000000001.jsonl:6"),
    Broken(duplicate, ProblemKind.DUPLICATED, 6, "entry-6", "segment-000000000001.jsonl:7"),
    Broken(duplicate_at_end, ProblemKind.DUPLICATED, 4, "entry-4", "segment-000000000001.jsonl:13"),
    Broken(truncate, ProblemKind.TRUNCATED, 11, None, "log"),
    Broken(truncate_in_entry, ProblemKind.TRUNCATED, 12, None, "segment-000000000009.jsonl:4"),
    Broken(truncate_line_feed, ProblemKind.TRUNCATED, 12, None, "segment-000000000009.jsonl:4"),
    Broken(tear_inner_segment, ProblemKind.MALFORMED, 4, "entry-4", "segment-000000000002.jsonl:3"),
    Broken(drop_last_segment, ProblemKind.TRUNCATED, 9, None, "log"),
    Broken(drop_inner_segment, ProblemKind.MISSING, 5, None, "segment-000000000009.jsonl:1"),
    Broken(drop_all_segments, ProblemKind.TRUNCATED, 1, None, "log"),
    Broken(insert_garbage, ProblemKind.MALFORMED, 5, None, "segment-000000000001.jsonl:5"),
    Broken(append_garbage, ProblemKind.MALFORMED, 13, None, "segment-000000000009.jsonl:5"),
    Broken(garbage_segment, ProblemKind.MALFORMED, 5, None, "segment-000000000005.jsonl:1"),
    Broken(endless_line, ProblemKind.MALFORMED, 9, None, "segment-000000000009.jsonl:1"),
]


def only_problem(found: Verification) -> tuple[ProblemKind, int | None, str | None, str]:
    assert len(found.problems) == 1
    problem = found.problems[0]
    return (problem.kind, problem.sequence, problem.entry_id, problem.place)


def test_honest_log_passes(finished: Path, public_key: VerificationKey) -> None:
    """The log that every damaged one starts from is intact, to its last entry."""
    found = verify(finished, public_key=public_key)
    assert found.intact
    assert (found.entries, found.signed_entries, found.torn_bytes) == (12, 12, 0)
    assert found.head == hash_line(read(finished)[-1])


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.damage.__name__)
def test_broken_log_is_named(
    broken: Broken, finished: Path, public_key: VerificationKey, open_log: Callable[..., object]
) -> None:
    """The first bad entry is named with the reason, and the gateway refuses to open the log."""
    assert verify(finished, public_key=public_key).intact
    broken.damage(finished)
    found = verify(finished, public_key=public_key)
    assert only_problem(found) == (broken.kind, broken.sequence, broken.entry_id, broken.place)
    before = [path.read_bytes() for path in segments(finished)]
    with pytest.raises(Unavailable) as refused:
        open_log()
    assert refused.value.reason is Reason.AUDIT_UNAVAILABLE
    assert f"entry {broken.sequence}: " in refused.value.internal
    assert refused.value.detail == ""
    assert [path.read_bytes() for path in segments(finished)] == before


def test_foreign_segment(
    finished: Path, public_key: VerificationKey, open_log: Callable[..., object], tmp_path: Path
) -> None:
    """A segment of another log with the same key, name and numbers is named where it begins, inside or at the end."""
    other = tmp_path / "other"
    with open_log(other, segment_bytes_max=1, new_entry_id=lambda: "foreign") as log:
        for count in LINES[1:]:
            log.append_many([(EntryKind.DENIAL, {"note": "foreign"})] * count)
    for index, sequence, kind in (
        (2, 5, ProblemKind.FOREIGN),
        (3, 9, ProblemKind.FOREIGN),
        (0, 1, ProblemKind.ALTERED),  # one entry that its successor contradicts
    ):
        path = segments(finished)[index]
        honest = path.read_bytes()
        shutil.copy(segments(other)[index], path)
        found = verify(finished, public_key=public_key)
        assert only_problem(found) == (kind, sequence, "foreign", f"{path.name}:1")
        path.write_bytes(honest)
    assert verify(finished, public_key=public_key).intact


def test_every_flipped_byte_names_its_entry(finished: Path, public_key: VerificationKey) -> None:
    """Whichever byte of the log is changed, its entry is the one named, and the checkpoint is not blamed."""
    lines = read(finished)
    checkpoint = (finished / "checkpoint").read_bytes()
    for sequence, line in enumerate(lines, 1):
        for position in range(len(line)):
            flipped = line[:position] + bytes([line[position] ^ 1]) + line[position + 1 :]
            log = b"".join([*lines[: sequence - 1], flipped, *lines[sequence:]])
            found = verify_lines(log.splitlines(keepends=True), checkpoint=checkpoint, public_key=public_key)
            assert [problem.sequence for problem in found.problems] == [sequence], (sequence, position)


def test_every_cut_is_seen(finished: Path, public_key: VerificationKey) -> None:
    """Wherever the end is cut off, the first entry that is missing is named."""
    log = b"".join(read(finished))
    checkpoint = (finished / "checkpoint").read_bytes()
    for length in range(len(log)):
        cut = log[:length]
        found = verify_lines(cut.splitlines(keepends=True), checkpoint=checkpoint, public_key=public_key)
        expected = (ProblemKind.TRUNCATED, cut.count(b"\n") + 1)
        assert [(problem.kind, problem.sequence) for problem in found.problems] == [expected]


def forge(directory: Path, key: Ed25519PrivateKey) -> bytes:
    lines = read(directory)
    return sign_checkpoint(ChainHead(size=len(lines), sha256=hash_line(lines[-1])), key_name=KEY_NAME, signing_key=key)


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        (None, ProblemKind.CHECKPOINT_MISSING),
        (b"", ProblemKind.CHECKPOINT_MALFORMED),
        (b"\xff" * 5000, ProblemKind.CHECKPOINT_MALFORMED),
    ],
)
def test_lost_checkpoint(
    note: bytes | None,
    kind: ProblemKind,
    finished: Path,
    public_key: VerificationKey,
    open_log: Callable[..., object],
) -> None:
    """A log without a readable checkpoint is refused, however well its entries fit."""
    (finished / "checkpoint").unlink()
    if note is not None:
        (finished / "checkpoint").write_bytes(note)
    assert only_problem(verify(finished, public_key=public_key)) == (kind, None, None, "checkpoint")
    with pytest.raises(Unavailable):
        open_log()


def test_forged_checkpoint(finished: Path, public_key: VerificationKey, open_log: Callable[..., object]) -> None:
    """Rewriting the whole log and signing it with another key is seen."""
    edit_and_relink_all(finished)
    (finished / "checkpoint").write_bytes(forge(finished, Ed25519PrivateKey.generate()))
    expected = (ProblemKind.CHECKPOINT_FORGED, None, None, "checkpoint")
    assert only_problem(verify(finished, public_key=public_key)) == expected
    with pytest.raises(Unavailable):
        open_log()


def test_wrong_key(finished: Path) -> None:
    """Whoever checks with another log's key is told so."""
    other = VerificationKey(name=KEY_NAME, key=Ed25519PrivateKey.generate().public_key())
    assert only_problem(verify(finished, public_key=other))[0] is ProblemKind.CHECKPOINT_FORGED


def test_old_checkpoint_put_back(finished: Path, public_key: VerificationKey, open_log: Callable[..., object]) -> None:
    """Entries that an old checkpoint does not count are named; opening the log records them and signs anew."""
    old = (finished / "checkpoint").read_bytes()
    with open_log(new_entry_id=lambda: "later"):
        pass
    assert verify(finished, public_key=public_key).intact
    (finished / "checkpoint").write_bytes(old)
    found = verify(finished, public_key=public_key)
    assert only_problem(found)[:3] == (ProblemKind.UNSIGNED, 13, "later")
    with open_log(new_entry_id=lambda: "recovered"):
        pass
    assert verify(finished, public_key=public_key).intact
    assert b'"unsigned_entries":1' in read(finished)[-1]


def test_log_and_checkpoint_put_back_together(
    finished: Path, public_key: VerificationKey, open_log: Callable[..., object], tmp_path: Path
) -> None:
    """A full roll-back passes on its own, and is seen by whoever kept a later checkpoint elsewhere."""
    backup = tmp_path / "backup"
    shutil.copytree(finished, backup)
    with open_log(new_entry_id=lambda: "later"):
        pass
    kept = (finished / "checkpoint").read_bytes()
    assert verify(finished, public_key=public_key, kept_checkpoints=[kept]).intact
    assert verify(backup, public_key=public_key).intact
    found = verify(backup, public_key=public_key, kept_checkpoints=[kept])
    assert only_problem(found) == (ProblemKind.TRUNCATED, 13, None, "log")


def test_fork_by_the_key_holder(finished: Path, signing_key: Ed25519PrivateKey, public_key: VerificationKey) -> None:
    """A history rewritten and signed with the true key is seen by whoever kept a checkpoint of the other one."""
    kept = (finished / "checkpoint").read_bytes()
    edit_and_relink_all(finished)
    (finished / "checkpoint").write_bytes(forge(finished, signing_key))
    assert verify(finished, public_key=public_key).intact
    found = verify(finished, public_key=public_key, kept_checkpoints=[kept])
    assert only_problem(found)[:3] == (ProblemKind.REWRITTEN, 12, "entry-12")


def test_a_kept_checkpoint_must_be_ours(finished: Path, public_key: VerificationKey) -> None:
    """A kept checkpoint that the key did not sign proves nothing and is named."""
    kept = [(finished / "checkpoint").read_bytes(), forge(finished, Ed25519PrivateKey.generate())]
    found = verify(finished, public_key=public_key, kept_checkpoints=kept)
    assert only_problem(found) == (ProblemKind.CHECKPOINT_FORGED, None, None, "kept:2")


def test_open_log_is_verified_as_far_as_it_is_signed(
    directory: Path, open_log: Callable[..., object], public_key: VerificationKey
) -> None:
    """While a writer works, what its checkpoint does not count yet is left alone."""
    with open_log() as log:
        entry = log.append(EntryKind.DENIAL, {"note": "one"})
        head = ChainHead(size=entry.sequence, sha256=entry.sha256)
        with segments(directory)[-1].open("ab") as file:
            file.write(encode_line(b"{}", entry_id="e", kind=EntryKind.DENIAL, after=head, time_micros=1))
            file.write(b'{"body":{"half')
        found = verify(directory, public_key=public_key)
        assert found.intact
        assert found.entries == 2
    found = verify(directory, public_key=public_key)
    assert only_problem(found)[:3] == (ProblemKind.UNSIGNED, 3, "e")


def test_empty_log(tmp_path: Path, public_key: VerificationKey) -> None:
    """A directory without a log is not an intact log."""
    assert only_problem(verify(tmp_path, public_key=public_key))[0] is ProblemKind.CHECKPOINT_MISSING


def test_every_problem_has_texts() -> None:
    """Each kind of problem is explained in both languages, each in its own words."""
    texts = [Problem(kind=kind, sequence=None, entry_id=None, place="").text for kind in ProblemKind]
    assert len({text.zh for text in texts}) == len({text.en for text in texts}) == len(ProblemKind)
