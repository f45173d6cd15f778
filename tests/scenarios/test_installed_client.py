"""What `pip install sharing-gateway` gives a recipient's computer: the client, without anything of the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.cities import City

ROOT = Path(__file__).parents[2]
BUILT_FROM = ("pyproject.toml", "README.md", "gateway", "connectors", "catalog", "policies", "proto")
SOAK = os.environ.get("SOAK") == "1"
PURPOSE, SQL = "elderly-care-visits", "SELECT name, phone FROM population.resident LIMIT 3"


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    # The environment has no PYTHONPATH and no profile of the tests' own.
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "COLUMNS": "160"}
    return subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def pip(*arguments: str | Path) -> None:
    ended = run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)
    if ended.returncode and "onnection" in ended.stderr:
        pytest.skip(f"the package index is not reachable: {ended.stderr.splitlines()[-1]}")
    assert ended.returncode == 0, ended.stderr


def required(name: str) -> Iterator[str]:
    """Yield a distribution and, without any extra, all that it requires."""
    yield name
    for text in distribution(name).requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield from required(requirement.name)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its base dependencies: from the package index for `make soak`, else those here."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "source").mkdir()
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / "source" / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip("--python", python, "install", "--no-compile", *([] if SOAK else ["--no-deps"]), wheel)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    for name in set() if SOAK else set(required("sharing-gateway")) - {"sharing-gateway"}:
        for top in {file.parts[0] for file in distribution(name).files or ()} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(distribution(name).locate_file(top))
    return python


def test_the_command_line_starts_without_the_server(installed: Path):
    """Help needs nothing more; a server's command says what to install."""
    assert "query" in run(installed.with_name("gateway"), "--help").stdout
    ended = run(installed.with_name("gateway"), "up")
    assert ended.returncode != 0
    assert "sharing-gateway[server]" in ended.stdout + ended.stderr


def test_the_command_line_saves_a_result(installed: Path, city: City, tmp_path: Path):
    """From a query to a file for Excel."""
    profile = city.local.profiles / "nanjing-east-road.json"
    asked = ("query", "--profile", profile, "--purpose", PURPOSE, "--output", "visits.xlsx", SQL)
    ended = run(installed.with_name("gateway"), *asked, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "visits.xlsx").stat().st_size > 1_000


def test_the_library_asks_a_gateway(installed: Path, city: City):
    """And no module of the server's own packages is there to be imported."""
    program = f"""
import importlib.util
from gateway.client import connect
with connect({str(city.local.profiles / "nanjing-east-road.json")!r}) as gateway:
    print(gateway.query({SQL!r}, purpose={PURPOSE!r}).to_arrow().num_rows)
print([name for name in ("duckdb", "sqlglot", "sqlalchemy", "opa_client") if importlib.util.find_spec(name)])
"""
    ended = run(installed, "-c", program)
    assert ended.stdout.split() == ["3", "[]"], ended.stderr
