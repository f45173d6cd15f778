"""`gateway catalog diff` and `export`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from catalog.load import ENTRIES
from gateway.doors.cli.app import make_app

DATASET = "datasets/health.health_code.yaml"
VERSION, CYCLE = 'version: "1.0"', "update_cycle: real_time"


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(make_app(), ["catalog", *arguments])


@pytest.fixture
def entries(tmp_path: Path) -> Path:
    folder = tmp_path / "entries"
    assert run("export", str(folder)).exit_code == 0
    return folder


def edit(folder: Path, *replacements: tuple[str, str]) -> None:
    path = folder / DATASET
    for old, new in replacements:
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize(
    ("replacements", "exit_code", "said"),
    [
        ([], 0, "nothing changed"),
        ([("zh: 健康码", "zh: 健康状态码"), (VERSION, 'version: "1.1"')], 0, "compatible"),
        ([(CYCLE, "update_cycle: daily"), (VERSION, 'version: "2.0"')], 1, "breaking: update_cycle: real_time → daily"),
        ([(CYCLE, "update_cycle: daily"), (VERSION, 'version: "1.1"')], 4, "must be at least 2.0"),
        ([(CYCLE, "update_cycle: sometimes")], 4, "update_cycle"),
    ],
)
def test_the_exit_code_says_whether_something_breaks(
    entries: Path, replacements: list[tuple[str, str]], exit_code: int, said: str
) -> None:
    """0 without breaking changes, 1 with some that the version says, 4 when the catalogue must be corrected first."""
    edit(entries, *replacements)
    ended = run("diff", str(ENTRIES), str(entries), "--language", "en")
    assert (ended.exit_code, said in ended.output) == (exit_code, True), ended.output


def test_a_folder_is_not_overwritten(entries: Path) -> None:
    """The export goes to a new folder only."""
    ended = run("export", str(entries))
    assert ended.exit_code == 4
    assert "无法写入" in ended.output
