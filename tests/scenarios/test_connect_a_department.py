"""docs/connect-a-department.md: from a table nobody has seen to an answered query, by what the page says and nothing else."""

from __future__ import annotations

import json
import os
import signal
import string
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.unit.docs.pages import blocks, read

PAGE = read("connect-a-department.md")
READY_SECONDS_MAX = 300
STEP_SECONDS_MAX = 300


@contextmanager
def in_background(command: str, *, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a command of the page until the test ends; it has printed READY when the block begins."""
    log = (folder / f"{command.split()[0]}.log").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        ["bash", "-euc", f"exec {command}"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("READY") for line in lines), Path(log.name).read_text("utf-8")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(100)
        log.close()


def in_foreground(commands: str, *, folder: Path, environment: dict[str, str]) -> str:
    ended = subprocess.run(
        ["bash", "-euc", commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS_MAX,
        check=False,
    )
    assert ended.returncode == 0, f"{commands}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout + ended.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(each.stat().st_mode | 0o055)  # PostgreSQL runs as another user when the tests run as root
    return tmp_path


@pytest.mark.timeout(400)
def test_a_new_department_is_queried_by_following_the_page(folder, new_postgresql_database):
    """Every block runs as it stands; the clerk gets the one dry household of the own street, and nobody else's."""
    owner = make_url(new_postgresql_database()).set(drivername="postgresql")
    reader = owner.set(username="connector_reader", password="choose-your-own")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "160",
        "DATABASE": reader.render_as_string(hide_password=False),
    }
    said = ""
    with ExitStack() as running:
        for info, content in blocks(PAGE):
            kind, _, file = info.partition(" file=")
            if info == "sql table":
                with psycopg.connect(owner.render_as_string(hide_password=False), autocommit=True) as connection:
                    connection.execute(content)
            elif file:
                text = string.Template(content).safe_substitute(environment)
                (folder / file).write_text(text, "utf-8")
            elif info == "bash step":
                said = in_foreground(content, folder=folder, environment=environment)
            elif info == "bash background":
                running.enter_context(in_background(content.strip(), folder=folder, environment=environment))
                profile = json.loads((folder / "city/profiles/administrator.json").read_text("utf-8"))
                environment["GATEWAY"] = profile["endpoint"].partition("://")[2]
            else:
                raise AssertionError(f"a block that nobody runs: {info or kind}")
    assert "1弄2号301室" in said.replace("\u2060", "")
    assert "302室" not in said
    assert "长风" not in said
    report = (folder / "check.md").read_text("utf-8")
    assert "W000000001" not in report
