"""Whatever type a result has, its content hash is known: no delivery fails for its type after it was recorded."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from connectors.sdk.content_hash import ContentHash
from gateway.execute import EnginePool
from gateway.parse import EngineParser, parse
from tests.unit.gateway.execute.harness import run

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SCAN = pa.table(
    {
        "s": pa.array(["a", None]),
        "i2": pa.array([1, None], pa.int16()),
        "i4": pa.array([1, None], pa.int32()),
        "i8": pa.array([1, None], pa.int64()),
        "f": pa.array([1.5, None]),
        "b": pa.array([True, None]),
        "d": pa.array([NOW.date(), None]),
        "ts": pa.array([NOW, None], pa.timestamp("us", tz="UTC")),
    }
)
VALUES = {
    "null": "NULL; coalesce(NULL, NULL); min(NULL) OVER (); lead(NULL) OVER (ORDER BY s); CASE WHEN b THEN NULL END",
    "string": "s; 'x'; s || 1; concat(s, i4); concat_ws('-', s); upper(NULL); lower(s); trim(s); min(s) OVER (); left(s, 1)",
    "bool": "b; NOT b; s LIKE 'a'; s IS NULL; contains(s, 'a'); starts_with(s, 'a'); i4 IN (1, 2)",
    "int16": "i2; abs(i2)",
    "int32": "i4; i4 // 2; i4 % 2; nullif(i4, 1); CASE WHEN b THEN 1 END",
    "int64": "i8; count(*) OVER (); length(s); strpos(s, 'a'); year(d); date_diff('day', d, d); extract(second FROM ts)",
    "float": "CAST(i4 AS FLOAT)",
    "double": "f; i4 / 2; avg(i4) OVER (); median(i4) OVER (); sum(f) OVER (); round(f, 1); floor(f); ceil(f); 1e300",
    "decimal128(38, 0)": "sum(i2) OVER (); sum(i8) OVER ()",
    "decimal128(38, 1)": "sum(1.5) OVER ()",
    "decimal128(20, 3)": "CAST(s AS DECIMAL(20, 3)); TRY_CAST(s AS DECIMAL(20, 3))",
    "date32[day]": "d; greatest(d, d); least(d, d); current_date; TRY_CAST('x' AS DATE)",
    "timestamp[us]": "date_trunc('month', d); d + INTERVAL 1 DAY; CAST(d AS TIMESTAMP); median(d) OVER ()",
    "timestamp[us, tz=Asia/Shanghai]": "ts; current_timestamp; date_trunc('hour', ts); lag(ts) OVER (ORDER BY s)",
    "month_day_nano_interval": "ts - ts; INTERVAL 1 MONTH; -INTERVAL 1 DAY; coalesce(INTERVAL 1 DAY); avg(ts - ts) OVER ()",
}
"""What the allowed functions and operators make, by Arrow type."""


@pytest.fixture(scope="module")
def engine_parser() -> EngineParser:
    parser = EngineParser()
    yield parser  # type: ignore[misc]
    parser.close()


@pytest.mark.parametrize("type_", list(VALUES))
def test_every_type_that_a_statement_can_make_is_hashed(
    type_: str, engines: EnginePool, engine_parser: EngineParser
) -> None:
    """Literals, functions, windows and casts that the parser lets through: each result can be hashed as it leaves."""
    for value in VALUES[type_].split("; "):
        parse(f"SELECT {value} AS x FROM population.resident AS scan_0", engine_parser=engine_parser)
        made = run(f"SELECT {value} AS x FROM scan_0", engines, scan_0=_rows(value))
        assert str(made.schema.field("x").type) == type_, value
        content = ContentHash("sha256", schema=made.schema)
        for batch in made.to_batches():
            content.add(batch)
        assert content.text.startswith("sha256:")


def _rows(value: str) -> pa.Table:
    return SCAN.set_column(0, "s", pa.array(["1", None])) if "DECIMAL" in value else SCAN
