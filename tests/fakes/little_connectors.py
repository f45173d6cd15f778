"""Small departments in this process: real connectors over Parquet files, for a lone gateway."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.dataset import Dataset
from catalog.load import load_catalogue
from connectors.sdk.config import ParquetSettings, RegistrationSettings
from connectors.sdk.grant import load_keys
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.instance import RunningInstance
from connectors.sdk.register import Announcement, GatewayRegistry
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.source import MappedColumn, MappedTable
from connectors.sdk.tls import CertificateFiles
from connectors.sources.parquet import ParquetSource
from tests.cities import City

HEALTH_CODE, VACCINATION = "health.health_code", "health.vaccination"


@dataclass(frozen=True, slots=True, kw_only=True)
class LittleConnector:
    """A connector that serves, and its side of the registration."""

    endpoint: str
    instance: RunningInstance
    registry: GatewayRegistry
    """As the connector itself uses it."""
    folder: Path
    """Of its Parquet files."""

    def rewrite(self, dataset: Dataset, *, without: str = "") -> None:
        """Write a table again, perhaps without a column."""
        _write(self.folder, dataset, rows=3, without=without)

    def drop(self, dataset: str) -> None:
        """Remove a table."""
        (self.folder / f"{dataset}.parquet").unlink()


def _write(folder: Path, dataset: Dataset, *, rows: int, without: str = "") -> None:
    columns = {
        field.name: pa.array([_value(field, row) for row in range(rows)], type=field.type)
        for field in dataset.schema
        if field.name != without
    }
    pq.write_table(pa.table(columns), folder / f"{dataset.name}.parquet")


def _value(field: pa.Field, row: int) -> str | int | bool:
    if pa.types.is_string(field.type):
        return f"{field.name}-{row}"
    return False if pa.types.is_boolean(field.type) else row


@contextmanager
def little_connector(
    city: City,
    folder: Path,
    *,
    department: str = "health",
    connector: str = "main",
    datasets: tuple[str, ...] = (HEALTH_CODE, VACCINATION),
    called: Mapping[str, str] | None = None,
    certificate: Path | None = None,
    rows: int = 3,
    listen: str = "127.0.0.1:0",
    instance_id: str = "",
    servicer: type[ConnectorServicer] = ConnectorServicer,
) -> Iterator[LittleConnector]:
    """Serve made-up tables within the block.

    Args:
        city: Whose gateway it registers with.
        folder: Its own, empty.
        department: Whose token it holds.
        connector: Its name within the department.
        datasets: Served, from the catalogue of any department.
        called: How it calls them instead, by catalogue name.
        certificate: Of its server, without suffix; the department's when None.
        rows: Of each table.
        listen: Its address.
        instance_id: Its id when it is not to be a new one.
        servicer: What answers.
    """
    names = {name: (called or {}).get(name, name) for name in datasets}
    catalogue = load_catalogue().datasets
    folder.mkdir(parents=True, exist_ok=True)
    for name in datasets:
        _write(folder, catalogue[name], rows=rows)
    log = GrantLog.open(
        folder / "log",
        signing_key=Ed25519PrivateKey.generate(),
        department=department,
        clock_micros=lambda: time.time_ns() // 1000,
        new_entry_id=lambda: str(uuid.uuid4()),
    )
    served = Connector(
        department=department,
        datasets={names[name]: catalogue[name] for name in datasets},
        ceilings={},
        source=ParquetSource(
            ParquetSettings(kind="parquet", path=folder),
            tables={names[name]: replace(_mapped(catalogue[name]), dataset=names[name]) for name in datasets},
        ),
        grant_keys=load_keys(city.data / "keys" / "grant-keys.json"),
        grant_log=log,
    )
    instance = RunningInstance(instance_id or str(uuid.uuid4()))
    shown = certificate or city.data / "pki" / department
    files = CertificateFiles(
        certificate=shown.with_suffix(".pem"), private_key=shown.with_suffix(".key"), ca=city.data / "pki" / "ca.pem"
    )
    answering = servicer(served, clock=time.time, log=structlog.get_logger(), instance=instance)
    server, port = start_server(answering, listen=listen, tls=files)
    endpoint = f"127.0.0.1:{port}"
    try:
        registry = registry_of(city, department, instance=instance, connector=connector, endpoint=endpoint)
        yield LittleConnector(endpoint=endpoint, instance=instance, registry=registry, folder=folder)
    finally:
        server.stop(0).wait()
        log.close()


def registry_of(
    city: City, department: str, *, instance: RunningInstance, endpoint: str, connector: str = "main"
) -> GatewayRegistry:
    """The gateway's registry as somebody uses it who holds the department's token."""
    settings = RegistrationSettings(
        endpoint=city.profile("administrator").endpoint.removeprefix("grpc://"),
        token_file=city.data / "tokens" / f"connector-{department}.jwt",
        plaintext=True,
    )
    announcement = Announcement(connector=connector, endpoint=endpoint, software="little 1")
    return GatewayRegistry(
        settings, instance=instance, announcement=announcement, new_nonce=lambda: secrets.token_bytes(16)
    )


def _mapped(dataset: Dataset) -> MappedTable:
    columns = tuple(MappedColumn(field=field, own_name=field.name) for field in dataset.schema)
    return MappedTable(dataset=dataset.name, table=dataset.name, columns=columns)
