"""A department's dataset that leaves no clause open, the real connector over it, and the kit."""

from __future__ import annotations

import contextlib
import datetime
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stdnum.cn import ric

from catalog.dataset import Code, Column, Dataset, Text
from catalog.vocabulary import ColumnAction, ColumnType, IdentifierKind
from connectors.conformance.kit import check_connector
from connectors.conformance.report import Report
from connectors.conformance.target import CHANNEL_OPTIONS, KEY_ID, Target
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.instance import RunningInstance
from connectors.sdk.predicates import Predicate
from connectors.sdk.server import Connector, ConnectorServicer
from connectors.sdk.source import Source
from connectors.sources.own import OwnTable, PythonSource
from sharing_stubs.sharing.connector.v1 import connector_pb2_grpc
from tests.unit.connectors.conftest import make_dataset, mapped

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

Wrap = Callable[[ConnectorServicer], connector_pb2_grpc.ConnectorServiceServicer]


def column(name: str, kind: ColumnType = ColumnType.STRING, **more: Any) -> Column:
    """Return a column of the catalogue."""
    title = Text(zh=name, en=name)
    return Column(name=name, type=kind, title=title, grade="general-1", category="administrative", **more)


CODES = tuple(Code(code=code, title=Text(zh=code, en=code)) for code in ("01", "02"))
PERSON = make_dataset(
    column("id", nullable=False, identifier=IdentifierKind.RESIDENT_ID),
    column("division", nullable=False, identifier=IdentifierKind.DIVISION_CODE),
    column("name"),
    column("kind", codes=CODES),
    column("members", ColumnType.INT32, buckets=(0, 3, 6)),
    column("note", nullable=False),
    name="testing.person",
)


def person(number: int, *, note_words: int) -> dict[str, Any]:
    """Return one row; every seventh lacks what may be missing."""
    born = datetime.date(1940, 1, 1) + datetime.timedelta(days=17 * number)
    start = f"310101{born:%Y%m%d}{number % 1000:03}"
    return {
        "id": start + ric.calc_check_digit(start + "0"),
        "division": f"3101010{number % 3:02}00{number % 4}",
        "note": f"{number:04}" * note_words,
    } | (
        {}
        if number % 7 == 0
        else {
            "name": ("王小明", "欧阳修", "Ann")[number % 3],
            "kind": ("01", "02")[number % 2],
            "members": number % 9,
        }
    )


def people(rows: int, *, note_words: int = 1) -> pa.Table:
    """Return so many rows, each with a note of four times as many bytes."""
    return pa.Table.from_pylist([person(number, note_words=note_words) for number in range(rows)], schema=PERSON.schema)


PEOPLE = people(120)
LONG = people(2_000, note_words=300)
"""Some 2 MiB."""


class InMemory:
    """A source of one table."""

    def __init__(self, rows: pa.Table) -> None:
        self._rows = rows

    def describe(self) -> dict[str, OwnTable]:
        return {"person": OwnTable(schema=self._rows.schema)}

    def scan(self, table: str, *, columns: tuple[str, ...], predicate: Predicate) -> Iterator[pa.RecordBatch]:
        return iter(self._rows.to_batches(max_chunksize=500))


def in_memory(rows: pa.Table = PEOPLE) -> Source:
    """Return a source of people."""
    return PythonSource(InMemory(rows), tables=mapped(PERSON, table="person"))


@contextlib.contextmanager
def servicer(
    folder: Path,
    *,
    source: Source,
    dataset: Dataset = PERSON,
    ceiling: Mapping[str, ColumnAction] | None = None,
    key: Ed25519PrivateKey = KEY,
) -> Iterator[ConnectorServicer]:
    """The real connector over a source of one dataset."""
    grant_log = GrantLog.open(
        folder / "log",
        signing_key=KEY,
        department="testing",
        clock_micros=lambda: time.time_ns() // 1000,
        new_entry_id=lambda: os.urandom(8).hex(),
    )
    connector = Connector(
        department="testing",
        datasets={dataset.name: dataset},
        ceilings={dataset.name: ceiling or {}},
        source=source,
        grant_keys={KEY_ID: key.public_key()},
        grant_log=grant_log,
    )
    log = structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield ConnectorServicer(connector, clock=time.time, log=log, instance=RunningInstance("one"))
    finally:
        grant_log.close()


@contextlib.contextmanager
def serving(
    implementation: connector_pb2_grpc.ConnectorServiceServicer, *, credentials: grpc.ServerCredentials | None = None
) -> Iterator[str]:
    """Serve any implementation on loopback and give host:port; in plaintext without credentials."""
    options = [("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(ThreadPoolExecutor(24), options=options)
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(implementation, server)
    address = "127.0.0.1:0"
    port = server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@contextlib.contextmanager
def calling(endpoint: str, *, seconds_max: float = 20) -> Iterator[Target]:
    """Call as the kit does."""
    with grpc.insecure_channel(endpoint, options=CHANNEL_OPTIONS) as channel:
        yield Target(
            channel=channel,
            department="testing",
            key=KEY,
            clock=time.time,
            new_bytes=os.urandom,
            seconds_max=seconds_max,
            started_at=int(time.time()),
        )


def check(endpoint: str, *, dataset: Dataset = PERSON, pid: int | None = None, seconds_max: float = 20) -> Report:
    """Run the kit."""
    with calling(endpoint, seconds_max=seconds_max) as target:
        return check_connector(target, endpoint=endpoint, catalogue={dataset.name: dataset}, pid=pid)
