"""The `gateway` command as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from gateway.doors.cli.app import COMMANDS, make_app


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process that has imported nothing."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200, check=False)


def leaves(command: Any, *, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by how it is called."""
    if isinstance(command, TyperGroup):
        for name in command.commands:
            yield from leaves(command.resolve_command(typer.Context(command), [name])[1], path=f"{path} {name}")
    else:
        yield path, command


def test_help_is_there_before_anything_is_read():
    """The list of commands costs neither the client's nor the server's libraries."""
    ended = run(
        "import json, sys\n"
        "from gateway.doors.cli.app import make_app\n"
        "make_app()(['--help'], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    assert all(name in ended.stdout for name in COMMANDS)
    assert not {"grpc", "pyarrow", "pydantic", "duckdb", "sqlglot", "cryptography"} & set(json.loads(ended.stderr))


def test_the_list_says_of_each_command_what_the_command_says_itself():
    """The table of commands and the commands do not drift apart."""
    root = get_command(make_app())
    assert isinstance(root, TyperGroup)
    for name, (_, listed) in COMMANDS.items():
        command = root.resolve_command(typer.Context(root), [name])[1]
        assert (command.help or "").split("\n")[0].rstrip(".") == listed, name


def test_every_command_speaks_both_languages():
    """All but the server itself take `--language`."""
    mute = {
        path
        for path, command in leaves(get_command(make_app()), path="gateway")
        if not any("--language" in parameter.opts for parameter in command.params)
    }
    assert mute == {"gateway serve"}


def test_a_command_whose_libraries_are_missing_says_how_to_get_them():
    """Who installed the client only is told what to install."""
    ended = run(
        "import sys\n"
        "sys.modules['sqlglot'] = sys.modules['cryptography'] = None\n"
        "from gateway.doors.cli.app import make_app\n"
        "make_app()(['pki', 'init', 'x'])"
    )
    assert ended.returncode == 2
    assert 'pip install "sharing-gateway[server]"' in " ".join(ended.stderr.replace("│", "").split())


def test_a_mistyped_command_is_guessed():
    """`gateway catalg` names `catalog`."""
    ended = CliRunner().invoke(make_app(), ["catalg"])
    assert ended.exit_code == 2
    assert "'catalog'" in ended.stderr
