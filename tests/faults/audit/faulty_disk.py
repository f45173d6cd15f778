"""A disk of one's own, and faults of it that the kernel itself reports."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

WRITING = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
SYNCING = ("fsync", "fdatasync", "sync_file_range")


class Disk:
    """An ext4 file system of 32 MiB, mounted at `path`."""

    def __init__(self, path: Path, *, image: Path) -> None:
        self.path = path
        self._image = image

    @classmethod
    def make(cls, folder: Path, *, name: str) -> Disk:
        """Make and mount one below `folder`; skip the test where that is not permitted."""
        disk = cls(folder / name, image=folder / "disk.img")
        disk.path.mkdir()
        disk._image.write_bytes(b"")
        os.truncate(disk._image, 32 << 20)
        if os.geteuid() != 0 or subprocess.run(["mkfs.ext4", "-q", disk._image], check=False).returncode:
            pytest.skip("making a disk needs root and mkfs.ext4")
        if not disk.mount():
            pytest.skip("this machine does not let a test mount a disk")
        return disk

    def mount(self) -> bool:
        """Mount it; False when that is not permitted."""
        command = ["mount", "-o", "loop", self._image, self.path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def unmount(self) -> None:
        """Unmount it as soon as nobody uses it."""
        subprocess.run(["umount", "--lazy", self.path], check=True)

    def turn_read_only(self) -> None:
        """Make the kernel turn it read-only under its users, as after an error."""
        subprocess.run(["mount", "-o", "remount,abort", self.path], check=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill it to the last byte."""
        ballast = self.path / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        yield
        ballast.unlink()


@contextmanager
def failing(process: int, *, syscalls: Sequence[str], path: Path, error: str = "EIO") -> Iterator[None]:
    """Make these system calls of a running process on one file fail; skip the test where that is not permitted."""
    names = ",".join(syscalls)
    command = ["strace", "-f", "-p", str(process), "-P", str(path), "-o", "/dev/null"]
    command += ["-e", f"trace={names}", "-e", f"inject={names}:error={error}"]
    try:
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        pytest.skip("this machine has no strace")
    assert tracer.stderr is not None
    attached = any(" attached" in line for line in tracer.stderr)
    try:
        if not attached:
            pytest.skip("this machine does not let a test trace a process")
        yield
    finally:
        tracer.terminate()
        tracer.stderr.close()
        tracer.wait()
