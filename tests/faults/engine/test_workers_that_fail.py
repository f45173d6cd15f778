"""Workers that are killed, stopped, starved or lie; queries that are cancelled or forgotten."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pyarrow as pa
import pytest

from gateway.errors import Bug, GatewayError, InvalidQuery, TooLarge, TooSlow, Unavailable
from gateway.execute import EnginePool
from gateway.messages import Reason
from tests.faults.engine.scripted import ScriptedPool
from tests.unit.gateway.execute.harness import Scan, run, start

TABLE = pa.table({"n": range(200_000), "s": ["x" * 100] * 200_000})
STOP_SECONDS_MAX = 5.0
ENDLESS = "SELECT sum(range % 7) FROM range(1000000000000000)"


@pytest.fixture(scope="module")
def pool() -> Iterator[EnginePool]:
    """A pool of one slot, which the next test finds free, and one warm worker."""
    own = EnginePool(warm_count=1, concurrent_max=1)
    yield own
    own.close()


def zygote_of(pool: EnginePool) -> psutil.Process:
    return psutil.Process(pool._zygote.pid)


def workers_of(pool: EnginePool) -> list[psutil.Process]:
    return zygote_of(pool).children()


def warm_worker(pool: EnginePool) -> psutil.Process:
    """Return the one worker that is left when those of earlier queries have gone."""
    assert eventually(lambda: len(workers_of(pool)) == 1)
    return workers_of(pool)[0]


def eventually(condition: Callable[[], bool], *, seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def assert_serves(pool: EnginePool) -> None:
    """The one slot is free and a query runs."""
    assert run("SELECT sum(n) AS s FROM scan_0", pool, scan_0=TABLE.slice(0, 10), seconds_max=100).to_pylist() == [
        {"s": 45}
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 3000000000) AS s",
        "SELECT CASE WHEN n > 150000 THEN repeat('x', 3000000000) END AS s FROM scan_0",
        "SELECT string_agg(repeat(s, 1000), '') AS s FROM scan_0",
    ],
)
def test_a_worker_over_its_memory_fails_only_its_query(pool: EnginePool, sql: str) -> None:
    """Too much memory is told as such, at once or midway, and the next query runs."""
    with pytest.raises(TooLarge) as raised:
        run(sql, pool, scan_0=TABLE, read_once=["scan_0"])
    assert raised.value.reason is Reason.ENGINE_MEMORY
    assert_serves(pool)


def test_an_endless_statement_ends_in_time(pool: EnginePool) -> None:
    """A statement that never ends is stopped soon after its bound of a second; a busy machine gets three tries."""
    seconds = []
    while not seconds or (min(seconds) >= STOP_SECONDS_MAX and len(seconds) < 3):
        started = time.monotonic()
        with pytest.raises(TooSlow) as raised:
            run(ENDLESS, pool, seconds_max=1)
        seconds.append(time.monotonic() - started)
        assert raised.value.reason is Reason.ENGINE_TIME
    assert min(seconds) < STOP_SECONDS_MAX
    assert_serves(pool)


def test_an_endless_result_ends_in_time(pool: EnginePool) -> None:
    """The bound also holds for a statement that keeps sending rows."""
    with pytest.raises(TooSlow) as raised:
        for _ in start("SELECT a.range AS n FROM range(100000000000) AS a", pool, seconds_max=1).batches:
            pass
    assert raised.value.reason is Reason.ENGINE_TIME
    assert_serves(pool)


def test_a_stalled_scan_ends_in_time(pool: EnginePool) -> None:
    """A scan that stands still holds the query no longer than its bound, and is cancelled."""
    scan = Scan(TABLE, stalls_before=2)
    with pytest.raises(TooSlow) as raised:
        run("SELECT count(*) FROM scan_0", pool, scan_0=scan.stream, seconds_max=1)
    assert raised.value.reason is Reason.ENGINE_TIME
    assert scan.cancelled.is_set()
    assert_serves(pool)


def test_a_stopped_worker_ends_in_time(pool: EnginePool) -> None:
    """The gateway has a clock of its own: a worker that cannot keep time is ended too."""
    worker = warm_worker(pool)
    worker.suspend()
    with pytest.raises(TooSlow) as raised:
        run("SELECT 1 AS n", pool, seconds_max=1)
    assert raised.value.reason is Reason.ENGINE_TIME
    assert eventually(lambda: not worker.is_running())
    assert_serves(pool)


@pytest.mark.parametrize("read_first", [0, 1, 3])
def test_a_killed_worker_is_lost_and_never_a_short_result(pool: EnginePool, read_first: int) -> None:
    """A worker that dies midway fails the query, wherever the stream was cut."""
    worker = warm_worker(pool)
    stream = start("SELECT n, s FROM scan_0", pool, scan_0=TABLE, read_once=["scan_0"])
    for _ in range(read_first):
        next(stream.batches)
    worker.kill()
    with pytest.raises(Unavailable) as raised:
        list(stream.batches)
    assert raised.value.reason is Reason.ENGINE_LOST
    assert_serves(pool)


def test_a_worker_that_died_while_idle_fails_one_query_only(pool: EnginePool) -> None:
    """A dead warm worker is noticed when it is used."""
    worker = warm_worker(pool)
    worker.kill()
    assert eventually(lambda: not worker.is_running())
    with pytest.raises(Unavailable) as raised:
        run("SELECT 1 AS n", pool)
    assert raised.value.reason is Reason.ENGINE_LOST
    assert_serves(pool)


def test_a_zygote_that_ended_is_replaced(pool: EnginePool) -> None:
    """Workers can be forked again after the process that forks them has gone."""
    zygote_of(pool).kill()
    assert eventually(lambda: pool._zygote.poll() is not None)
    for _ in range(3):
        assert_serves(pool)


def test_failing_to_start_workers_takes_no_slot() -> None:
    """Queries that find no worker fail as lost, however many there are, and not as busy for ever."""
    pool = EnginePool(warm_count=0, concurrent_max=1)
    pool.close()
    for _ in range(3):
        scan = Scan(TABLE)
        with pytest.raises(Unavailable) as raised:
            start("SELECT 1", pool, scan_0=scan.stream, seconds_max=0.1)
        assert raised.value.reason is Reason.ENGINE_LOST
        assert scan.cancelled.is_set()


def test_closing_the_pool_lets_a_running_query_end() -> None:
    """A result that is being read when the pool closes arrives whole; afterwards nothing starts."""
    pool = EnginePool(warm_count=1, concurrent_max=1)
    stream = start("SELECT n, s FROM scan_0", pool, scan_0=TABLE, read_once=["scan_0"])
    pool.close()
    assert sum(batch.num_rows for batch in stream.batches) == TABLE.num_rows
    with pytest.raises(Unavailable):
        start("SELECT 1", pool)


@pytest.mark.parametrize("read_first", [0, 1])
def test_a_forgotten_result_frees_its_worker_and_its_slot(pool: EnginePool, read_first: int) -> None:
    """A result that nobody reads, or reads on, holds nothing once it is dropped."""
    worker = warm_worker(pool)
    scan = Scan(TABLE, stalls_before=150)
    stream = start("SELECT n, s FROM scan_0", pool, scan_0=scan.stream, read_once=["scan_0"])
    for _ in range(read_first):
        next(stream.batches)
    del stream
    assert eventually(lambda: not worker.is_running())
    assert scan.cancelled.is_set()
    assert_serves(pool)


def test_a_result_forgotten_in_a_cycle_is_freed_by_the_collector(pool: EnginePool) -> None:
    """The same holds for a result that an exception's traceback keeps in a reference cycle."""
    stream = start("SELECT n, s FROM scan_0", pool, scan_0=TABLE, read_once=["scan_0"])
    cycle: list[object] = [stream]
    cycle.append(cycle)
    del stream, cycle
    gc.collect()
    assert_serves(pool)


@pytest.mark.parametrize("read_first", [0, 1])
def test_cancelling_ends_the_worker_and_the_scans(pool: EnginePool, read_first: int) -> None:
    """Cancelling from another thread ends a read that waits, with an error, and frees worker and slot."""
    worker = warm_worker(pool)
    scan = Scan(TABLE, stalls_before=100)
    stream = start("SELECT n, s FROM scan_0", pool, scan_0=scan.stream, read_once=["scan_0"])
    for _ in range(read_first):
        next(stream.batches)
    threading.Timer(0.1, stream.cancel).start()
    with pytest.raises(GatewayError):
        list(stream.batches)
    assert not worker.is_running() or eventually(lambda: not worker.is_running())
    assert scan.cancelled.is_set()
    stream.cancel()
    assert_serves(pool)
    stream.cancel()
    assert_serves(pool)


def test_cancelling_after_the_end_harms_nobody_else(pool: EnginePool) -> None:
    """A late cancel never reaches the worker that came after."""
    stream = start("SELECT 1 AS n", pool)
    assert len(list(stream.batches)) == 1
    second = start("SELECT n, s FROM scan_0", pool, scan_0=TABLE, read_once=["scan_0"])
    stream.cancel()
    assert sum(batch.num_rows for batch in second.batches) == TABLE.num_rows


def test_fifty_queries_leave_nothing_behind(pool: EnginePool) -> None:
    """After good, failing, cancelled and forgotten queries there are as many descriptors, threads and processes as before."""
    warm_worker(pool)
    before = _footprint(pool)
    for number in range(50):
        _one_of_many(pool, kind=number % 6)
    assert eventually(lambda: _footprint(pool) == before), (_footprint(pool), before)


def _footprint(pool: EnginePool) -> tuple[int, int, int]:
    gc.collect()
    return len(os.listdir("/proc/self/fd")), threading.active_count(), len(workers_of(pool))


def _one_of_many(pool: EnginePool, *, kind: int) -> None:
    small = TABLE.slice(0, 3000)
    if kind == 0:
        run("SELECT a.n FROM scan_0 AS a JOIN scan_1 AS b ON a.n = b.n", pool, scan_0=small, scan_1=small)
    elif kind == 1:
        with pytest.raises(InvalidQuery):
            run("SELECT CAST(s AS INT) FROM scan_0", pool, scan_0=small)
    elif kind == 2:
        with pytest.raises(GatewayError):
            run("SELECT n FROM scan_0", pool, scan_0=Scan(small, fails_before=2).stream)
    elif kind == 3:
        start("SELECT n, s FROM scan_0", pool, scan_0=small, read_once=["scan_0"])
    elif kind == 4:
        stream = start("SELECT n, s FROM scan_0", pool, scan_0=TABLE, read_once=["scan_0"])
        stream.cancel()
        with pytest.raises(GatewayError):
            list(stream.batches)
    else:
        next(start("SELECT n, s FROM scan_0", pool, scan_0=TABLE, read_once=["scan_0"]).batches)


def test_many_queries_at_once_keep_to_the_pool(engines: EnginePool) -> None:
    """Concurrent queries answer right, and no more workers than asked for stay warm."""
    answers: list[object] = []

    def ask(number: int) -> None:
        answers.append(run(f"SELECT sum(n) + {number} AS s FROM scan_0", engines, scan_0=TABLE.slice(0, 1000)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.column("s")[0].as_py() for answer in answers) == [499_500 + n for n in range(12)]
    # Two threads may both see room for one more; each query ends what it started.
    assert eventually(lambda: len(workers_of(engines)) <= 4)


def _garbage(control: socket.socket, result: int) -> None:
    os.write(result, b"\xff" * 1000)
    control.send(b"done")


def _nothing(control: socket.socket, result: int) -> None:
    control.send(b"done")


def _table(result: int, *, end: bool) -> None:
    with os.fdopen(os.dup(result), "wb", buffering=0) as sink:
        writer = pa.ipc.new_stream(sink, pa.schema({"n": pa.int64()}))
        writer.write_batch(pa.record_batch({"n": [1, 2]}))
        if end:
            writer.close()


def _no_outcome(control: socket.socket, result: int) -> None:
    _table(result, end=True)


def _unknown_outcome(control: socket.socket, result: int) -> None:
    _table(result, end=True)
    control.send(b"splendid")


def _not_ascii(control: socket.socket, result: int) -> None:
    _table(result, end=True)
    control.send(b"\xff\xfe")


def _failed_after_the_end(control: socket.socket, result: int) -> None:
    _table(result, end=True)
    control.send(b"memory")


def _invalid_text(control: socket.socket, result: int) -> None:
    text = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\x02\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    with (
        os.fdopen(os.dup(result), "wb", buffering=0) as sink,
        pa.ipc.new_stream(sink, pa.schema({"n": pa.string()})) as writer,
    ):
        writer.write_batch(pa.RecordBatch.from_arrays([text], names=["n"]))
    control.send(b"done")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (_garbage, Reason.ENGINE_LOST),
        (_nothing, Reason.ENGINE_LOST),
        (_no_outcome, Reason.ENGINE_LOST),
        (_unknown_outcome, Reason.ENGINE_LOST),
        (_not_ascii, Reason.ENGINE_LOST),
        (_failed_after_the_end, Reason.ENGINE_MEMORY),
        (_invalid_text, Reason.ENGINE_LOST),
    ],
)
def test_a_result_counts_only_when_it_is_valid_and_the_worker_says_done(script: object, reason: Reason) -> None:
    """A worker that sends garbage, or a whole stream without saying that it is done, gives no result."""
    pool = ScriptedPool(script)  # type: ignore[arg-type]
    with pytest.raises(GatewayError) as raised:
        run("SELECT 1 AS n", pool)  # type: ignore[arg-type]
    assert not isinstance(raised.value, Bug)
    assert raised.value.reason is reason
    assert pool.given_back == 1


PARENT = """
import sys, time
from gateway.execute import EnginePool
pool = EnginePool()
busy = pool.take(timeout_seconds=5)
print(pool._zygote.pid, flush=True)
time.sleep(60)
"""


def test_no_process_outlives_a_gateway_that_was_killed() -> None:
    """When the gateway dies by kill -9, the zygote and its workers end by themselves."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        zygote = psutil.Process(int(parent.stdout.readline()))
        family = [zygote, *zygote.children()]
        assert len(family) >= 3
        parent.kill()
        parent.wait()
    assert eventually(lambda: not any(process.is_running() for process in family))
