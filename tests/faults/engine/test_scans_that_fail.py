"""A scan that fails must never look like the end of a table."""

from __future__ import annotations

import itertools
import threading

import grpc
import pyarrow as pa
import pytest

from gateway.errors import GatewayError, TooSlow, Unavailable
from gateway.execute import EnginePool
from gateway.messages import Reason
from tests.unit.gateway.execute.harness import JobOutcome, Scan, run, run_raw, start

TABLE = pa.table({"n": range(12_000), "s": ["x" * 50] * 12_000})
COUNT = "SELECT count(*) AS n FROM scan_0"
COPY = "SELECT n, s FROM scan_0"
UNTRUSTWORTHY = Unavailable(Reason.CONNECTOR_UNTRUSTWORTHY, "population.resident")
ERRORS = [
    UNTRUSTWORTHY,
    TooSlow(Reason.CONNECTOR_SLOW, "population.resident"),
    ValueError("x"),
    OSError("x"),
    BrokenPipeError("the connector's, not the worker's"),
    pa.ArrowInvalid("x"),
    grpc.RpcError(),
]


@pytest.mark.parametrize("fails_before", [0, 1, 2, 5, 11, 12])
@pytest.mark.parametrize(("sql", "read_once"), [(COUNT, []), (COUNT, ["scan_0"]), (COPY, ["scan_0"])])
def test_a_scan_that_fails_between_batches_fails_the_query(
    engines: EnginePool, sql: str, read_once: list[str], fails_before: int
) -> None:
    """Whether it fails before the first batch, midway or after the last one, the query ends with the scan's error."""
    scan = Scan(TABLE, fails_before=fails_before, error=UNTRUSTWORTHY)
    with pytest.raises(Unavailable) as raised:
        run(sql, engines, scan_0=scan.stream, read_once=read_once)
    assert raised.value is UNTRUSTWORTHY
    assert scan.cancelled.is_set()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("read_once", [[], ["scan_0"]], ids=["stored", "streamed"])
def test_every_kind_of_scan_error_fails_the_query(engines: EnginePool, error: Exception, read_once: list[str]) -> None:
    """Also errors of the system's, which look like those of the worker's own pipe, never end a table early."""
    scan = Scan(TABLE, fails_before=6, error=error)
    with pytest.raises(GatewayError) as raised:
        run(COUNT, engines, scan_0=scan.stream, read_once=read_once)
    if isinstance(error, GatewayError):
        assert raised.value is error
    else:
        assert raised.value.reason is Reason.ENGINE_LOST


@pytest.mark.parametrize("batches", [1, 6, 12])
def test_twin_a_pipe_closed_without_the_kill_gives_a_wrong_complete_result(engines: EnginePool, batches: int) -> None:
    """Without the kill the worker takes the end of the pipe for the end of the table, and says that it is done."""
    answer = run_raw(engines.take(timeout_seconds=100), COUNT, close_early_after=batches, scan_0=TABLE)
    engines._slots.put(None)  # run_raw ended the worker itself
    assert answer.outcome is JobOutcome.DONE
    assert answer.table.to_pylist() == [{"n": batches * 1000}]


def test_one_failing_scan_of_two_fails_the_join(engines: EnginePool) -> None:
    """An outer join does not turn a lost table into nulls."""
    good, bad = Scan(TABLE), Scan(TABLE, fails_before=3, error=UNTRUSTWORTHY)
    sql = "SELECT count(b.n) AS n FROM scan_0 AS a LEFT JOIN scan_1 AS b ON a.n = b.n"
    with pytest.raises(Unavailable) as raised:
        run(sql, engines, scan_0=good.stream, scan_1=bad.stream, read_once=["scan_0", "scan_1"])
    assert raised.value is UNTRUSTWORTHY
    assert good.cancelled.is_set()


def test_a_scan_that_fails_after_the_answer_was_complete_changes_nothing(engines: EnginePool) -> None:
    """A statement that needs only the first rows ends well, and the rest of the scan is cancelled."""
    scan = Scan(TABLE, batch_rows=1000, stalls_before=8)
    stream = start("SELECT n FROM scan_0 LIMIT 5", engines, scan_0=scan.stream, read_once=["scan_0"], seconds_max=100)
    assert sum(batch.num_rows for batch in stream.batches) == 5
    assert scan.cancelled.wait(100)


def test_random_moments_of_failure_never_give_a_complete_result(engines: EnginePool) -> None:
    """A scan that fails while the result is being read raises, and what came before is a prefix of the result."""
    released = threading.Event()

    def failing() -> pa.RecordBatch:
        batches = TABLE.to_batches(500)
        yield from batches[:20]
        released.wait(100)
        raise UNTRUSTWORTHY

    for read_first in itertools.chain(range(3), [0]):
        released.clear()
        scan = Scan(TABLE)
        stream = scan.stream
        object.__setattr__(stream, "batches", failing())
        if read_first == 0:
            released.set()
        rows = 0
        with pytest.raises(Unavailable) as raised:  # noqa: PT012
            threading.Timer(0.02 * read_first, released.set).start()
            result = start(COPY, engines, scan_0=stream, read_once=["scan_0"])
            for batch in result.batches:
                assert batch.column("n").to_pylist() == list(range(rows, rows + batch.num_rows))
                rows += batch.num_rows
        assert raised.value is UNTRUSTWORTHY
        assert rows <= 10_000
