"""Programs of clients that use pandas or polars."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_TOOLS = Path(__file__).parents[1] / "build" / "python"


def run_python(program: str, *, cwd: Path) -> str:
    """Run a program in a process of its own that finds pandas and polars, and return what it printed.

    They stand beside the environment (`make python-clients`), because pyarrow and ADBC load them wherever they are installed.
    """
    if not (_TOOLS / ".complete").exists():
        reason = "build/python is missing: run 'make python-clients'"
        assert not os.environ.get("REQUIRE_PYTHON_CLIENTS"), reason
        pytest.skip(reason)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(_TOOLS)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
