"""A gateway with more than a million rows for one office, and what programs in other languages need to reach it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.deployment import PURPOSE, Deployment, deployed, parquet_connector
from tests.benchmarks.plain_server import ENTERPRISE_COLUMNS
from tests.benchmarks.sample_rows import small_city, write_enterprises

BUILD = Path(__file__).parents[2] / "build"
ENTERPRISES = "legal_entity.enterprise"
CONTROLLER = "market_supervision"
COPIES = 10
"""How often the same rows come: quicker than as many different ones."""
VALIDATION_TABLES = {
    "bulk_ingest": {"int64s": "int64", "strings": "string"},
    "sample_test": {"ints": "int64", "strings": "string"},
}
"""Which the ADBC project's validation suite wants to find, as `validation.*`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running gateway."""

    deployment: Deployment
    rows: int
    """Of `ENTERPRISES` for the requester."""

    @property
    def address(self) -> str:
        """host:port."""
        return self.deployment.endpoint.removeprefix("grpc://")

    def run(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None, succeeds: bool = True
    ) -> str:
        """Run a program with address and purpose behind its arguments, and return what it printed."""
        ended = subprocess.run(
            [*command, self.address, PURPOSE],
            env=os.environ | {"SHARING_TOKEN": self.deployment.token} | dict(environment or {}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert succeeds == (ended.returncode == 0), ended.stdout + ended.stderr
        return ended.stdout


@contextmanager
def serving(folder: Path, *, copies: int = COPIES) -> Iterator[Served]:
    """Run the gateway below `folder`; its purpose `benchmark` needs no case."""
    city, files = small_city(folder, residents=1_000), folder / "files"
    rows = copies * write_enterprises(files, city=city, rows=111_000)
    for copy in range(1, copies):
        os.link(files / ENTERPRISES / "part-0.parquet", files / ENTERPRISES / f"part-{copy}.parquet")
    connector = parquet_connector(CONTROLLER, folder=files, datasets=[ENTERPRISES])
    connector["catalogue"] = str(folder / "catalogue")
    purpose: dict[str, dict[str, object]] = {ENTERPRISES: dict(ENTERPRISE_COLUMNS)}
    for name, columns in VALIDATION_TABLES.items():
        (files / f"validation.{name}").mkdir()
        typed = {"int64": pa.array([42, -42, None], pa.int64()), "string": pa.array(["foo", None, ""])}
        arrays = {column: typed[kind] for column, kind in columns.items()} | {"division_code": ["310101001001"] * 3}
        pq.write_table(pa.table(arrays), files / f"validation.{name}" / "rows.parquet")
        connector["datasets"][f"validation.{name}"] = {
            "table": f"validation.{name}",
            "columns": {column: column for column in arrays},
        }
        purpose[f"validation.{name}"] = {column: {"action": "clear"} for column in columns}
    entries = [_entry(f"validation.{name}", columns) for name, columns in VALIDATION_TABLES.items()]
    with deployed(folder, purpose=purpose, connectors=[connector], datasets=entries) as deployment:
        yield Served(deployment=deployment, rows=rows)


def _entry(name: str, columns: dict[str, str]) -> dict[str, object]:
    text = {"zh": "驱动程序验证", "en": "Validation of drivers"}
    return {
        "name": name,
        "version": "1.0",
        "title": text,
        "description": text,
        "controller": CONTROLLER,
        "source": text,
        "update_cycle": "daily",
        "sharing_class": "unconditional",
        "opening_class": "not_open",
        "entity_key": "division_code",
        "primary_key": ["division_code"],
        "jurisdiction": {"premises": "division_code"},
        "columns": [
            {
                "name": column,
                "type": kind,
                "title": text,
                "grade": "general-1",
                "category": "business",
                "nullable": True,
            }
            for column, kind in columns.items()
        ]
        + [
            {
                "name": "division_code",
                "type": "string",
                "title": text,
                "grade": "general-1",
                "category": "location",
                "nullable": False,
                "identifier": "division_code",
            }
        ],
    }


def built(path: Path, *, by: str, required: str) -> Path:
    """Return a program that a target of the Makefile builds; skip, or fail when it must be there."""
    if not path.exists():
        reason = f"{path.relative_to(BUILD.parent)} is missing: run 'make {by}'"
        assert not os.environ.get(required), reason
        pytest.skip(reason)
    return path
