"""Plans, scans and statements for a real engine."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import sqlglot

from catalog.vocabulary import ColumnAction
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.execute.engine import EnginePool, Worker
from gateway.execute.execute import execute
from gateway.execute.job import Job, JobOutcome
from gateway.model.cancellation import Cancellation
from gateway.model.decision import Decision, ResultObligations
from gateway.model.plan import EnforcedPlan, PlannedScan, ScanColumn
from gateway.model.query import ResolvedQuery
from gateway.model.result import BatchStream, ScannedTables

Source = pa.Table | BatchStream


@dataclass
class Scan:
    """A scan that a test steers: it may raise before batch `fails_before`, or stand still before batch `stalls_before`."""

    table: pa.Table
    batch_rows: int = 1000
    fails_before: int | None = None
    error: Exception = field(default_factory=lambda: ValueError("the scan failed"))
    stalls_before: int | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    sent: int = 0

    @property
    def stream(self) -> BatchStream:
        return BatchStream(schema=self.table.schema, batches=self._batches(), cancel=self.cancelled.set)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        batches = self.table.to_batches(self.batch_rows)
        for index, batch in enumerate([*batches, None]):
            if index == self.fails_before:
                raise self.error
            if index == self.stalls_before:
                self.cancelled.wait(60)
                raise ValueError("the scan was cancelled")
            if batch is not None:
                self.sent += 1
                yield batch


def plan(
    sql: str | None,
    *,
    schemas: Mapping[str, pa.Schema],
    read_once: Iterable[str] = (),
    projection: tuple[tuple[str, str], ...] = (),
) -> EnforcedPlan:
    """Return a plan that runs `sql` as it is over tables of these names."""
    scans = tuple(
        PlannedScan(
            name=name,
            dataset="population.resident",
            controller="public_security",
            columns=tuple(
                ScanColumn(name=column, action=ColumnAction.CLEAR, mask=None, check_only=False)
                for column in schema.names
            ),
            schema=schema,
            row_filter=Predicate(op=PredicateOp.PREFIX, column="residence_division", values=("31",)),
            pushed_filter=None,
            lookup_column=None,
            lookup_values=(),
            rows_max=None,
            read_once=name in set(read_once),
        )
        for name, schema in schemas.items()
    )
    return EnforcedPlan(
        resolved=ResolvedQuery(
            sql=sql or "",
            tree=sqlglot.parse_one("SELECT 1"),
            datasets=(),
            unknown_names=(),
            source_filters=(),
            aggregate_only=False,
            normalised_sql="",
        ),
        decision=Decision(
            decision_id="d",
            allow=True,
            datasets={},
            people_min=None,
            obligations=ResultObligations(
                rows_max=10,
                rows_per_day_max=None,
                lookups_per_day_max=None,
                retention_days=1,
                onward_sharing=False,
                grade="general-1",
                agreements=(),
                emergency=None,
            ),
            denials=(),
            determined_by=(),
            policy_revision="r",
            standing=None,  # type: ignore[arg-type]
            policy_input={},
            answer_sha256="0" * 64,
        ),
        scans=scans,
        sql=sql,
        projection=projection,
        rows_max=10,
    )


def table_stream(table: pa.Table) -> BatchStream:
    return BatchStream(schema=table.schema, batches=iter(table.to_batches(10_000)), cancel=lambda: None)


def start(
    sql: str | None,
    engines: EnginePool,
    *,
    seconds_max: float = 100,
    read_once: Iterable[str] = (),
    projection: tuple[tuple[str, str], ...] = (),
    **tables: Source,
) -> BatchStream:
    """Begin a statement over tables, which are named by keyword."""
    streams = {name: table_stream(table) if isinstance(table, pa.Table) else table for name, table in tables.items()}
    enforced = plan(
        sql,
        schemas={name: stream.schema for name, stream in streams.items()},
        read_once=read_once,
        projection=projection,
    )
    scanned = ScannedTables(plan=enforced, tables=streams)
    return execute(
        enforced, scanned=scanned, engines=engines, seconds_max=seconds_max, cancellation=Cancellation()
    ).stream


def run(sql: str | None, engines: EnginePool, **options: object) -> pa.Table:
    """Run a statement to its end."""
    stream = start(sql, engines, **options)  # type: ignore[arg-type]
    return pa.Table.from_batches(list(stream.batches), schema=stream.schema)


@dataclass
class Raw:
    """What a worker answered to a job that skipped every check of the gateway."""

    outcome: JobOutcome | None
    table: pa.Table | None


def run_raw(worker: Worker, sql: str, *, close_early_after: int | None = None, **tables: pa.Table) -> Raw:
    """Hand a statement straight to a worker and close the worker.

    With `close_early_after` the feeders close their pipes after so many batches of 1,000 rows, as if the tables ended there.
    """
    result_read, result_write = os.pipe()
    pipes = [os.pipe() for _ in tables]
    job = Job(sql=sql, tables=tuple(tables), read_once=tuple(tables), seconds_max=100, batch_rows=1000)
    socket.send_fds(worker.control, [job.to_bytes()], [result_write, *(read for read, _ in pipes)])
    for descriptor in (result_write, *(read for read, _ in pipes)):
        os.close(descriptor)
    feeders = [
        threading.Thread(target=_feed, args=(table, write, close_early_after))
        for table, (_, write) in zip(tables.values(), pipes, strict=True)
    ]
    for feeder in feeders:
        feeder.start()
    with os.fdopen(result_read, "rb") as source:
        try:
            table = pa.ipc.open_stream(source).read_all()
        except pa.ArrowInvalid:
            table = None
    packet = worker.control.recv(1024)
    worker.close()
    for feeder in feeders:
        feeder.join()
    return Raw(outcome=JobOutcome(packet.decode()) if packet else None, table=table)


def _feed(table: pa.Table, descriptor: int, close_early_after: int | None) -> None:
    with os.fdopen(descriptor, "wb", buffering=0) as sink:
        try:
            writer = pa.ipc.new_stream(sink, table.schema)
            for batch in table.to_batches(1000)[:close_early_after]:
                writer.write_batch(batch)
            if close_early_after is None:
                writer.close()
        except BrokenPipeError:
            pass
