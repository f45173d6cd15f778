"""What tests ask of a local city."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import grpc
import pyarrow as pa
from typer.testing import CliRunner

from connectors.sdk.tlog.entry import decode_entry
from connectors.sdk.watermark import MARK
from gateway.client import Profile, RequestError, connect
from gateway.doors.cli.app import make_app
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc


@dataclass(frozen=True)
class Answer:
    """A complete result and its receipt."""

    table: pa.Table
    receipt: dict[str, Any]

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """The rows without the requester's marks."""
        return [tuple(_plain(value) for value in row.values()) for row in self.table.to_pylist()]


def _plain(value: object) -> object:
    return value.replace(MARK, "") if isinstance(value, str) else value


class City:
    """A running local city."""

    def __init__(self, local: LocalCity) -> None:
        self.local = local
        self.data = local.data

    def profile(self, name: str) -> Profile:
        return Profile.load(self.local.profiles / f"{name}.json")

    def ask(
        self, sql: str, *, purpose: str, who: str = "nanjing-east-road", case: str = "", partial: bool = False
    ) -> Answer:
        """Run a query to its end. Raises RequestError."""
        with connect(self.profile(who)) as connection:
            result = connection.query(sql, purpose=purpose, case=case, partial=partial)
            return Answer(table=result.to_arrow(), receipt=result.receipt)

    def refusal(self, sql: str, *, purpose: str, who: str = "nanjing-east-road", case: str = "") -> RequestError:
        """Return why a query is refused; fail when it is not."""
        try:
            answer = self.ask(sql, purpose=purpose, who=who, case=case)
        except RequestError as error:
            return error
        raise AssertionError(f"the query was answered with {answer.table.num_rows} rows")

    def truth(self, sql: str, *, sample: str = "") -> list[tuple[Any, ...]]:
        """Run SQL straight over the sample files, or a sample of each; tables are named as in the catalogue."""
        with duckdb.connect() as connection:
            for file in sorted((self.data / "city").glob("*.parquet")):
                schema, table = file.stem.split(".")
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                connection.execute(f"CREATE VIEW {schema}.{table} AS SELECT * FROM read_parquet('{file}') {sample}")
            return connection.execute(sql).fetchall()

    def entries(self, **filters: str) -> list[dict[str, Any]]:
        """Return what the auditor finds in the log."""
        with connect(self.profile("auditor")) as connection:
            stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
            request = audit_pb2.SearchEntriesRequest(entries_max=100_000, **filters)
            found = stub.SearchEntries(request, metadata=connection.headers(), timeout=200)
            return [asdict(decode_entry(response.leaf)) for response in found]

    def cli(self, *arguments: str, who: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line as somebody would; see `run_cli`."""
        profile = ["--profile", str(self.local.profiles / f"{who}.json")] if who else []
        return run_cli([*arguments, *profile])


@contextmanager
def running_city(root: Path, *, residents: int, policy: PolicyEngine = PolicyEngine.EMBEDDED) -> Iterator[City]:
    """Run a city below `root`."""
    for folder in (root, *root.parents[:3]):  # pytest's own folders
        folder.chmod(folder.stat().st_mode | 0o055)  # PostgreSQL runs as another user when the tests run as root
    local = LocalCity(
        data=root, residents=residents, policy=policy, port=0, stop=threading.Event(), say=lambda zh, en: None
    )
    local.start()
    try:
        yield City(local)
    finally:
        local.stop()


def run_cli(arguments: Sequence[str], *, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `gateway` with a terminal's width of 160 columns, in this process: to start Python takes seconds.

    That it also works as a program is tested by the pages' snippets and in `test_command_line.py`.
    """
    with chdir(cwd or Path.cwd()):
        ended = CliRunner(env={"COLUMNS": "160"}).invoke(make_app(), arguments, catch_exceptions=False)
    return subprocess.CompletedProcess(arguments, ended.exit_code, stdout=ended.stdout, stderr=ended.stderr)


PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
