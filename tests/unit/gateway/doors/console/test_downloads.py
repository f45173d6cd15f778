"""Files to take along: fetched once, in time, under a name that does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.doors.console.downloads import Downloads, delete_unfinished, harmless


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
