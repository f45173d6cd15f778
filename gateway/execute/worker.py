"""The worker side: a process that holds released rows only, runs one statement and ends.

`python -m gateway.execute.worker FD` is the *zygote*: it imports the engine once and forks a worker for every packet it gets on
socket FD. It has one thread, so forking is safe, and a worker costs milliseconds instead of the imports.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from gateway.execute.job import PACKET_BYTES_MAX, Job, JobOutcome

ADDRESS_SPACE_BYTES_MAX = 3 << 30
BATCH_BYTES_MAX = 4 << 20
"""What the gateway holds of a result at once; a row larger than this is too large."""
ENGINE_SETTINGS = {
    "threads": "2",
    "memory_limit": "1GB",
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "preserve_insertion_order": "true",
}
HARDENING = "SET TimeZone = 'Asia/Shanghai'; SET enable_external_access = false; SET lock_configuration = true"
"""Comes last: DuckDB refuses other settings after it."""
_OUTCOMES = {
    "Out of Memory Error": JobOutcome.MEMORY,
    "Conversion Error": JobOutcome.CONVERSION,
    "Out of Range Error": JobOutcome.RANGE,
    "Binder Error": JobOutcome.TYPES,
    "Catalog Error": JobOutcome.TYPES,
    "Parser Error": JobOutcome.TYPES,
}
"""By how the engine's error texts start."""


def run_worker(control: socket.socket) -> None:
    """Send the own pidfd, prepare an engine, wait for one job, run it and tell the outcome."""
    pidfd = os.pidfd_open(os.getpid())
    socket.send_fds(control, [b"w"], [pidfd])
    os.close(pidfd)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES_MAX, ADDRESS_SPACE_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    engine = duckdb.connect(":memory:", config=dict(ENGINE_SETTINGS))
    engine.execute(HARDENING)
    packet, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES_MAX, 64)
    if not packet:
        return
    job = Job.from_bytes(packet)
    signal.setitimer(signal.ITIMER_REAL, job.seconds_max)  # SIGALRM's default action ends the process wherever it is
    control.send(_run(job, engine=engine, output=descriptors[0], inputs=descriptors[1:]).encode())


def _run(job: Job, *, engine: duckdb.DuckDBPyConnection, output: int, inputs: list[int]) -> JobOutcome:
    try:
        for table, descriptor in zip(job.tables, inputs, strict=True):
            reader = pa.ipc.open_stream(os.fdopen(descriptor, "rb", buffering=1 << 20))
            if table in job.read_once:
                engine.register(table, reader)
            else:
                engine.register("incoming", reader)
                engine.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM incoming")  # noqa: S608 - our own name
                engine.unregister("incoming")
        result = engine.sql(job.sql).to_arrow_reader(job.batch_rows)
        with os.fdopen(output, "wb", buffering=0) as sink, pa.ipc.new_stream(sink, result.schema) as writer:
            for batch in result:
                for piece in _pieces(batch):
                    writer.write_batch(piece)
    except Exception as error:  # noqa: BLE001 - the door of this process; a traceback would show values
        return _outcome_of(error)
    return JobOutcome.DONE


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.nbytes <= BATCH_BYTES_MAX:
        yield batch
    elif batch.num_rows == 1:
        raise MemoryError
    else:
        half = batch.num_rows // 2
        yield from _pieces(batch.slice(0, half))
        yield from _pieces(batch.slice(half))


def _outcome_of(error: Exception) -> JobOutcome:
    if isinstance(error, MemoryError):
        return JobOutcome.MEMORY
    # Errors after the first batch come through Arrow as OSError, with the engine's text.
    return next((outcome for start, outcome in _OUTCOMES.items() if str(error).startswith(start)), JobOutcome.FAILED)


def serve_forks(requests: socket.socket) -> None:
    """Fork a worker for each packet, to talk over the socket that came with it; end when the gateway's end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        packet, descriptors, _, _ = socket.recv_fds(requests, 1, 1)
        if not packet:
            return
        if os.fork() == 0:
            requests.close()
            try:
                run_worker(socket.socket(fileno=descriptors[0]))
            except Exception:  # noqa: BLE001 - the door of this process; what ran the job has told its errors already
                traceback.print_exc()
            os._exit(0)
        os.close(descriptors[0])


if __name__ == "__main__":
    serve_forks(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)
