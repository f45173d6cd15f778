"""Files that somebody takes along: made for one request, fetched once by a link that lives for a minute.

A browser cannot sign a download (it is a navigation), so a signed request makes the file and names it by a secret; whoever
fetches it needs the secret, the session's cookie, and the same address and browser.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote

from starlette.responses import StreamingResponse

_SECONDS = 60
UNFINISHED_PREFIX = ".download-"
"""Of folders that are deleted when a console starts."""
_OFFERED_MAX = 4
_BYTES_OF_A_PIECE = 1 << 18
_KEPT_OUT = frozenset('\\/:*?"<>|%')
_NAME_CHARACTERS_MAX = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A file without a name on the disk, that waits to be fetched."""

    name: str
    media_type: str
    file: BinaryIO
    until: float
    """On the clock of the downloads."""
    fetched: Callable[[], object]

    def response(self) -> StreamingResponse:
        """Return the answer that brings the file, and closes it."""
        size = os.fstat(self.file.fileno()).st_size
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(self.name)}",
            "Content-Length": str(size),
        }
        return StreamingResponse(_pieces(self.file, fetched=self.fetched), media_type=self.media_type, headers=headers)


class Downloads:
    """What one session may fetch. Safe from any thread.

    Args:
        folder: On whose disk the files wait; None for the system's.
        clock: Seconds that only go forward.
    """

    def __init__(self, folder: Path | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._offered: dict[str, Offered] = {}

    def offer(
        self,
        *,
        name: str,
        media_type: str,
        write: Callable[[Path], object],
        fetched: Callable[[], object] = lambda: None,
    ) -> str:
        """Make a file and return the path under which it can be fetched once.

        Args:
            name: As which the browser saves it; made harmless here. Its ending is that of the path given to `write`.
            media_type: Of the content.
            write: Writes the file to a path in a folder that nobody else can read, and that is gone afterwards.
            fetched: Called when the browser has taken all of it.

        Raises:
            OSError: It cannot be written; and what `write` raises.
        """
        name = harmless(name)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=UNFINISHED_PREFIX) as folder:
            path = Path(folder) / f"file{Path(name).suffix}"
            write(path)
            file = path.open("rb")
        secret = secrets.token_urlsafe(32)
        offered = Offered(name=name, media_type=media_type, file=file, until=self._clock() + _SECONDS, fetched=fetched)
        with self._lock:
            self._drop_late()
            while len(self._offered) >= _OFFERED_MAX:
                self._offered.pop(next(iter(self._offered))).file.close()
            self._offered[secret] = offered
        return f"/download/{secret}"

    def take(self, secret: str) -> Offered | None:
        """Return the file of a link, once; None when there is none, or it is too late."""
        with self._lock:
            self._drop_late()
            return self._offered.pop(secret, None)

    def sweep(self) -> None:
        """Drop what was not fetched in time."""
        with self._lock:
            self._drop_late()

    def close(self) -> None:
        """Drop what nobody has fetched."""
        with self._lock:
            offered, self._offered = self._offered, {}
        for one in offered.values():
            one.file.close()

    def _drop_late(self) -> None:
        for secret in [secret for secret, one in self._offered.items() if one.until <= self._clock()]:
            self._offered.pop(secret).file.close()


class Holder(Protocol):
    """A session."""

    @property
    def downloads(self) -> Downloads:
        """Its own."""
        ...


def offer(
    session: Holder,
    *,
    name: str,
    media_type: str,
    write: Callable[[Path], object],
    fetched: Callable[[], object] = lambda: None,
) -> str:
    """Make a file for a session and return the path for `Visit.go`; as `Downloads.offer`."""
    return session.downloads.offer(name=name, media_type=media_type, write=write, fetched=fetched)


def delete_unfinished(folder: Path) -> None:
    """Delete what a console that was killed had begun to write."""
    for left in folder.glob(f"{UNFINISHED_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def harmless(name: str) -> str:
    """Return a name that every system takes for a file's own: no folders, no control or direction marks, not too long."""
    stem, dot, ending = name.rpartition(".")
    kept = "".join(c if c.isprintable() and c not in _KEPT_OUT else "_" for c in (stem if dot else ending))
    return (kept.strip(". ")[:_NAME_CHARACTERS_MAX] or "file") + (f".{ending}" if dot else "")


def _pieces(file: BinaryIO, *, fetched: Callable[[], object]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_BYTES_OF_A_PIECE):
            yield piece
    fetched()
