"""The whole connector over loopback gRPC: a signed grant in, treated batches out."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.config import ParquetSettings, PostgresqlSettings, SqliteSettings
from connectors.sdk.grant import GrantColumn, LookupKeys, sign_grant
from connectors.sdk.predicates import Predicate, PredicateOp, evaluate
from connectors.sdk.source import Source
from connectors.sources.opening import open_source
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.unit.connectors.conftest import DATASET, ROWS, mapped
from tests.unit.connectors.sdk.serving import (
    KEY,
    NOW,
    SEES_ALL,
    STREET,
    BrokenSource,
    call,
    clear,
    grant,
    is_serving,
    received,
    refusal,
    serving,
    signed,
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("things")
    pq.write_table(pa.Table.from_batches([ROWS]), folder / "t.parquet")
    return open_source(ParquetSettings(kind="parquet", path=folder), tables=mapped(DATASET, table="t"))


@pytest.fixture(scope="module")
def channel(source: Source) -> Iterator[grpc.Channel]:
    with serving(source, DATASET) as address, grpc.insecure_channel(address) as opened:
        yield opened


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


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"audience": "housing"}, "AUDIENCE"),
        ({"issued_at": NOW - 100, "expires_at": NOW}, "EXPIRED"),
        ({"issued_at": NOW + 31, "expires_at": NOW + 60}, "NOT_YET_VALID"),
        ({"issued_at": NOW - 1, "expires_at": NOW + 600}, "LIFETIME"),
        ({"dataset": "testing.other"}, "DATASET_UNKNOWN"),
        ({"columns": clear("nothing")}, "COLUMN_UNKNOWN"),
        ({"columns": (GrantColumn(name="id", action=ColumnAction.PARTIAL, mask=Mask.NAME),)}, "TREATMENT"),
        ({"columns": (GrantColumn(name="small", action=ColumnAction.GENERALISE, mask=Mask.BUCKET),)}, "TREATMENT"),
        ({"columns": clear("large")}, "CEILING"),
        ({"columns": clear("label")}, "CEILING"),
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
    assert is_serving(channel)


def test_an_unreachable_database_is_a_code_without_driver_text() -> None:
    """Host names, ports and passwords of the database stay inside."""
    settings = PostgresqlSettings(kind="postgresql", uri="postgresql://someone:secret@127.0.0.1:1/x?connect_timeout=2")
    source = open_source(settings, tables=mapped(DATASET, table="t"))
    with serving(source, DATASET) as address, grpc.insecure_channel(address) as channel:
        assert refusal(channel, signed(grant())) == (grpc.StatusCode.UNAVAILABLE, "SOURCE_UNAVAILABLE")
        with pytest.raises(grpc.RpcError) as caught:
            connector_pb2_grpc.ConnectorServiceStub(channel).Check(connector_pb2.CheckRequest(), timeout=100)
        assert caught.value.details() == "SOURCE_UNAVAILABLE"


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


def test_an_oversized_grant_is_turned_away(channel: grpc.Channel) -> None:
    """Messages over the cap are not read."""
    request = connector_pb2.ScanRequest(grant=connector_pb2.SignedScanGrant(payload=bytes(6 << 20)), nonce=bytes(16))
    with pytest.raises(grpc.RpcError) as caught:
        list(connector_pb2_grpc.ConnectorServiceStub(channel).Scan(request, timeout=100))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
