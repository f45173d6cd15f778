"""Files to take along: fetched once, in time, under a name that does no harm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest
from starlette.types import Message

from gateway.doors.console.downloads import BrokenOff, Downloads, delete_unfinished, harmless
from gateway.doors.console.runs.spool import Space


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def offered(downloads: Downloads, *, content: bytes = b"rows") -> str:
    """Offer a file and return the secret of its link."""
    path = downloads.offer(name="a.csv", media_type="text/csv", write=lambda file: file.write_bytes(content))
    return path.removeprefix("/download/")


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    """The second who comes with the link gets nothing, and nothing has a name on the disk."""
    downloads = Downloads(tmp_path)
    secret = offered(downloads)
    assert list(tmp_path.iterdir()) == []
    taken = downloads.take(secret)
    assert taken is not None
    assert taken.file.read() == b"rows"
    assert downloads.take(secret) is None


def test_a_link_ends_after_a_minute(tmp_path: Path) -> None:
    """Just before it is good; then it is not, and the file is closed."""
    clock = Clock()
    downloads = Downloads(tmp_path, clock=clock)
    early, late = offered(downloads), offered(downloads)
    clock.now = 59.9
    assert downloads.take(early) is not None
    clock.now = 60.0
    downloads.sweep()
    assert downloads.take(late) is None


def test_a_link_that_was_guessed_opens_nothing(tmp_path: Path) -> None:
    """Another secret is no link."""
    downloads = Downloads(tmp_path)
    secret = offered(downloads)
    assert downloads.take(secret[:-1] + ("A" if secret[-1] != "A" else "B")) is None


def test_too_many_files_make_room(tmp_path: Path) -> None:
    """The oldest that nobody fetched gives way."""
    downloads = Downloads(tmp_path)
    secrets = [offered(downloads) for _ in range(5)]
    assert downloads.take(secrets[0]) is None
    assert all(downloads.take(secret) for secret in secrets[1:])


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """What failed half-way is not on the disk, and no link leads to it."""

    def write(path: Path) -> None:
        path.write_text("half")
        raise OSError("full")

    downloads = Downloads(tmp_path)
    with pytest.raises(OSError, match="full"):
        downloads.offer(name="a.csv", media_type="text/csv", write=write)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("走访名单 2026-11-22.xlsx", "走访名单 2026-11-22.xlsx"),
        ("../../etc/passwd.csv", "_.._etc_passwd.csv"),
        ('a"b\r\nSet-Cookie: x.csv', "a_b__Set-Cookie_ x.csv"),
        ("gpj.\u202eexe.csv", "gpj._exe.csv"),
        ("...csv", "file.csv"),
        ("x" * 300 + ".parquet", "x" * 80 + ".parquet"),
    ],
)
def test_names_are_harmless(name: str, expected: str) -> None:
    """No folder, quote, line end or mark that turns the direction of text is left in a name."""
    assert harmless(name) == expected


def test_the_answer_is_an_attachment(tmp_path: Path) -> None:
    """The browser saves it and shows none of it."""
    downloads = Downloads(tmp_path)
    path = downloads.offer(name="名单.csv", media_type="text/csv", write=lambda file: file.write_bytes(b"1"))
    taken = downloads.take(path.removeprefix("/download/"))
    assert taken is not None
    headers = taken.response().headers
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''%E5%90%8D%E5%8D%95.csv"
    assert headers["content-length"] == "1"


def test_what_a_killed_console_left_is_deleted(tmp_path: Path) -> None:
    """Rows in the clear do not outlive the console that wrote them; what else stands there does."""
    (tmp_path / ".download-abc").mkdir()
    (tmp_path / ".download-abc" / "file.csv").write_text("rows")
    (tmp_path / "saved.db").write_text("")
    delete_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["saved.db"]


def test_files_take_room_until_they_are_closed(tmp_path: Path) -> None:
    """Also while they are sent; one more than fits is as if the disk were full, and leaves nothing."""
    clock, space = Clock(), Space(bytes_max=10)
    downloads = Downloads(tmp_path, space=space, clock=clock)
    taken = downloads.take(offered(downloads, content=b"1234567"))
    assert taken is not None
    with pytest.raises(OSError, match="taken"):
        offered(downloads, content=b"1234")
    assert list(tmp_path.iterdir()) == []
    clock.now = 600.0
    downloads.sweep()
    with pytest.raises(BrokenOff):
        next(taken.pieces())
    assert space.take(10)


def test_the_end_of_the_session_closes_what_is_being_sent(tmp_path: Path) -> None:
    """And what is offered after it is closed at once."""
    space = Space(bytes_max=10)
    downloads = Downloads(tmp_path, space=space)
    taken = downloads.take(offered(downloads))
    downloads.close()
    assert taken is not None
    assert taken.file.closed
    assert downloads.take(offered(downloads)) is None
    assert space.take(10)


@pytest.mark.parametrize("whole", [True, False])
def test_only_a_whole_file_was_fetched(tmp_path: Path, *, whole: bool) -> None:
    """A client that goes away in the middle has not fetched it; either way it is closed."""
    fetched: list[str] = []
    downloads = Downloads(tmp_path)
    path = downloads.offer(
        name="a.csv",
        media_type="text/csv",
        write=lambda file: file.write_bytes(b"x" * 600_000),
        fetched=lambda: fetched.append("all"),
    )
    taken = downloads.take(path.removeprefix("/download/"))
    assert taken is not None

    async def answer() -> None:
        gone = anyio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if not whole and message.get("body"):
                gone.set()
                await anyio.sleep(60)

        scope = {"type": "http", "method": "GET", "asgi": {"spec_version": "2.3"}}
        await taken.response()(scope, receive, send)

    with ThreadPoolExecutor(1) as own_thread:  # the browser tests keep a loop in this one
        own_thread.submit(anyio.run, answer).result()
    assert fetched == (["all"] if whole else [])
    assert taken.file.closed
