"""Send a log's files elsewhere, and take them there, to verify them where the log's operator has no hand in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from connectors.sdk.tlog.segments import CHECKPOINT, Segment
from connectors.sdk.tlog.tombstone import TOMBSTONE

_PIECE_BYTES = 1 << 20
_NAME = re.compile(rf"segment-[0-9]{{12}}\.log|{CHECKPOINT}|{TOMBSTONE}")


def send_log(directory: Path, *, checkpoint: bytes, segments: Sequence[Segment]) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the files that verification needs, in pieces; also while the log is written.

    Args:
        directory: Of the log.
        checkpoint: The checkpoint to send with it; taken before the segments.
        segments: From `LogWriter.segments`, so that nothing is handed out that is not durable.

    Raises:
        OSError: A file cannot be read.
    """
    tombstone = directory / TOMBSTONE
    paths = [tombstone] if tombstone.exists() else []
    whole = [(path, None) for path in paths]
    for path, end in [*whole, *((segment.path, segment.end) for segment in segments)]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES if end is None else min(_PIECE_BYTES, end - file.tell())):
                yield path.name, piece
    yield CHECKPOINT, checkpoint


def take_log(pieces: Iterable[tuple[str, bytes]], *, directory: Path) -> None:
    """Write the files that `send_log` sent into an empty directory.

    Raises:
        ValueError: A name is none of a log's files.
        OSError: A file cannot be written.
    """
    for name, piece in pieces:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no file of a log")
        descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(piece)
