"""The command line as people use it: at a real terminal, in a pipe, and with Tab in the shell."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from rich.cells import cell_len

from gateway.doors.cli.query_history import QueryHistory
from gateway.doors.cli.user_folder import user_folder
from tests.cities import City

ELDERLY = ("--purpose", "elderly-care-visits")
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")
_CURSOR_WHERE, _CURSOR_HERE = b"\x1b[6n", b"\x1b[1;1R"


class Terminal:
    """A terminal of 24 lines with somebody at it."""

    def __init__(self, process: int, *, screen: int) -> None:
        self.process = process
        self.screen = screen
        self.shown = ""
        self._read = b""

    def type(self, text: str) -> None:
        self.shown, self._read = "", b""
        os.write(self.screen, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until a text is there."""
        ends_at = time.monotonic() + 120
        while text not in self.shown:
            assert time.monotonic() < ends_at, f"no '{text}' in: {self.shown}"
            assert self.read(), f"ended before '{text}': {self.shown}"

    def read(self) -> bool:
        """Read what comes within a second; False when the program has ended."""
        if select.select([self.screen], [], [], 1)[0]:
            try:
                arrived = os.read(self.screen, 65_536)
            except OSError:
                return False
            if _CURSOR_WHERE in arrived:
                os.write(self.screen, _CURSOR_HERE)
            self._read += arrived
            self.shown = _ESCAPE.sub("", self._read.decode(errors="ignore"))
        return True

    def exit_code(self) -> int:
        """Wait for the end of the program."""
        while self.read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


@contextmanager
def terminal(*arguments: str, columns: int, home: Path) -> Iterator[Terminal]:
    """Run `gateway` at a terminal."""
    process, screen = pty.fork()
    if process == 0:
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        environment |= {"TERM": "xterm-256color", "XDG_CONFIG_HOME": str(home), "PAGER": "cat"}
        os.execve(sys.executable, [sys.executable, "-m", "gateway", *arguments], environment)
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        yield Terminal(process, screen=screen)
    finally:
        os.close(screen)


def as_clerk(city: City) -> tuple[str, str]:
    return ("--profile", str(city.local.profiles / "nanjing-east-road.json"))


def gateway(*arguments: str, profile: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `gateway` in a pipe."""
    known = os.environ | ({"SHARING_PROFILE": str(profile)} if profile else {}) | environment
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=200, check=False)


def test_a_conversation_at_a_terminal(city, tmp_path):
    """A clerk declares a purpose, is denied, asks again, saves it and leaves."""
    saved = tmp_path / "visits.parquet"
    with terminal("query", *as_clerk(city), columns=100, home=tmp_path) as clerk:
        clerk.wait_for("gateway>")
        clerk.type("\\purpose eld")
        clerk.wait_for("老年人关爱走访")
        clerk.type("\t")
        clerk.wait_for("erly-care-visits")
        clerk.type("\r")
        clerk.wait_for("elderly-care-visits>")
        clerk.type("SELECT ethnicity FROM population.resident;\r")
        clerk.wait_for("办法:")
        clerk.type("SELECT name, phone, residence_address, birth_date\rFROM population.resident\rORDER BY 1 LIMIT 5;\r")
        clerk.wait_for("审计编号")
        titles = next(line for line in clerk.shown.splitlines() if "居住地址" in line)
        assert titles.split() == ["姓名", "联系电话", "居住地址", "出生日期"]
        assert max(cell_len(line.strip("\r")) for line in clerk.shown.split(titles)[1].splitlines()[:7]) <= 100
        clerk.type(f"\\save {saved}\r")
        clerk.wait_for("✓ 5 行")
        clerk.type("\\q\r")
        assert clerk.exit_code() == 0
    assert pq.read_metadata(saved).num_rows == 5
    history = next(tmp_path.rglob("query-history"))
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert next(iter(QueryHistory(history).load_history_strings())) == "\\q"
    assert history.parent.name == user_folder().name


def test_a_narrow_terminal_shows_rows_below_each_other(city, tmp_path):
    """At forty cells each value stands beside the title of its column."""
    sql = "SELECT name, phone, residence_address, birth_date, sex FROM population.resident LIMIT 2"
    with terminal("query", *as_clerk(city), *ELDERLY, sql, columns=40, home=tmp_path) as clerk:
        clerk.wait_for("审计编号")
        shown = clerk.shown
        assert clerk.exit_code() == 0
    assert shown.count("出生日期 birth_date") == 2
    assert "── 2 ──" in shown


def test_a_statement_through_standard_input_is_no_argument(city):
    """Without SQL and without a terminal the statement is read from the pipe; the result has no titles."""
    ended = subprocess.run(
        [sys.executable, "-m", "gateway", "query", *as_clerk(city), *ELDERLY],
        input="SELECT name, phone\nFROM population.resident LIMIT 2;\n",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    heading, _, *rows = [line.split() for line in ended.stdout.splitlines() if line.strip()]
    assert (heading, len(rows)) == (["name", "phone"], 2)


def test_the_shell_completes_from_the_catalogue(city):
    """Tab offers purposes and datasets of the profile in the environment or on the line, with titles where a shell shows them."""
    profile = city.local.profiles / "nanjing-east-road.json"
    words = f"gateway query --profile {profile} --purpose elderly"
    bash = gateway(_GATEWAY_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="5")
    assert (bash.stdout.split(), bash.stderr) == (["elderly-care-visits"], "")
    zsh = gateway(
        profile=profile, _GATEWAY_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="gateway catalog show population.r"
    )
    assert '"population.resident":"实有人口' in zsh.stdout


def test_the_shell_completes_nothing_without_a_gateway(tmp_path):
    """No profile and no gateway: Tab stays silent."""
    ended = gateway(
        profile=tmp_path / "none.json",
        _GATEWAY_COMPLETE="complete_bash",
        COMP_WORDS="gateway catalog show p",
        COMP_CWORD="3",
    )
    assert (ended.stdout.strip(), ended.stderr, ended.returncode) == ("", "", 0)
