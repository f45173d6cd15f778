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
from connectors.sdk.source import MappedColumn, MappedTable
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
    folder, certificates = city.data / "housing", city.data / "pki"
    folder.mkdir()
    dataset = load_catalogue().datasets[DATASET]
    file = folder / "dwelling.parquet"
    pq.write_table(pa.Table.from_pylist([DWELLING | one for one in dwellings], schema=dataset.schema), file)
    os.utime(file, times=(clock_seconds(), clock_seconds()))
    table = MappedTable(
        dataset=DATASET,
        table="dwelling",
        columns=tuple(MappedColumn(field=field, own_name=field.name) for field in dataset.schema),
    )
    log = GrantLog.open(
        folder / "log",
        signing_key=signing_key(folder / "log.pem"),
        department=DEPARTMENT,
        clock_micros=lambda: int(clock_seconds() * 1e6),
        new_entry_id=lambda: str(uuid.uuid4()),
    )
    connector = Connector(
        department=DEPARTMENT,
        datasets={DATASET: dataset},
        ceilings={},
        source=ParquetSource(ParquetSettings(kind="parquet", path=folder), tables={DATASET: table}),
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
