"""The whole connector over loopback gRPC: a signed grant in, treated batches out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.batches import decode_batch
from connectors.sdk.config import ParquetSettings, PostgresqlSettings, SqliteSettings
from connectors.sdk.enforce import MESSAGE_BYTES_MAX
from connectors.sdk.grant import GrantColumn, LookupKeys, ScanGrant, granted_schema, sign_grant
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.predicates import Predicate, PredicateOp, evaluate
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.source import BatchStream, Source, SourceScan
from connectors.sdk.tlog.files import Files
from connectors.sdk.tlog.writer import LogWriter
from connectors.sources.opening import open_source
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.unit.connectors.conftest import DATASET, NAME, ROWS, Postgres, make_dataset, mapped

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = 1_800_000_000
CEILINGS = {NAME: {"large": ColumnAction.NULL, "middle": ColumnAction.DENY, "label": ColumnAction.PARTIAL}}
STREET = Predicate(op=PredicateOp.PREFIX, column="division", values=("310101002",))
SEES_ALL = Predicate(op=PredicateOp.PREFIX, column="division", values=("31",))


def grant(**changes: Any) -> ScanGrant:
    complete = ScanGrant(
        grant_id=os.urandom(8).hex(),
        decision_id="decision",
        audience="testing",
        dataset=NAME,
        purpose="elderly-care-visits",
        recipient="310101002",
        columns=(
            GrantColumn(name="id", action=ColumnAction.CLEAR),
            GrantColumn(name="division", action=ColumnAction.CLEAR),
        ),
        row_filter=STREET,
        issued_at=NOW - 1,
        expires_at=NOW + 60,
    )
    return replace(complete, **changes)


def signed(one: ScanGrant) -> connector_pb2.SignedScanGrant:
    return sign_grant(one, key=KEY, key_id="k1")


def open_grant_log(folder: Path, *, files: Files | None = None) -> GrantLog:
    """A log of grants whose clock stands at `NOW`."""
    log = LogWriter.open(
        folder,
        signing_key=KEY,
        name="testing",
        clock_micros=lambda: NOW * 1_000_000,
        new_entry_id=lambda: os.urandom(8).hex(),
        files=files,
        append_seconds_max=60,
    )
    return GrantLog(log, signing_key=KEY)


@contextlib.contextmanager
def serving(
    source: Source,
    *datasets: Dataset,
    listen: str = "127.0.0.1:0",
    log: Any = structlog.wrap_logger(structlog.ReturnLogger()),  # noqa: B008
    files: Files | None = None,
    grants: Path | None = None,
) -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(open_grant_log(grants or Path(folder), files=files)) as grant_log,
    ):
        connector = Connector(
            department="testing",
            datasets={dataset.name: dataset for dataset in datasets},
            ceilings=CEILINGS,
            source=source,
            grant_keys={"k1": KEY.public_key()},
            grant_log=grant_log,
        )
        servicer = ConnectorServicer(connector, clock=lambda: NOW, log=log)
        server, port = start_server(servicer, listen=listen, tls=None)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(0).wait()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("things")
    pq.write_table(pa.Table.from_batches([ROWS]), folder / "t.parquet")
    return open_source(ParquetSettings(kind="parquet", path=folder), tables=mapped(DATASET, table="t"))


@pytest.fixture(scope="module")
def channel(source: Source) -> Iterator[grpc.Channel]:
    with serving(source, DATASET) as address, grpc.insecure_channel(address) as opened:
        yield opened


def call(channel: grpc.Channel, one: connector_pb2.SignedScanGrant, *, nonce: bytes | None = None) -> Any:
    request = connector_pb2.ScanRequest(grant=one, nonce=os.urandom(16) if nonce is None else nonce)
    return connector_pb2_grpc.ConnectorServiceStub(channel).Scan(request, timeout=200)


def received(
    channel: grpc.Channel, one: ScanGrant, dataset: Dataset = DATASET
) -> tuple[pa.Table, connector_pb2.ScanEnd]:
    """Read a whole stream as the gateway does."""
    schema, digest, batches = granted_schema(one.columns, dataset), hashlib.sha256(), []
    *messages, last = call(channel, signed(one))
    for message in messages:
        digest.update(message.record_batch)
        batches.append(decode_batch(message.record_batch, schema=schema, bytes_max=MESSAGE_BYTES_MAX))
    table = pa.Table.from_batches(batches, schema=schema)
    assert last.WhichOneof("payload") == "end"
    assert last.end.rows == table.num_rows
    assert last.end.sha256 == digest.digest()
    return table, last.end


def refusal(channel: grpc.Channel, one: connector_pb2.SignedScanGrant, **keywords: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        list(call(channel, one, **keywords))
    return caught.value.code(), caught.value.details()


def test_only_granted_rows_and_columns_leave(channel: grpc.Channel) -> None:
    """The stream holds the granted columns of the filtered rows, closed by their number and hash."""
    table, end = received(channel, grant())
    kept = ROWS.filter(evaluate(STREET, ROWS)).select(["id", "division"])
    assert table.sort_by("id").equals(pa.Table.from_batches([kept]))
    assert end.as_of > 0


def test_values_are_treated_before_they_leave(channel: grpc.Channel) -> None:
    """Null, pseudonym, partial and generalise are applied in grant order; raw text is nowhere in the bytes."""
    columns = (
        GrantColumn(name="large", action=ColumnAction.NULL),
        GrantColumn(name="label", action=ColumnAction.PSEUDONYM),
        GrantColumn(name="day", action=ColumnAction.GENERALISE, mask=Mask.DATE_YEAR),
        GrantColumn(name="division", action=ColumnAction.GENERALISE, mask=Mask.DIVISION_TOWNSHIP),
    )
    table, _ = received(channel, grant(columns=columns, row_filter=SEES_ALL, pseudonym_key=bytes(32)))
    assert table.column_names == ["large", "label", "day", "division"]
    assert table.column("large").null_count == table.num_rows == ROWS.num_rows
    assert "王小明" not in table.column("label").to_pylist()
    assert {day.month for day in table.column("day").to_pylist() if day} == {1}
    assert {code[9:] for code in table.column("division").to_pylist()} == {"000"}


def test_numbers_leave_as_the_catalogues_buckets(source: Source) -> None:
    """The bounds are the catalogue's own; the grant names the mask only."""
    columns = tuple(c.model_copy(update={"buckets": (0, 7)}) if c.name == "small" else c for c in DATASET.columns)
    bucketed = DATASET.model_copy(update={"columns": columns})
    asked = (
        GrantColumn(name="id", action=ColumnAction.CLEAR),
        GrantColumn(name="small", action=ColumnAction.GENERALISE, mask=Mask.BUCKET),
    )
    with serving(source, bucketed) as address, grpc.insecure_channel(address) as opened:
        table, _ = received(opened, grant(columns=asked, row_filter=SEES_ALL), bucketed)
    left = [v if v is None else 7 if v >= 7 else 0 for v in ROWS.column("small").to_pylist()]
    assert table.sort_by("id").column("small").to_pylist() == left


def test_only_nulls_can_be_granted(channel: grpc.Channel) -> None:
    """A grant of null columns alone still tells the number of rows."""
    table, _ = received(
        channel, grant(columns=(GrantColumn(name="large", action=ColumnAction.NULL),), row_filter=SEES_ALL)
    )
    assert table.num_rows == ROWS.num_rows


def test_lookup_keys_and_pushed_filters_narrow_the_rows(channel: grpc.Channel) -> None:
    """Both apply on top of the row filter; the look-up column need not be sent."""
    wanted = ROWS.filter(evaluate(STREET, ROWS)).column("id").to_pylist()[:3]
    only_division = (GrantColumn(name="division", action=ColumnAction.CLEAR),)
    table, _ = received(channel, grant(columns=only_division, lookup=LookupKeys(column="id", values=tuple(wanted))))
    assert table.num_rows == 3
    pushed = Predicate(op=PredicateOp.LE, column="id", values=(wanted[1],))
    table, _ = received(channel, grant(pushed_filter=pushed))
    assert sorted(table.column("id").to_pylist()) == wanted[:2]


def test_a_lookup_outside_the_row_filter_finds_nothing(channel: grpc.Channel) -> None:
    """Keys do not widen the jurisdiction."""
    elsewhere = ROWS.filter(evaluate(Predicate(op=PredicateOp.NOT, operands=(STREET,)), ROWS)).column("id").to_pylist()
    table, _ = received(channel, grant(lookup=LookupKeys(column="id", values=tuple(elsewhere[:50]))))
    assert table.num_rows == 0


def test_the_row_limit_of_the_grant_holds(channel: grpc.Channel) -> None:
    """At most `rows_max` rows leave."""
    table, _ = received(channel, grant(row_filter=SEES_ALL, rows_max=7))
    assert table.num_rows == 7


def test_a_nonce_or_a_grant_serves_once(channel: grpc.Channel) -> None:
    """A captured request is worthless, also under a new nonce."""
    one, nonce = signed(grant()), os.urandom(16)
    list(call(channel, one, nonce=nonce))
    denied = grpc.StatusCode.PERMISSION_DENIED
    assert refusal(channel, one, nonce=nonce) == (denied, "REPLAYED")
    assert refusal(channel, one) == (denied, "REPLAYED")
    assert refusal(channel, signed(grant()), nonce=nonce) == (denied, "REPLAYED")
    assert refusal(channel, signed(grant()), nonce=b"short") == (denied, "MALFORMED")


def _clear(*names: str) -> tuple[GrantColumn, ...]:
    return tuple(GrantColumn(name=name, action=ColumnAction.CLEAR) for name in names)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"audience": "housing"}, "AUDIENCE"),
        ({"issued_at": NOW - 100, "expires_at": NOW}, "EXPIRED"),
        ({"issued_at": NOW + 31, "expires_at": NOW + 60}, "NOT_YET_VALID"),
        ({"issued_at": NOW - 1, "expires_at": NOW + 600}, "LIFETIME"),
        ({"dataset": "testing.other"}, "DATASET_UNKNOWN"),
        ({"columns": _clear("nothing")}, "COLUMN_UNKNOWN"),
        ({"columns": (GrantColumn(name="id", action=ColumnAction.PARTIAL, mask=Mask.NAME),)}, "TREATMENT"),
        ({"columns": (GrantColumn(name="small", action=ColumnAction.GENERALISE, mask=Mask.BUCKET),)}, "TREATMENT"),
        ({"columns": _clear("large")}, "CEILING"),
        ({"columns": _clear("label")}, "CEILING"),
        ({"columns": (GrantColumn(name="middle", action=ColumnAction.NULL),)}, "CEILING"),
        ({"lookup": LookupKeys(column="middle", values=(1,))}, "CEILING"),
        ({"pushed_filter": Predicate(op=PredicateOp.EQ, column="large", values=(1,))}, "CEILING"),
        ({"row_filter": Predicate(op=PredicateOp.EQ, column="nothing", values=(1,))}, "PREDICATE"),
        ({"row_filter": Predicate(op=PredicateOp.EQ, column="small", values=(99_999,))}, "PREDICATE"),
        ({"lookup": LookupKeys(column="id", values=("x",))}, "PREDICATE"),
        (
            {
                "columns": (GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.NAME),),
                "pushed_filter": Predicate(op=PredicateOp.EQ, column="label", values=("王小明",)),
            },
            "PREDICATE",
        ),
    ],
)
def test_a_grant_that_asks_for_too_much_is_refused(channel: grpc.Channel, changes: dict[str, Any], code: str) -> None:
    """Each reason has its own code, and the status text holds nothing else."""
    assert refusal(channel, signed(grant(**changes))) == (grpc.StatusCode.PERMISSION_DENIED, code)


def test_a_tampered_or_foreign_grant_is_refused(channel: grpc.Channel) -> None:
    """A changed payload, another signer and an unknown key are told apart."""
    denied, good = grpc.StatusCode.PERMISSION_DENIED, signed(grant())
    wider = connector_pb2.ScanGrant.FromString(good.payload)
    wider.row_filter.values[0].text = "31"
    changed = connector_pb2.SignedScanGrant(payload=wider.SerializeToString(), signature=good.signature, key_id="k1")
    assert refusal(channel, changed) == (denied, "SIGNATURE")
    foreign = sign_grant(grant(), key=Ed25519PrivateKey.generate(), key_id="k1")
    assert refusal(channel, foreign) == (denied, "SIGNATURE")
    assert refusal(channel, sign_grant(grant(), key=KEY, key_id="k2")) == (denied, "KEY_UNKNOWN")


def test_a_refusal_does_not_use_up_the_nonce(channel: grpc.Channel) -> None:
    """Nobody without the gateway's key can burn a nonce."""
    nonce = os.urandom(16)
    refusal(channel, sign_grant(grant(), key=Ed25519PrivateKey.generate(), key_id="k1"), nonce=nonce)
    assert len(list(call(channel, signed(grant()), nonce=nonce))) >= 1


def test_describe_names_department_and_schemas(channel: grpc.Channel) -> None:
    """The gateway learns exactly the catalogue's schema."""
    stub = connector_pb2_grpc.ConnectorServiceStub(channel)
    response = stub.Describe(connector_pb2.DescribeRequest(), timeout=100)
    assert response.department == "testing"
    assert [pa.ipc.read_schema(pa.py_buffer(one.arrow_schema)) for one in response.datasets] == [DATASET.schema]
    stub.Check(connector_pb2.CheckRequest(), timeout=100)


def test_a_dataset_without_its_table_is_listed_without_a_schema(tmp_path: Path) -> None:
    """The gateway learns that it is served, and that nothing can be read of it."""
    source = open_source(SqliteSettings(kind="sqlite", path=tmp_path / "x.db"), tables=mapped(DATASET, table="t"))
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as database:
        database.execute("CREATE TABLE other (n INT)")
    with serving(source, DATASET) as address, grpc.insecure_channel(address) as channel:
        described = connector_pb2_grpc.ConnectorServiceStub(channel).Describe(
            connector_pb2.DescribeRequest(), timeout=100
        )
    assert [(one.name, one.arrow_schema) for one in described.datasets] == [(DATASET.name, b"")]


def test_health_answers(channel: grpc.Channel) -> None:
    """The standard health service says SERVING for the connector."""
    request = health_pb2.HealthCheckRequest(service="sharing.connector.v1.ConnectorService")
    assert (
        health_pb2_grpc.HealthStub(channel).Check(request, timeout=100).status == health_pb2.HealthCheckResponse.SERVING
    )


def test_an_unreachable_database_is_a_code_without_driver_text() -> None:
    """Host names, ports and passwords of the database stay inside."""
    settings = PostgresqlSettings(kind="postgresql", uri="postgresql://someone:secret@127.0.0.1:1/x?connect_timeout=2")
    source = open_source(settings, tables=mapped(DATASET, table="t"))
    with serving(source, DATASET) as address, grpc.insecure_channel(address) as channel:
        assert refusal(channel, signed(grant())) == (grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE")
        with pytest.raises(grpc.RpcError) as caught:
            connector_pb2_grpc.ConnectorServiceStub(channel).Check(connector_pb2.CheckRequest(), timeout=100)
        assert caught.value.details() == "SOURCE_UNAVAILABLE"


class BrokenSource:
    """A source with a bug: its errors hold values."""

    def describe(self) -> Mapping[str, pa.Schema]:
        raise RuntimeError("王小明 11010519491231002X")

    def scan(self, request: SourceScan) -> BatchStream:
        raise RuntimeError("王小明 11010519491231002X")

    def close(self) -> None:
        pass


def test_an_unforeseen_error_leaves_no_text() -> None:
    """Whatever breaks, the caller sees INTERNAL."""
    internal = (grpc.StatusCode.INTERNAL, "INTERNAL")
    with serving(BrokenSource(), DATASET) as address, grpc.insecure_channel(address) as channel:
        assert refusal(channel, signed(grant())) == internal
        stub = connector_pb2_grpc.ConnectorServiceStub(channel)
        for method, request in (
            (stub.Describe, connector_pb2.DescribeRequest()),
            (stub.Check, connector_pb2.CheckRequest()),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                method(request, timeout=100)
            assert (caught.value.code(), caught.value.details()) == internal


def test_the_departments_log_names_grants_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    """Each scan leaves when it started and how it ended, with the grant's id and without values."""
    entries: list[dict[str, Any]] = []
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[lambda _, __, entry: entries.append(entry) or entry]
    )
    with serving(BrokenSource(), DATASET, log=log) as address, grpc.insecure_channel(address) as channel:
        refusal(channel, signed(grant(grant_id="the-grant")))
    assert [(entry["event"], entry["grant_id"]) for entry in entries] == [
        ("scan started", "the-grant"),
        ("scan ended", "the-grant"),
        ("call refused or failed", "the-grant"),
    ]
    assert (entries[1]["rows"], entries[1]["complete"]) == (0, False)
    assert "王小明" not in str(entries) + "".join(capsys.readouterr())


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
    columns = (*_clear("id"), GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.NAME))
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
    one = grant(dataset="testing.big", columns=_clear("id", "division", "label"))
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
    columns = (*_clear("id"), GrantColumn(name="label", action=ColumnAction.PARTIAL, mask=Mask.RESIDENT_ID))
    options = [("grpc.max_receive_message_length", 3 << 20)]
    with serving(source, small) as address, grpc.insecure_channel(address, options=options) as channel:
        streams = [call(channel, signed(grant(columns=columns))) for _ in range(16)]
        for stream in streams:
            assert next(iter(stream)).WhichOneof("payload") == "record_batch"
        assert refusal(channel, signed(grant())) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY")
        test_health_answers(channel)
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


def test_an_oversized_grant_is_turned_away(channel: grpc.Channel) -> None:
    """Messages over the cap are not read."""
    request = connector_pb2.ScanRequest(grant=connector_pb2.SignedScanGrant(payload=bytes(6 << 20)), nonce=bytes(16))
    with pytest.raises(grpc.RpcError) as caught:
        list(connector_pb2_grpc.ConnectorServiceStub(channel).Scan(request, timeout=100))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
