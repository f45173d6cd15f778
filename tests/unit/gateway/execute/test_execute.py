"""User SQL over scans, in real worker processes."""

from __future__ import annotations

import datetime
from decimal import Decimal

import psutil
import pyarrow as pa
import pytest

from gateway.errors import InvalidQuery, TooLarge, TooSlow, Unavailable
from gateway.execute import EnginePool
from gateway.messages import Reason
from gateway.model.result import BatchStream
from tests.unit.gateway.execute.harness import Scan, run, start

PEOPLE = pa.table(
    {
        "resident_id": [f"p{i:05}" for i in range(5000)],
        "dwelling_code": pa.array([f"d{i % 700:04}" if i % 9 else None for i in range(5000)]),
        "age": pa.array([i % 100 for i in range(5000)], pa.int16()),
    }
)
DWELLINGS = pa.table({"dwelling_code": [f"d{i:04}" for i in range(700)], "floor": [i % 30 for i in range(700)]})


def test_two_tables_are_joined(engines: EnginePool) -> None:
    """A join meets every row of both scans."""
    sql = (
        "SELECT p.resident_id, d.floor FROM scan_0 AS p JOIN scan_1 AS d ON p.dwelling_code = d.dwelling_code"
        " WHERE p.age >= 60 ORDER BY p.resident_id"
    )
    expected = [{"resident_id": f"p{i:05}", "floor": (i % 700) % 30} for i in range(5000) if i % 9 and i % 100 >= 60]
    for read_once in ([], ["scan_0", "scan_1"]):
        assert run(sql, engines, scan_0=PEOPLE, scan_1=DWELLINGS, read_once=read_once).to_pylist() == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT age, count(*) AS n FROM scan_0 GROUP BY age ORDER BY age",
        "SELECT resident_id FROM scan_0 WHERE dwelling_code IS NULL ORDER BY resident_id DESC LIMIT 7",
        "SELECT resident_id, row_number() OVER (PARTITION BY age ORDER BY resident_id) AS n FROM scan_0 ORDER BY 1",
        "SELECT DISTINCT age FROM scan_0 ORDER BY age",
        "SELECT count(DISTINCT dwelling_code) AS n FROM scan_0 HAVING count(*) > 1",
        "SELECT resident_id FROM scan_0 QUALIFY rank() OVER (ORDER BY age DESC) = 1 ORDER BY resident_id",
        "SELECT s.age FROM (SELECT age, resident_id FROM scan_0) AS s WHERE s.resident_id LIKE 'p0000%' ORDER BY 1",
    ],
)
def test_a_streamed_table_gives_the_same_answer_as_a_stored_one(engines: EnginePool, sql: str) -> None:
    """Reading a scan once, as it arrives, changes no answer."""
    stored = run(sql, engines, scan_0=PEOPLE)
    streamed = run(sql, engines, scan_0=PEOPLE, read_once=["scan_0"])
    assert stored.num_rows > 0
    assert streamed.equals(stored)


def test_a_correlated_subquery_over_streamed_tables_sees_all_rows(engines: EnginePool) -> None:
    """Decorrelation does not read a stream twice."""
    sql = (
        "SELECT d.dwelling_code, (SELECT max(p.age) FROM scan_0 AS p WHERE p.dwelling_code = d.dwelling_code) AS oldest"
        " FROM scan_1 AS d WHERE EXISTS (SELECT 1 FROM scan_2 AS q WHERE q.floor = d.floor) ORDER BY d.dwelling_code"
    )
    tables = {"scan_0": PEOPLE, "scan_1": DWELLINGS, "scan_2": DWELLINGS.rename_columns(["code", "floor"])}
    stored = run(sql, engines, **tables)
    assert stored.num_rows == 700
    assert run(sql, engines, read_once=list(tables), **tables).equals(stored)


def test_a_table_may_be_read_twice(engines: EnginePool) -> None:
    """A stored table answers as often as the statement reads it."""
    sql = (
        "SELECT count(*) AS n FROM scan_0 AS a JOIN scan_0 AS b ON a.resident_id = b.resident_id"
        " WHERE a.age > (SELECT avg(age) FROM scan_0)"
    )
    assert run(sql, engines, scan_0=PEOPLE).to_pylist() == [{"n": 2500}]


def test_a_streamed_table_that_is_read_twice_fails(engines: EnginePool) -> None:
    """A wrong `read_once` ends in an error and never in an answer from part of the rows."""
    with pytest.raises(InvalidQuery) as raised:
        run("SELECT * FROM scan_0 UNION ALL SELECT * FROM scan_0", engines, scan_0=PEOPLE, read_once=["scan_0"])
    assert raised.value.reason is Reason.QUERY_FAILED


def test_an_empty_scan_is_an_empty_table(engines: EnginePool) -> None:
    """A scan without batches still has its columns."""
    empty = PEOPLE.slice(0, 0)
    for read_once in ([], ["scan_0"]):
        result = run("SELECT resident_id, age FROM scan_0", engines, scan_0=empty, read_once=read_once)
        assert result.schema == pa.schema({"resident_id": pa.string(), "age": pa.int16()})
        assert result.num_rows == 0
        assert run("SELECT count(*) AS n FROM scan_0", engines, scan_0=empty, read_once=read_once).to_pylist() == [
            {"n": 0}
        ]


def test_values_of_every_catalogue_type_come_through_unchanged(engines: EnginePool) -> None:
    """Types, nulls and Chinese text survive the worker; time stamps are shown in Shanghai time."""
    moment = datetime.datetime(2024, 2, 29, 23, 30, tzinfo=datetime.UTC)
    schema = pa.schema(
        [
            ("text", pa.string()),
            ("small", pa.int16()),
            ("medium", pa.int32()),
            ("large", pa.int64()),
            ("real", pa.float64()),
            ("flag", pa.bool_()),
            ("day", pa.date32()),
            ("moment", pa.timestamp("us", tz="UTC")),
        ]
    )
    row = {
        "text": "南京东路𠮷",
        "small": -32768,
        "medium": 2**31 - 1,
        "large": -(2**63),
        "real": 0.1,
        "flag": True,
        "day": datetime.date(1949, 10, 1),
        "moment": moment,
    }
    table = pa.Table.from_pylist([row, dict.fromkeys(row)], schema=schema)
    result = run("SELECT *, date_trunc('day', moment) AS shanghai_day FROM scan_0", engines, scan_0=table)
    assert result.drop_columns(["moment", "shanghai_day"]).equals(table.drop_columns(["moment"]))
    assert result.schema.field("moment").type == pa.timestamp("us", tz="Asia/Shanghai")
    assert result.column("moment").to_pylist() == [moment, None]
    assert result.column("shanghai_day").to_pylist()[0].isoformat() == "2024-03-01T00:00:00+08:00"


def test_sums_are_exact(engines: EnginePool) -> None:
    """A sum beyond 64 bits does not wrap."""
    table = pa.table({"n": [2**63 - 1, 2**63 - 1]})
    assert run("SELECT sum(n) AS s FROM scan_0", engines, scan_0=table).to_pylist() == [{"s": Decimal(2**64 - 2)}]


def test_one_scan_passes_through_without_an_engine(engines: EnginePool) -> None:
    """Without SQL the scan itself is the answer: projected, renamed, reordered, repeated, and cancellable."""
    scan = Scan(PEOPLE)
    stream = start(
        None, engines, scan_0=scan.stream, projection=(("age", "years"), ("resident_id", "id"), ("age", "again"))
    )
    result = pa.Table.from_batches(list(stream.batches), schema=stream.schema)
    assert result.column_names == ["years", "id", "again"]
    assert result.column("years").equals(PEOPLE.column("age"))
    assert result.column("again").equals(PEOPLE.column("age"))
    assert result.column("id").equals(PEOPLE.column("resident_id"))
    stream.cancel()
    assert scan.cancelled.is_set()


def test_a_result_far_larger_than_memory_streams_flat(engines: EnginePool) -> None:
    """Neither the gateway nor the worker grows with the size of a streamed result."""
    batch = pa.record_batch({"id": range(20_000), "text": ["x" * 120] * 20_000})
    bytes_total, count = 300 * batch.nbytes, 300

    stream = start(
        "SELECT id + 1 AS id, text FROM scan_0 WHERE id >= 0",
        engines,
        scan_0=BatchStream(schema=batch.schema, batches=iter([batch] * count), cancel=lambda: None),
        read_once=["scan_0"],
    )
    assert bytes_total > 700 << 20
    process = psutil.Process()
    before, most, workers_most, rows = process.memory_info().rss, 0, 0, 0
    for index, part in enumerate(stream.batches):
        rows += part.num_rows
        if index % 20 == 0:
            most = max(most, process.memory_info().rss - before)
            workers_most = max([workers_most, *(p.memory_info().rss for p in process.children(recursive=True))])
    assert rows == count * 20_000
    assert most < 100 << 20
    assert workers_most < 400 << 20


def test_wide_rows_come_in_small_batches(engines: EnginePool) -> None:
    """The gateway never holds more than a few megabytes of a result at once."""
    table = pa.table({"n": range(3000)})
    stream = start("SELECT n, repeat('x', 20000) AS wide FROM scan_0 ORDER BY n", engines, scan_0=table)
    batches = list(stream.batches)
    assert [n for batch in batches for n in batch.column("n").to_pylist()] == list(range(3000))
    assert max(batch.nbytes for batch in batches) <= 4 << 20


def test_a_single_row_that_is_too_large_is_refused(engines: EnginePool) -> None:
    """One value larger than a batch may be needs too much memory."""
    with pytest.raises(TooLarge) as raised:
        run("SELECT repeat('x', 5000000) AS huge", engines)
    assert raised.value.reason is Reason.ENGINE_MEMORY


@pytest.mark.parametrize(
    ("sql", "english"),
    [
        ("SELECT CAST(s AS INT) FROM scan_0", "a value cannot be converted to the requested type"),
        ("SELECT CAST(CASE WHEN n > 60000 THEN s ELSE '1' END AS INT) FROM scan_0", "a value cannot be converted"),
        ("SELECT CAST(n AS SMALLINT) FROM scan_0", "a value cannot be converted"),
        ("SELECT n + s FROM scan_0", "an operator or function got arguments of the wrong type"),
        ("SELECT no_such_column FROM scan_0", "an operator or function got arguments of the wrong type"),
        ("SELECT CASE WHEN n > 60000 THEN 9223372036854775807 + n END FROM scan_0", "a number is out of range"),
        ("SELECT n % 0 FROM scan_0", "it could not be executed"),
        ("SELECT (SELECT s FROM scan_0) FROM scan_1", "it could not be executed"),
    ],
)
@pytest.mark.parametrize("read_once", [[], ["scan_0"]], ids=["stored", "streamed"])
def test_a_failing_statement_says_why_without_any_value(
    engines: EnginePool, sql: str, english: str, read_once: list[str]
) -> None:
    """Errors name the kind of mistake; no text, public or internal, holds a value, also when rows were sent before."""
    rows = 90_000
    table = pa.table({"n": range(rows), "s": [f"canary-{i}" for i in range(rows)]})
    with pytest.raises(InvalidQuery) as raised:
        run(sql, engines, scan_0=table, scan_1=DWELLINGS, read_once=read_once)
    error = raised.value
    assert error.reason is Reason.QUERY_FAILED
    assert english in error.message.en
    texts = [error.message.zh, error.message.en, error.remedy.en, error.internal, repr(error), str(error)]
    while error.__cause__ is not None:
        error = error.__cause__  # type: ignore[assignment]
        texts.append(repr(error))
    assert not any("canary" in text or "60001" in text or "32768" in text for text in texts)


def test_no_time_left_runs_nothing(engines: EnginePool) -> None:
    """A query whose deadline has passed is too slow; it does not run without a bound."""
    for seconds in (0.0, -1.0):
        scan = Scan(PEOPLE)
        with pytest.raises(TooSlow) as raised:
            run("SELECT count(*) FROM scan_0", engines, scan_0=scan.stream, seconds_max=seconds)
        assert raised.value.reason is Reason.ENGINE_TIME
        assert scan.cancelled.is_set()
    assert run("SELECT count(*) AS n FROM scan_0", engines, scan_0=PEOPLE).to_pylist() == [{"n": 5000}]


def test_a_job_larger_than_a_packet_is_too_complex(engines: EnginePool) -> None:
    """SQL that grew while it was regenerated is refused as such; the largest text a requester may send is not."""
    largest = "'" + "街" * (65_536 // 3) + "'"
    assert run(f"SELECT length({largest}) AS n", engines).to_pylist() == [{"n": 65_536 // 3}]
    with pytest.raises(InvalidQuery) as raised:
        run(f"SELECT {largest}, {largest}", engines)
    assert raised.value.reason is Reason.QUERY_TOO_COMPLEX


def test_a_busy_pool_says_so_and_lets_go_of_the_scans() -> None:
    """When every slot is taken the query is refused as busy, its scans are cancelled, and later queries run."""
    pool = EnginePool(warm_count=0, concurrent_max=1)
    try:
        first = start("SELECT * FROM scan_0", pool, scan_0=PEOPLE)
        waiting = Scan(PEOPLE)
        with pytest.raises(Unavailable) as raised:
            start("SELECT * FROM scan_0", pool, scan_0=waiting.stream, seconds_max=0.2)
        assert raised.value.reason is Reason.BUSY
        assert waiting.cancelled.is_set()
        assert sum(batch.num_rows for batch in first.batches) == 5000
        assert run("SELECT count(*) AS n FROM scan_0", pool, scan_0=PEOPLE).to_pylist() == [{"n": 5000}]
    finally:
        pool.close()
