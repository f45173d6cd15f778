"""Commands and programs of the pages that need a city run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.pages import PAGES, blocks

SNIPPETS = [
    pytest.param(info, content, id=f"{page.name}-{number}")
    for page in PAGES
    for number, (info, content) in enumerate(blocks(page.read_text("utf-8")), 1)
    if info in ("bash city", "python city")
]


@pytest.mark.parametrize(("info", "snippet"), SNIPPETS)
def test_snippets_run_as_they_stand(city, tmp_path, info, snippet):
    """Every line succeeds, in a folder that holds a city."""
    (tmp_path / "city").symlink_to(city.data)
    program = [sys.executable, "-c"] if info.startswith("python") else ["bash", "-euc"]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "COLUMNS": "160",
        "XDG_CONFIG_HOME": str(tmp_path / "user"),
    }
    ended = subprocess.run(
        [*program, snippet], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout or ended.stderr
