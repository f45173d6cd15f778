"""The housing department's connector in this process, with a few dwellings."""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from catalog.load import load_catalogue
from connectors.sdk.config import ParquetSettings, RegistrationSettings
from connectors.sdk.grant import load_keys
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.identity import department_host
from connectors.sdk.instance import RunningInstance
from connectors.sdk.register import Announcement, GatewayRegistry
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.signing_key import signing_key
from connectors.sdk.source import MappedColumn, MappedTable, Source
from connectors.sdk.tls import CertificateFiles
from connectors.sources.parquet import ParquetSource
from gateway.wiring import Gateway
from tests.cities import City

DATASET, DEPARTMENT = "housing.dwelling", "housing"
DWELLING = {
    "division_code": "310101002001",
    "address": "南京东路一百弄",
    "building_kind": "residential",
    "structure": "brick",
    "floors_total": 5,
    "floor": 2,
    "floor_area": 61.5,
    "built_year": 1936,
    "has_elevator": False,
    "occupancy": "owner",
}


@contextmanager
def housing_connector(
    city: City, gateway: Gateway, *, dwellings: Sequence[Mapping[str, object]], clock_seconds: Callable[[], float]
) -> Iterator[Callable[[], None]]:
    """Serve some dwellings, each like `DWELLING` where it says nothing else; yields what registers the connector."""
    folder = city.data / "housing"
    folder.mkdir()
    table = dwelling_table()
    schema = pa.schema([column.field for column in table.columns])
    file = folder / "dwelling.parquet"
    pq.write_table(pa.Table.from_pylist([DWELLING | one for one in dwellings], schema=schema), file)
    os.utime(file, times=(clock_seconds(), clock_seconds()))
    source = ParquetSource(ParquetSettings(kind="parquet", path=folder), tables={DATASET: table})
    with connector_over(source, city=city, gateway=gateway, clock_seconds=clock_seconds) as register:
        yield register


def dwelling_table() -> MappedTable:
    """Return a table `dwelling` whose columns have the catalogue's names."""
    schema = load_catalogue().datasets[DATASET].schema
    columns = tuple(MappedColumn(field=field, own_name=field.name) for field in schema)
    return MappedTable(dataset=DATASET, table="dwelling", columns=columns)


@contextmanager
def connector_over(
    source: Source, *, city: City, gateway: Gateway, clock_seconds: Callable[[], float]
) -> Iterator[Callable[[], None]]:
    """Serve the dwellings of any source; yields what registers the connector."""
    folder, certificates = city.data / "housing", city.data / "pki"
    folder.mkdir(exist_ok=True)
    log = GrantLog.open(
        folder / "log",
        signing_key=signing_key(folder / "log.pem"),
        department=DEPARTMENT,
        clock_micros=lambda: int(clock_seconds() * 1e6),
        new_entry_id=lambda: str(uuid.uuid4()),
    )
    connector = Connector(
        department=DEPARTMENT,
        datasets={DATASET: load_catalogue().datasets[DATASET]},
        ceilings={},
        source=source,
        grant_keys=load_keys(city.data / "keys" / "grant-keys.json"),
        grant_log=log,
    )
    instance = RunningInstance(str(uuid.uuid4()))
    tls = CertificateFiles(
        certificate=certificates / f"{DEPARTMENT}.pem",
        private_key=certificates / f"{DEPARTMENT}.key",
        ca=certificates / "ca.pem",
        host=department_host(DEPARTMENT),
    )
    servicer = ConnectorServicer(
        connector, clock=clock_seconds, log=structlog.wrap_logger(structlog.ReturnLogger()), instance=instance
    )
    server, port = start_server(servicer, listen="127.0.0.1:0", tls=tls)
    registration = RegistrationSettings(
        endpoint=f"127.0.0.1:{gateway.port}",
        token_file=city.data / "tokens" / f"connector-{DEPARTMENT}.jwt",
        plaintext=True,
    )
    registry = GatewayRegistry(
        registration,
        instance=instance,
        announcement=Announcement(connector="main", endpoint=f"127.0.0.1:{port}", software="test"),
        new_nonce=lambda: secrets.token_bytes(16),
    )
    try:
        yield lambda: registry.register() and None
    finally:
        server.stop(0).wait()
        log.close()
