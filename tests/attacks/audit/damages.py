"""What may be done to a finished log: each function damages the log of a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import list_segments
from tests.attacks.audit.frames import changed, offset, read, renumbered, segment, signed_anew, write
from tests.unit.connectors.sdk.tlog.conftest import NAME

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


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
