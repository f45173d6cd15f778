"""Files that somebody takes along: made for one request, fetched once by a link that lives for a minute.

A browser cannot sign a download (it is a navigation), so a signed request makes the file and names it by a secret; whoever
fetches it needs the secret, the session's cookie, and the same address and browser. Until it is closed it takes its size of the
same room on the disk as the results.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from gateway.doors.console.runs.spool import Space

_SECONDS = 60
_SENDING_SECONDS_MAX = 600
UNFINISHED_PREFIX = ".download-"
"""Of folders that are deleted when a console starts."""
_OFFERED_MAX = 4
_BYTES_OF_A_PIECE = 1 << 18
_KEPT_OUT = frozenset('\\/:*?"<>|%')
_NAME_CHARACTERS_MAX = 80


class BrokenOff(Exception):
    """A file was closed while it was sent: its session has ended, or it took too long."""


@dataclass(slots=True, kw_only=True, eq=False)
class Offered:
    """A file without a name on the disk, that waits to be fetched or is being sent. Safe from any thread."""

    name: str
    media_type: str
    file: BinaryIO
    size: int
    """Bytes of it."""
    until: float
    """On the clock of the downloads: then it is closed, fetched or not."""
    fetched: Callable[[], object]
    closed: Callable[[Offered], object]
    """Called once, when it is closed."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def response(self) -> StreamingResponse:
        """Return the answer that brings the file, and closes it."""
        return _Sending(self)

    def pieces(self) -> Iterator[bytes]:
        """Yield the content. Raises BrokenOff when it is closed meanwhile."""
        while piece := self._piece():
            yield piece

    def close(self) -> None:
        """Free the disk."""
        with self._lock:
            if self.file.closed:
                return
            self.file.close()
        self.closed(self)

    def _piece(self) -> bytes:
        with self._lock:
            if self.file.closed:
                raise BrokenOff
            return self.file.read(_BYTES_OF_A_PIECE)


class _Sending(StreamingResponse):
    """Brings a file, closes it however it ends, and calls `fetched` when all of it was handed to the client's socket."""

    def __init__(self, offered: Offered) -> None:
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(offered.name)}",
            "Content-Length": str(offered.size),
        }
        super().__init__(offered.pieces(), media_type=offered.media_type, headers=headers)
        self._offered = offered
        self._whole = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._offered.close()
        if self._whole:  # a client that went away cancels the sending without an error
            await run_in_threadpool(self._offered.fetched)

    async def stream_response(self, send: Send) -> None:
        await super().stream_response(send)
        self._whole = True


class Downloads:
    """What one session may fetch. Safe from any thread.

    Args:
        folder: On whose disk the files wait; None for the system's.
        space: On that disk, of all results and files together; None for no limit.
        clock: Seconds that only go forward.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        space: Space | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._space = space
        self._clock = clock
        self._lock = threading.Lock()
        self._offered: dict[str, Offered] = {}
        self._sent: set[Offered] = set()
        self._closed = False

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
            fetched: Called when all of it was handed to the browser's connection.

        Raises:
            OSError: It cannot be written, or there is no room for it; and what `write` raises.
        """
        name = harmless(name)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=UNFINISHED_PREFIX) as folder:
            path = Path(folder) / f"file{Path(name).suffix}"
            write(path)
            file = self._opened(path)
        secret = secrets.token_urlsafe(32)
        offered = Offered(
            name=name,
            media_type=media_type,
            file=file,
            size=os.fstat(file.fileno()).st_size,
            until=self._clock() + _SECONDS,
            fetched=fetched,
            closed=self._give_back,
        )
        with self._lock:
            late = self._late()
            while len(self._offered) >= _OFFERED_MAX:
                late.append(self._offered.pop(next(iter(self._offered))))
            if self._closed:  # the session has ended while it was written
                late.append(offered)
            else:
                self._offered[secret] = offered
        _close(late)
        return f"/download/{secret}"

    def take(self, secret: str) -> Offered | None:
        """Return the file of a link, once; None when there is none, or it is too late. It has ten minutes to be sent."""
        with self._lock:
            late = self._late()
            taken = self._offered.pop(secret, None)
            if taken is not None:
                taken.until = self._clock() + _SENDING_SECONDS_MAX
                self._sent.add(taken)
        _close(late)
        return taken

    def sweep(self) -> None:
        """Drop what was not fetched in time, and what is still being sent long after."""
        with self._lock:
            late = self._late()
        _close(late)

    def close(self) -> None:
        """Drop everything, also what is being sent."""
        with self._lock:
            files = [*self._offered.values(), *self._sent]
            self._offered, self._sent, self._closed = {}, set(), True
        _close(files)

    def _opened(self, path: Path) -> BinaryIO:
        size = path.stat().st_size
        if self._space is not None and not self._space.take(size):
            raise OSError(errno.ENOSPC, "the room for results and files is taken")
        try:
            return path.open("rb")
        except OSError:
            if self._space is not None:
                self._space.give_back(size)
            raise

    def _give_back(self, offered: Offered) -> None:
        with self._lock:
            self._sent.discard(offered)
        if self._space is not None:
            self._space.give_back(offered.size)

    def _late(self) -> list[Offered]:
        """Take out what is over, with the lock held; to be closed without it."""
        now = self._clock()
        waiting = [secret for secret, one in self._offered.items() if one.until <= now]
        sent = {one for one in self._sent if one.until <= now}
        self._sent -= sent
        return [*(self._offered.pop(secret) for secret in waiting), *sent]


def delete_unfinished(folder: Path) -> None:
    """Delete what a console that was killed had begun to write."""
    for left in folder.glob(f"{UNFINISHED_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)


def harmless(name: str) -> str:
    """Return a name that every system takes for a file's own: no folders, no control or direction marks, not too long."""
    stem, dot, ending = name.rpartition(".")
    kept = "".join(c if c.isprintable() and c not in _KEPT_OUT else "_" for c in (stem if dot else ending))
    return (kept.strip(". ")[:_NAME_CHARACTERS_MAX] or "file") + (f".{ending}" if dot else "")


def _close(files: Iterable[Offered]) -> None:
    for one in files:
        one.close()
