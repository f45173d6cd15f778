"""What waits is encrypted, and what was changed, cut, moved or exchanged is noticed."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from pathlib import Path

import pytest

from gateway.errors import TooLarge, Unavailable
from gateway.messages import Reason
from gateway.subscriptions import Sealing, Spool, SpoolDamaged
from gateway.subscriptions import spool as spool_module
from gateway.subscriptions.sealing import NotSealed
from gateway.subscriptions.spool import HASHES, RESULT

R1, R2, R3, R4, R9 = (str(uuid.UUID(int=number)) for number in (1, 2, 3, 4, 9))
SECRET, PIECES = b"s" * 32, [b"canary-one", b"", b"canary-three" * 1_000]


def spool(folder: Path, *, secret: bytes = SECRET, disk: tuple[int, int] = (100 << 30, 50 << 30)) -> Spool:
    """Return a spool on a file system of so many bytes in total, so many of them free."""
    total, free = disk
    sealing = Sealing(secret, new_salt=os.urandom)
    return Spool(folder, sealing=sealing, disk_usage=lambda _: (total, total - free, free))


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    for run in (R1, R2):
        with spool(folder).writing(run, kind=RESULT) as write:
            for piece in PIECES:
                write(piece)
    return folder


def test_what_is_written_comes_back_and_stands_nowhere_in_the_clear(written: Path):
    """Every piece comes back in order; file and folder are their owner's alone, and hold no piece as it is."""
    assert list(spool(written).pieces(R1, kind=RESULT)) == PIECES
    file = written / f"{R1}.result"
    assert b"canary" not in file.read_bytes()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (written, file)] == [0o700, 0o600]
    assert written.joinpath(f"{R2}.result").read_bytes() != file.read_bytes()


def _flip(data: bytes, *, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: _flip(data, at=0),
        lambda data: _flip(data, at=17),
        lambda data: _flip(data, at=30),
        lambda data: _flip(data, at=len(data) - 1),
        lambda data: data[:-20],
        lambda data: data[: len(data) // 2],
        lambda data: data[:16] + data[16 + 4 + len(PIECES[0]) + 16 :],
        lambda data: data + b"more",
        lambda data: b"",
    ],
)
def test_a_changed_file_is_damaged(written: Path, change):
    """A flipped bit, a missing end, a missing piece, something appended: none of it passes for the result."""
    file = written / f"{R1}.result"
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(SpoolDamaged, match=rf"{R1}\.result"):
        list(spool(written).pieces(R1, kind=RESULT))


def test_a_file_opens_under_its_own_name_and_secret_only(written: Path):
    """Another run's result in its place, or another gateway's secret, opens nothing; nor does what is not there."""
    (written / f"{R2}.result").replace(written / f"{R1}.result")
    for run, secret in ((R1, SECRET), (R2, SECRET), (R3, b"t" * 32)):
        with pytest.raises(SpoolDamaged):
            list(spool(written, secret=secret).pieces(run, kind=RESULT))


def test_an_unfinished_file_is_none(written: Path):
    """What breaks off while it is written leaves nothing."""
    with pytest.raises(TypeError), spool(written).writing(R3, kind=RESULT) as write:
        write(None)
    assert spool(written).files() == {f"{R1}.result", f"{R2}.result"}


def test_what_belongs_to_nothing_is_destroyed(written: Path):
    """Results, hashes and unfinished files are kept for the runs that need them; nothing that came later is touched."""
    waiting = spool(written)
    with waiting.writing(R2, kind=HASHES) as write:
        write(b"hashes")
    (written / f"{R9}.result.part").write_bytes(b"left by a crash")
    files = waiting.files()
    (written / f"{R4}.result").write_bytes(b"came later")
    waiting.destroy_but(files, results={R1}, hashes={R2})
    assert waiting.files() == {f"{R1}.result", f"{R2}.hashes", f"{R4}.result"}


def test_what_is_not_its_own_is_left_alone(written: Path):
    """Somebody else's file, a folder, a link, or a name that only looks like a run's: the sweep deletes nothing of it."""
    foreign = {"notes.txt", "r-1.result", f"{R1}.result.old", f"x{R1}.result", f"{R1.upper()[:-1]}A.result"}
    for name in foreign:
        (written / name).write_text("not ours")
    (written / f"{R3}.result").mkdir()
    (written / f"{R4}.hashes").symlink_to(written / "notes.txt")
    waiting = spool(written)
    waiting.destroy_but(waiting.files(), results=(), hashes=())
    assert {path.name for path in written.iterdir()} == foreign | {f"{R3}.result", f"{R4}.hashes"}


def test_a_file_that_cannot_be_destroyed_does_not_keep_the_others(written: Path):
    """The sweep goes on after one that fails, wherever it stands."""
    waiting = spool(written)
    files = sorted(waiting.files())
    (written / files[0]).unlink()
    (written / files[0]).mkdir()  # in the meantime
    waiting.destroy_but(files, results=(), hashes=())
    assert [path.name for path in written.iterdir()] == files[:1]


@pytest.mark.parametrize(("total", "reserve"), [(100 << 30, 1 << 30), (10 << 30, 512 << 20)])
def test_a_reserve_of_the_disk_is_never_used(tmp_path: Path, total: int, reserve: int):
    """Writing ends while 1 GiB, or a twentieth of a small disk, is free; the twin, with room for the piece, is written."""
    for free in (reserve, 0):
        with (
            pytest.raises(Unavailable) as refused,
            spool(tmp_path, disk=(total, free)).writing(R1, kind=RESULT) as write,
        ):
            write(b"1")
        assert refused.value.reason is Reason.SPOOL_FULL
        assert list(tmp_path.iterdir()) == []
    with spool(tmp_path, disk=(total, reserve + 1)).writing(R1, kind=RESULT) as write:
        write(b"1")
    assert spool(tmp_path).files() == {f"{R1}.result"}


def test_a_run_has_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A result larger than a subscription may hold is given up and leaves nothing; the twin up to it is kept."""
    monkeypatch.setattr(spool_module, "FILE_BYTES_MAX", 2_000)
    with spool(tmp_path).writing(R1, kind=RESULT) as write:
        write(b"x" * 1_500)
    with pytest.raises(TooLarge) as refused, spool(tmp_path).writing(R2, kind=RESULT) as write:
        write(b"x" * 2_500)
    assert refused.value.reason is Reason.RUN_TOO_LARGE
    assert spool(tmp_path).files() == {f"{R1}.result"}


def test_a_file_has_its_name_when_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk that does not take the bytes leaves no file that would pass for a result."""

    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(Unavailable), spool(tmp_path).writing(R1, kind=RESULT) as write:
        write(b"piece")
    assert list(tmp_path.iterdir()) == []


def test_a_statement_opens_under_its_own_name_only():
    """The SQL of a subscription is not to be read in the database, nor moved to another subscription."""
    sealing = Sealing(SECRET, new_salt=os.urandom)
    sealed = sealing.seal_text("SELECT '张三'", name="s-1")
    assert "SELECT" not in sealed
    assert sealing.open_text(sealed, name="s-1") == "SELECT '张三'"
    with pytest.raises(NotSealed):
        sealing.open_text(sealed, name="s-2")
