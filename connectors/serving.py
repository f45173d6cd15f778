"""A connector as its configuration says, for the commands."""

from __future__ import annotations

import importlib.metadata
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import structlog
import typer

from catalog.dataset import Dataset
from catalog.load import CatalogueInvalid, load_catalogue
from connectors.sdk.config import (
    ConfigInvalid,
    ConnectorSettings,
    RegistrationSettings,
    TlsSettings,
    WitnessSettings,
    check_config,
    read_config,
)
from connectors.sdk.grant import load_keys
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.identity import department_host
from connectors.sdk.instance import RunningInstance
from connectors.sdk.register import Announcement, GatewayRegistry
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.signing_key import signing_key
from connectors.sdk.source import Source
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.tlog.pending import LogUnavailable
from connectors.sdk.tlog.witness import Witness
from connectors.sdk.tls import CertificateFiles
from connectors.sdk.witness_server import WitnessServicer, witness_name
from connectors.sources.opening import open_source

_STOP_SECONDS = 3


@contextmanager
def serving(
    settings: ConnectorSettings, datasets: Mapping[str, Dataset], *, log: structlog.typing.FilteringBoundLogger
) -> Iterator[tuple[str, RunningInstance]]:
    """Serve within the block; yields the address and the running instance."""
    connector = _connector(settings, datasets, grant_log=_grant_log(settings))
    witness = None if settings.witness is None else _witness(settings.witness, department=settings.department)
    instance = RunningInstance(str(uuid.uuid4()))
    try:
        server, port = start_server(
            ConnectorServicer(connector, clock=time.time, log=log, instance=instance),
            listen=settings.listen,
            tls=None if settings.tls is None else _certificates(settings.tls, department=settings.department),
            witness=None if witness is None else WitnessServicer(witness, log=log),
        )
    except OSError as error:
        fail(f"无法监听 {settings.listen}", f"cannot listen: {error}")
    try:
        yield f"{settings.listen.rpartition(':')[0]}:{port}", instance
    finally:
        server.stop(_STOP_SECONDS).wait()
        connector.source.close()
        connector.grant_log.close()
        if witness is not None:
            witness.close()


def gateway_registry(
    settings: ConnectorSettings, registration: RegistrationSettings, *, address: str, instance: RunningInstance
) -> GatewayRegistry:
    """Return the gateway as a connector at this address meets it."""
    announcement = Announcement(
        connector=settings.connector,
        endpoint=settings.advertise or address,
        software=f"sharing-gateway {importlib.metadata.version('sharing-gateway')}",
    )
    return GatewayRegistry(
        registration, instance=instance, announcement=announcement, new_nonce=lambda: secrets.token_bytes(16)
    )


def _witness(settings: WitnessSettings, *, department: str) -> Witness:
    try:
        return Witness(
            settings.directory,
            name=witness_name(department),
            log_keys=[VerificationKey.from_text(text) for text in settings.logs],
            clock_seconds=time.time,
            files=OsFiles(),
        )
    except (OSError, ValueError) as error:
        fail(f"无法使用见证目录 {settings.directory}", f"cannot use the witness's directory: {error}")


def _certificates(settings: TlsSettings, *, department: str) -> CertificateFiles:
    try:
        return CertificateFiles(**dict(settings), host=department_host(department))
    except (OSError, ValueError) as error:
        fail("无法使用证书", f"cannot use the certificates: {error}")


def _grant_log(settings: ConnectorSettings) -> GrantLog:
    try:
        return GrantLog.open(
            settings.log.directory,
            signing_key=signing_key(settings.log.key),
            department=settings.department,
            clock_micros=lambda: time.time_ns() // 1000,
            new_entry_id=lambda: str(uuid.uuid4()),
        )
    except (OSError, ValueError, LogUnavailable) as error:
        fail(
            f"无法打开授权日志 {settings.log.directory}：请保留原目录作为证据，换回完好的副本",
            f"cannot open the log of grants: {error}; keep the folder as evidence and put an intact copy in its place",
        )


def _source(settings: ConnectorSettings, datasets: Mapping[str, Dataset]) -> Source:
    try:
        return open_source(settings.source, tables=settings.tables(datasets))
    except ValueError as error:
        fail("无法加载数据源", f"the source cannot be loaded: {error}")


def _connector(settings: ConnectorSettings, datasets: Mapping[str, Dataset], *, grant_log: GrantLog) -> Connector:
    try:
        grant_keys = load_keys(settings.grant_keys)
    except (OSError, ValueError) as error:
        fail(f"无法读取授权公钥 {settings.grant_keys}", f"cannot read the grant keys: {error}")
    return Connector(
        department=settings.department,
        datasets={name: datasets[name] for name in settings.datasets},
        ceilings={name: dataset.ceiling for name, dataset in settings.datasets.items()},
        source=_source(settings, datasets),
        grant_keys=grant_keys,
        grant_log=grant_log,
    )


def read(config: Path) -> tuple[ConnectorSettings, Mapping[str, Dataset]]:
    """Read a configuration and the catalogue it is for; what is wrong ends the command."""
    try:
        settings = read_config(config)
        datasets = load_catalogue(settings.catalogue).datasets
        check_config(settings, datasets=datasets)
        return settings, datasets
    except CatalogueInvalid as invalid:
        fail("目录无法使用", f"the catalogue cannot be used:\n{invalid}\n")
    except ConfigInvalid as invalid:
        fail_with(invalid)


def fail_with(invalid: ConfigInvalid) -> NoReturn:
    """Tell every problem of a configuration and end the command."""
    for problem in invalid.problems:
        typer.echo(f"{problem.place}: {problem.text.zh} {problem.text.en}", err=True)
    raise typer.Exit(2)


def fail(zh: str, en: str) -> NoReturn:
    """Tell what went wrong and end the command."""
    typer.echo(f"{zh}。{en}.", err=True)
    raise typer.Exit(2)
