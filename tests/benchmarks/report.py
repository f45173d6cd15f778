"""Show the lines, and write them to a file."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import Line

_PACKAGES = ("adbc-driver-flightsql", "duckdb", "grpcio", "pyarrow", "regopy", "sqlglot")
_LOG_WIDTH = 178
"""Columns where there is no terminal."""


def show(rows: Mapping[str, Sequence[Line]], *, quick: bool) -> None:
    """Print one table."""
    sizes = "small sizes, the bars do not count" if quick else "full sizes"
    table = Table(title=f"Benchmarks ({sizes}; every baseline in the same run)", show_lines=False)
    table.add_column("row", overflow="fold", max_width=24)
    table.add_column("what", overflow="fold", max_width=34)
    table.add_column("measured", overflow="fold", max_width=30)
    table.add_column("baseline", overflow="fold", max_width=38)
    table.add_column("ratio", justify="right")
    table.add_column("bar", overflow="fold", max_width=30)
    table.add_column("reached")
    for row, lines in rows.items():
        for index, line in enumerate(lines):
            reached = {None: "", True: "[green]yes[/]", False: "[red]NO[/]"}[line.reached]
            ratio = "" if line.ratio is None else f"{line.ratio:.2f}×"
            table.add_row("" if index else row, line.what, line.measured, line.baseline, ratio, line.bar, reached)
        table.add_section()
    console = Console()
    (console if console.is_terminal else Console(width=_LOG_WIDTH)).print(table)


def write(
    rows: Mapping[str, Sequence[Line]], path: Path, *, quick: bool, started: datetime.datetime, seconds: float
) -> None:
    """Write the lines with what they were measured on."""
    document = {
        "started_at": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "quick": quick,
        "machine": {
            "cpus": os.cpu_count(),
            "processor": _processor(),
            "memory_bytes": psutil.virtual_memory().total,
            "load_before": os.getloadavg()[2],
            "kernel": platform.release(),
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
        "rows": {row: [asdict(line) for line in lines] for row, lines in rows.items()},
    }
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
