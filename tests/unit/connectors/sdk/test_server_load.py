"""A connector under load: calls that are cancelled, large, or too many."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.config import ParquetSettings, PostgresqlSettings
from connectors.sdk.enforce import MESSAGE_BYTES_MAX
from connectors.sdk.grant import GrantColumn
from connectors.sources.opening import open_source
from tests.unit.connectors.conftest import DATASET, Postgres, make_dataset, mapped
from tests.unit.connectors.sdk.serving import call, clear, grant, is_serving, refusal, serving, signed


def _wait(holds: Any, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_cancelled_call_stops_the_query_in_the_database(postgres: Postgres) -> None:
    """Neither a running query nor a held transaction outlives the call."""
    postgres.run(
        "DROP VIEW IF EXISTS slow",
        "CREATE VIEW slow AS SELECT i::int8 AS id, '310101002001'::text AS division, "
        "(CASE WHEN i > 20000 THEN pg_sleep(60)::text END) AS label FROM generate_series(1, 100000) AS i",
    )
    small = DATASET.model_copy(update={"columns": DATASET.columns[:3]})
    source = open_source(PostgresqlSettings(kind="postgresql", uri=postgres.uri), tables=mapped(small, table="slow"))
    running = "SELECT state FROM pg_stat_activity WHERE application_name = 'sharing-connector' AND state <> 'idle'"
    columns = (*clear("id"), GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.NAME))
    with serving(source, small) as address, grpc.insecure_channel(address) as channel:
        stream = call(channel, signed(grant(columns=columns)))
        assert next(iter(stream)).WhichOneof("payload") == "record_batch"
        assert _wait(lambda: ("active",) in postgres.rows(running))
        stream.cancel()
        assert _wait(lambda: postgres.rows(running) == [])


def test_a_large_result_streams_in_bounded_memory_and_small_messages(tmp_path: Path) -> None:
    """A result several times larger than the memory it takes passes through, in messages under the cap."""
    rows, group = 640_000, 20_000
    big = make_dataset(*DATASET.columns[:3], name="testing.big")
    with pq.ParquetWriter(tmp_path / "t.parquet", big.schema) as writer:
        for start in range(0, rows, group):
            arrays = [
                pa.array(range(start, start + group)),
                pa.array(["310101002001"] * group),
                pa.array(["x" * 1_000] * group),
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=big.schema))
    source = open_source(ParquetSettings(kind="parquet", path=tmp_path), tables=mapped(big, table="t"))
    one = grant(dataset="testing.big", columns=clear("id", "division", "label"))
    process, peak, seen = psutil.Process(), 0, 0
    with serving(source, big) as address, grpc.insecure_channel(address) as channel:
        before = process.memory_info().rss
        for message in call(channel, signed(one)):
            assert len(message.record_batch) <= MESSAGE_BYTES_MAX
            peak = max(peak, process.memory_info().rss - before)
            seen += len(message.record_batch)
    assert seen > 600 << 20
    assert peak < 200 << 20


def test_scans_beyond_the_limit_are_turned_away_while_health_answers(postgres: Postgres) -> None:
    """Readers that do not read hold their scan only; others learn that the connector is busy."""
    postgres.run(
        "DROP VIEW IF EXISTS wide",
        "CREATE VIEW wide AS SELECT i::int8 AS id, '310101002001'::text AS division, "
        "repeat('x', 1000) AS label FROM generate_series(1, 200000) AS i",
    )
    small = DATASET.model_copy(update={"columns": DATASET.columns[:3]})
    source = open_source(PostgresqlSettings(kind="postgresql", uri=postgres.uri), tables=mapped(small, table="wide"))
    columns = (*clear("id"), GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.RESIDENT_ID))
    options = [("grpc.max_receive_message_length", 3 << 20)]
    with serving(source, small) as address, grpc.insecure_channel(address, options=options) as channel:
        streams = [call(channel, signed(grant(columns=columns))) for _ in range(16)]
        for stream in streams:
            assert next(iter(stream)).WhichOneof("payload") == "record_batch"
        assert refusal(channel, signed(grant())) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY")
        assert is_serving(channel)
        for stream in streams:
            stream.cancel()
        assert _wait(lambda: not _busy(channel))
    source.close()


def _busy(channel: grpc.Channel) -> bool:
    try:
        list(call(channel, signed(grant(rows_max=1))))
    except grpc.RpcError:
        return True
    return False


def test_an_address_in_use_is_an_error(tmp_path: Path) -> None:
    """Two connectors never share a port."""
    source = open_source(ParquetSettings(kind="parquet", path=tmp_path), tables={})
    with serving(source) as address, pytest.raises(OSError, match="cannot listen"), serving(source, listen=address):
        pass
