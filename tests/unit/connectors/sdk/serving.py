"""A connector over loopback gRPC, and grants for it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction
from connectors.sdk.batches import decode_batch
from connectors.sdk.enforce import MESSAGE_BYTES_MAX
from connectors.sdk.grant import GrantColumn, ScanGrant, granted_schema, sign_grant
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.source import BatchStream, Source, SourceScan
from connectors.sdk.tlog.files import Files
from connectors.sdk.tlog.writer import LogWriter
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.unit.connectors.conftest import DATASET, NAME

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


def clear(*names: str) -> tuple[GrantColumn, ...]:
    return tuple(GrantColumn(name=name, action=ColumnAction.CLEAR) for name in names)


class BrokenSource:
    """A source with a bug: its errors hold values."""

    def describe(self) -> Mapping[str, pa.Schema]:
        raise RuntimeError("王小明 11010519491231002X")

    def scan(self, request: SourceScan) -> BatchStream:
        raise RuntimeError("王小明 11010519491231002X")

    def close(self) -> None:
        pass


def is_serving(channel: grpc.Channel) -> bool:
    request = health_pb2.HealthCheckRequest(service="sharing.connector.v1.ConnectorService")
    answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=100)
    return answer.status == health_pb2.HealthCheckResponse.SERVING
