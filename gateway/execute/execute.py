"""Run the enforced plan over its scans."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pyarrow as pa

from catalog.dataset import Text
from gateway.errors import GatewayError, InvalidQuery, TooLarge, TooSlow, Unavailable
from gateway.execute.engine import EnginePool, Worker
from gateway.execute.job import PACKET_BYTES_MAX, Job, JobOutcome
from gateway.messages import Reason
from gateway.model.cancellation import Cancellation
from gateway.model.plan import EnforcedPlan
from gateway.model.result import BatchStream, ComputedResult, ScannedTables

BATCH_ROWS = 16 * 1024
PIPE_BYTES = 1 << 20

_FAILURE_WORDS = {
    JobOutcome.CONVERSION: Text(zh="值无法转换为所要求的类型", en="a value cannot be converted to the requested type"),
    JobOutcome.TYPES: Text(zh="运算或函数的参数类型不符", en="an operator or function got arguments of the wrong type"),
    JobOutcome.RANGE: Text(zh="数值超出范围", en="a number is out of range"),
    JobOutcome.FAILED: Text(zh="执行出错", en="it could not be executed"),
}


def execute(
    plan: EnforcedPlan, *, scanned: ScannedTables, engines: EnginePool, seconds_max: float, cancellation: Cancellation
) -> ComputedResult:
    """Return the result of the plan's SQL over the scans, or the one scan itself when that is the answer.

    Args:
        plan: What may run.
        scanned: Its scans.
        engines: Where user SQL runs.
        seconds_max: The worker is ended after this time; it includes the wait for one.
        cancellation: Ends the worker, also before the first batch.

    Raises:
        GatewayError: The statement failed before its first batch; later failures are raised by the stream.
    """
    if plan.sql is None:
        return ComputedResult(plan=plan, stream=_project(plan, scanned.tables[plan.scans[0].name]))
    deadline = time.monotonic() + seconds_max
    try:
        worker = engines.take(timeout_seconds=seconds_max)
    except BaseException:
        scanned.cancel()
        raise
    run = _Run(worker=worker, engines=engines, scanned=scanned, sql=plan.sql, deadline=deadline)
    cancellation.add(run.cancel)
    return ComputedResult(plan=plan, stream=run.start())


def _project(plan: EnforcedPlan, table: BatchStream) -> BatchStream:
    fields = [table.schema.field(column).with_name(output) for column, output in plan.projection]
    schema = pa.schema(fields)
    indices = [table.schema.get_field_index(column) for column, _ in plan.projection]

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in table.batches:
            yield pa.RecordBatch.from_arrays([batch.column(i) for i in indices], schema=schema)

    return BatchStream(schema=schema, batches=batches(), cancel=table.cancel)


@dataclass(slots=True, kw_only=True)
class _Run:
    """One statement in one worker: feeder threads write the scans into pipes, the caller reads the result from another."""

    worker: Worker
    engines: EnginePool
    scanned: ScannedTables
    sql: str
    deadline: float
    """Monotonic seconds."""
    failures: list[Exception] = field(default_factory=list)

    def start(self) -> BatchStream:
        batches = self._batches()
        schema = next(batches)  # from now on the generator gives the worker back, also when nobody ever reads from it
        return BatchStream(schema=schema, batches=batches, cancel=self.cancel)

    def cancel(self) -> None:
        self.worker.kill()
        self.scanned.cancel()

    def _batches(self) -> Iterator[Any]:
        """Yield the schema, then every batch."""
        seconds_left = self.deadline - time.monotonic()
        end_of_time = threading.Timer(seconds_left, self.worker.kill)  # the worker has its own, should this process end
        try:
            if seconds_left <= 0:
                raise TooSlow(Reason.ENGINE_TIME)
            end_of_time.start()
            with self._send_job(seconds_max=seconds_left) as source:
                reader = self._opened(source)
                yield reader.schema
                while (batch := self._next(reader)) is not None:
                    yield batch
        finally:
            end_of_time.cancel()
            self.cancel()
            self.engines.give_back(self.worker)

    def _send_job(self, *, seconds_max: float) -> BinaryIO:
        """Hand the job to the worker, start feeding it and return the pipe that the result comes from."""
        scans = self.scanned.plan.scans
        job = Job(
            sql=self.sql,
            tables=tuple(scan.name for scan in scans),
            read_once=tuple(scan.name for scan in scans if scan.read_once),
            seconds_max=seconds_max,
            batch_rows=BATCH_ROWS,
        )
        packet = job.to_bytes()
        if len(packet) > PACKET_BYTES_MAX:
            raise InvalidQuery(Reason.QUERY_TOO_COMPLEX, f"bytes > {PACKET_BYTES_MAX}")
        try:
            result, theirs = _pipe()
            feeds = [_pipe() for _ in job.tables]
            with theirs, ExitStack() as sources:
                inputs = [sources.enter_context(source) for source, _ in feeds]
                descriptors = [theirs.fileno(), *(source.fileno() for source in inputs)]
                socket.send_fds(self.worker.control, [packet], descriptors)
        except OSError as error:
            raise Unavailable(Reason.ENGINE_LOST, internal=str(error)) from error
        for name, (_, sink) in zip(job.tables, feeds, strict=True):
            threading.Thread(target=self._feed, args=(self.scanned.tables[name], sink), daemon=True).start()
        return result

    def _feed(self, table: BatchStream, sink: BinaryIO) -> None:
        """Write a scan into its pipe.

        A scan that fails ends the worker before its pipe closes: the worker would take the end of the pipe for the end of the
        table and compute from part of it.
        """
        with sink:
            try:
                writer = pa.ipc.new_stream(sink, table.schema)
                for batch in self._arriving(table):
                    writer.write_batch(batch)
                writer.close()
            except BrokenPipeError:
                table.cancel()  # the worker reads no more of it; its outcome says why
            except Exception as error:  # noqa: BLE001 - the door of this thread: the reader of the result raises it
                self._fail(error)

    def _arriving(self, table: BatchStream) -> Iterator[pa.RecordBatch]:
        """Yield the batches of a scan; tells its errors, whatever their type, from those of the pipe."""
        try:
            yield from table.batches
        except Exception as error:
            self._fail(error)
            raise

    def _fail(self, error: Exception) -> None:
        self.failures.append(error)
        self.worker.kill()

    def _opened(self, source: BinaryIO) -> pa.RecordBatchReader:
        try:
            return pa.ipc.open_stream(source)
        except (pa.ArrowException, OSError) as error:
            raise self._failure() or _lost(error) from error

    def _next(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        """Return the next batch, or None after the last one of a complete result."""
        try:
            batch = reader.read_next_batch()
            batch.validate(full=True)
        except StopIteration:
            batch = None
        except (pa.ArrowException, OSError) as error:
            raise self._failure() or _lost(error) from error
        if batch is None or self.failures:
            failure = self._failure()
            if failure is not None:
                raise failure
        return batch

    def _failure(self) -> GatewayError | None:
        """Return what went wrong, or None when the worker says that it is done."""
        for failure in self.failures:
            return failure if isinstance(failure, GatewayError) else _lost(failure)
        try:
            packet = self.worker.control.recv(1024)
            outcome = JobOutcome(packet.decode("ascii")) if packet else None
        except (OSError, ValueError):
            outcome = None
        if outcome is JobOutcome.DONE:
            return None
        if outcome is JobOutcome.MEMORY:
            return TooLarge(Reason.ENGINE_MEMORY)
        if outcome is not None:
            return InvalidQuery(Reason.QUERY_FAILED, _FAILURE_WORDS[outcome])
        if time.monotonic() >= self.deadline:
            return TooSlow(Reason.ENGINE_TIME)
        return Unavailable(Reason.ENGINE_LOST)


def _lost(error: Exception) -> Unavailable:
    return Unavailable(Reason.ENGINE_LOST, internal=f"{type(error).__name__}: {error}")


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return the ends to read and to write; an end that is dropped is closed."""
    read, write = os.pipe()
    source, sink = os.fdopen(read, "rb", buffering=PIPE_BYTES), os.fdopen(write, "wb", buffering=0)
    with suppress(PermissionError):  # above the system's bound for unprivileged users: smaller is only slower
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return source, sink
