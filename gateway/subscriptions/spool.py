"""Results that wait to be pulled and hashes that runs are compared with, encrypted in a directory.

Gateways on one database share it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from gateway.errors import TooLarge, Unavailable
from gateway.messages import Reason
from gateway.subscriptions.sealing import NotSealed, Sealing

RESULT, HASHES = "result", "hashes"
FILE_BYTES_MAX: Final = 2 << 30
_RESERVE_BYTES: Final = 1 << 30
_RESERVE_SHARE: Final = 20
"""One twentieth of the file system, or 1 GiB if that is less, is left for the others on it: a full disk stops the log."""
_UNFINISHED = ".part"
_NAME = re.compile(rf"([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})\.({RESULT}|{HASHES})(?:\{_UNFINISHED})?")
_LOG = structlog.get_logger("gateway.subscriptions")
DiskUsage = Callable[[Path], tuple[int, int, int]]
"""Returns the total, used and free bytes of a file system."""


class SpoolDamaged(Exception):
    """A file is missing, or not what was written."""


class Spool:
    """Keeps files by run: `RUN.result` with the messages of its stream, `RUN.hashes` with those of its rows.

    Args:
        directory: Made when it is missing; only this account may read it.
        sealing: Encrypts the files.
        disk_usage: Tells what room there is.
    """

    def __init__(self, directory: Path, *, sealing: Sealing, disk_usage: DiskUsage = shutil.disk_usage) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._sealing = sealing
        self._disk_usage = disk_usage

    @contextmanager
    def writing(self, run: str, *, kind: str) -> Iterator[Callable[[bytes], None]]:
        """Yield what writes one piece; the file is there, also after a power cut, when the block ends without an error.

        Raises:
            TooLarge: It would be larger than `FILE_BYTES_MAX`.
            Unavailable: It cannot be written, or the file system's reserve would be used.
        """
        path = self._path(run, kind=kind)
        unfinished = path.with_name(path.name + _UNFINISHED)
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                sealer = self._sealing.sealer(file, name=path.name)

                def write(piece: bytes) -> None:
                    self._require_room(file.tell() + len(piece), more=len(piece))
                    sealer.write(piece)

                yield write
                sealer.end()
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            self._sync_directory()
        except OSError as error:
            raise Unavailable(Reason.SPOOL_FULL, internal=f"{path.name}: {type(error).__name__}") from error
        finally:
            unfinished.unlink(missing_ok=True)

    def _require_room(self, size: int, *, more: int) -> None:
        if size > FILE_BYTES_MAX:
            raise TooLarge(Reason.RUN_TOO_LARGE, f"{FILE_BYTES_MAX >> 30} GiB")
        total, _, free = self._disk_usage(self._directory)
        if free - more < min(_RESERVE_BYTES, total // _RESERVE_SHARE):
            raise Unavailable(Reason.SPOOL_FULL, internal=f"{free:,} bytes are free")

    def _sync_directory(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def pieces(self, run: str, *, kind: str) -> Iterator[bytes]:
        """Yield what was written, piece by piece.

        Raises:
            SpoolDamaged: It is not there, or not complete; what was yielded is genuine but not all.
        """
        path = self._path(run, kind=kind)
        try:
            with path.open("rb") as file:
                yield from self._sealing.opened(file, name=path.name)
        except (OSError, NotSealed) as error:
            raise SpoolDamaged(f"{path.name}: {type(error).__name__}") from error

    def files(self) -> frozenset[str]:
        """Return the names of its files; what else lies in the directory is not its own."""
        with os.scandir(self._directory) as found:
            return frozenset(f.name for f in found if _NAME.fullmatch(f.name) and f.is_file(follow_symlinks=False))

    def destroy_but(self, files: Collection[str], *, results: Collection[str], hashes: Collection[str]) -> None:
        """Destroy those of `files` that belong to none of these runs. One that cannot be is left for the next time."""
        kept = {RESULT: results, HASHES: hashes}
        for name in files:
            found = _NAME.fullmatch(name)
            if found is None or found[1] in kept[found[2]]:
                continue
            try:
                (self._directory / name).unlink(missing_ok=True)
            except OSError as error:
                _LOG.error("result not destroyed", file=name, kind=type(error).__name__)

    def _path(self, run: str, *, kind: str) -> Path:
        return self._directory / f"{run}.{kind}"
