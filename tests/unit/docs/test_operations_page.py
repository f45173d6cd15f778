"""docs/operations.md says what can be set, made and run."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.core import TyperGroup
from typer.main import get_command

from catalog.directory import Directory, RequesterEntry
from catalog.vocabulary import Role
from connectors.__main__ import app as connector
from gateway.doors.cli.app import make_app
from gateway.settings import Settings
from gateway.wiring import make_gateway
from tests.unit.docs.pages import PAGES, ROOT, blocks, code, read, section, table, without_blocks

PAGE = read("operations.md")
UNITS = {"s": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def settings_of(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    """Return the default of every key, nested ones with dots."""
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        parts = [part for part in (field.annotation, *typing.get_args(field.annotation)) if isinstance(part, type)]
        nested = [part for part in parts if issubclass(part, BaseModel)]
        if nested:
            found |= settings_of(nested[0], f"{prefix}{name}.")
        else:
            found[prefix + name] = field.default
    return found


def shown(default: object) -> str:
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "—"
    return f"`{', '.join(default)}`" if isinstance(default, tuple) else f"`{default}`"


def test_settings_are_all_there_with_their_defaults():
    """The table of settings is `gateway.settings`."""
    expected = {f"`{key}`": shown(default) for key, default in settings_of(Settings).items()}
    assert {row[0]: row[1] for row in table(section(PAGE, "Settings"))} == expected


def test_the_directory_is_explained():
    """Every key of an entry, and every role."""
    rows = table(section(PAGE, "Tokens and the directory"))
    assert [code(row[0])[0] for row in rows] == list(RequesterEntry.model_fields)
    roles = next(row[1] for row in rows if row[0] == "`roles`")
    assert set(code(roles)) == {str(role) for role in Role}


def test_limits_are_those_of_the_code():
    """Each number of the table is the constant that it names."""
    for _, most, where in table(section(PAGE, "Resource limits")):
        module, _, name = code(where)[0].rpartition(".")
        number, _, unit = most.partition(" ")
        assert getattr(importlib.import_module(module), name) == int(number) * UNITS.get(unit, 1), where


def test_targets_are_those_of_the_makefile():
    """The table of targets is complete, and no page names another."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: (help .*)$", makefile, re.MULTILINE)
    assert {code(row[0])[0] for row in table(section(PAGE, "Make targets"))} == {f"make {t}" for t in phony.split()}
    named = set(re.findall(r"\bmake ([a-z-]+)\b(?=`|\s+#|\s+&&)", "".join(page.read_text("utf-8") for page in PAGES)))
    assert named
    assert named <= set(phony.split())


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's keys, certificates, directory and configuration."""
    found = {info: content for info, content in blocks(PAGE) if info in ("toml deployment", "yaml deployment")}
    (snippet,) = [content for info, content in blocks(PAGE) if info == "python deployment"]
    configuration = found["toml deployment"].replace("/var/lib/sharing", str(tmp_path))
    (tmp_path / "gateway.toml").write_text(configuration, "utf-8")
    (tmp_path / "requesters.yaml").write_text(found["yaml deployment"], "utf-8")
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    run("bash certificates", folder=tmp_path)
    return tmp_path


def run(blocks_of: str, *, folder: Path) -> None:
    """Run the page's commands of one kind."""
    commands = "".join(content for info, content in blocks(PAGE) if info == blocks_of)
    script = re.sub("^gateway ", f"{shlex.quote(sys.executable)} -m gateway ", commands, flags=re.MULTILINE)
    subprocess.run(["bash", "-euc", script], cwd=folder, check=True, capture_output=True, timeout=200)


def test_the_deployment_of_the_page_starts(deployment, monkeypatch):
    """Keys, directory and configuration of the page are all that a gateway needs."""
    monkeypatch.setenv("SHARING_LISTEN", "127.0.0.1:0")
    gateway = make_gateway(Settings.load(deployment / "gateway.toml"))
    gateway.start()
    try:
        assert gateway.port
    finally:
        gateway.stop()


def test_tokens_of_the_page_are_issued(deployment):
    """The commands write a profile, and a bare token for a connector."""
    run("bash deployment", folder=deployment)
    assert json.loads((deployment / "wang-xiaoming.json").read_text("utf-8"))["office"] == "310101002"
    assert (deployment / "connector-civil_affairs.jwt").read_text("utf-8").count(".") == 2
    assert Directory.load(deployment / "requesters.yaml").find("wang-xiaoming")


def test_every_command_of_the_pages_exists():
    """No page names a command or an option that the command lines do not have."""
    lines = set()
    for page in PAGES:
        text = page.read_text("utf-8")
        shell = "".join(content for info, content in blocks(text) if info.startswith("bash"))
        found = [*shell.replace("\\\n", " ").splitlines(), *code(without_blocks(text))]
        lines |= {line.removeprefix(".venv/bin/").split("#")[0] for line in found}
    lines = {line for line in lines if re.match(r"(gateway|connector) [a-z]", line)}
    assert len(lines) > 20
    for line in lines:
        program, *words = line.split()
        command = get_command(make_app() if program == "gateway" else connector)
        while words and re.fullmatch(r"[a-z][a-z-]*", words[0]) and isinstance(command, TyperGroup):
            assert words[0] in command.commands, line
            _, command, _ = command.resolve_command(typer.Context(command), [words.pop(0)])
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r" (--[a-z-]+)", line)) <= options, line
