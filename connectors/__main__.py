"""The `connector` command, which a department runs."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import grpc
import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.dataset import Dataset
from catalog.load import load_catalogue
from connectors.sdk.config import ConfigInvalid, ConnectorSettings, WitnessSettings, read_config
from connectors.sdk.conformance import Finding, check_source
from connectors.sdk.grant import load_keys
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.register import Registrar, register
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.signing_key import signing_key
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.tlog.pending import LogUnavailable
from connectors.sdk.tlog.witness import Witness, witness_key
from connectors.sdk.witness_server import WitnessServicer, witness_name
from connectors.sources.opening import open_source
from sharing_stubs.sharing.registry.v1 import registry_pb2

_STOP_SECONDS = 3
_LOG_PROCESSORS = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.JSONRenderer(ensure_ascii=False),
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="部门数据连接器。A department's data connector.")
ConfigPath = Annotated[Path, typer.Argument(help="连接器配置文件（YAML）。The connector's configuration (YAML).")]


@app.command()
def serve(config: ConfigPath) -> None:
    """提供数据服务，直到收到停止信号。Serve until stopped."""
    settings, datasets = _read(config)
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=_LOG_PROCESSORS)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    connector = _connector(settings, datasets, grant_log=_grant_log(settings))
    witness = None if settings.witness is None else _witness(settings.witness, department=settings.department)
    try:
        server, port = start_server(
            ConnectorServicer(connector, clock=time.time, log=log),
            listen=settings.listen,
            tls=settings.tls,
            witness=None if witness is None else WitnessServicer(witness, log=log),
        )
    except OSError as error:
        _fail(f"无法监听 {settings.listen}", f"cannot listen: {error}")
    address = f"{settings.listen.rpartition(':')[0]}:{port}"
    registrar = None
    if settings.registration is not None:
        endpoint = settings.advertise or address
        registrar = Registrar(settings.registration, endpoint=endpoint, jitter=random.random, log=log)
        registrar.start()
    sys.stdout.write(f"READY {address}\n")
    sys.stdout.flush()
    stopped.wait()
    if registrar is not None:
        registrar.stop()
    server.stop(_STOP_SECONDS).wait()
    connector.source.close()
    connector.grant_log.close()
    if witness is not None:
        witness.close()


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
        _fail(f"无法使用见证目录 {settings.directory}", f"cannot use the witness's directory: {error}")


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
        _fail(
            f"无法打开授权日志 {settings.log.directory}：请保留原目录作为证据，换回完好的副本",
            f"cannot open the log of grants: {error}; keep the folder as evidence and put an intact copy in its place",
        )


def _connector(settings: ConnectorSettings, datasets: Mapping[str, Dataset], *, grant_log: GrantLog) -> Connector:
    try:
        grant_keys = load_keys(settings.grant_keys)
    except (OSError, ValueError) as error:
        _fail(f"无法读取授权公钥 {settings.grant_keys}", f"cannot read the grant keys: {error}")
    return Connector(
        department=settings.department,
        datasets={name: datasets[name] for name in settings.datasets},
        ceilings={name: dataset.ceiling for name, dataset in settings.datasets.items()},
        source=open_source(settings.source, tables=settings.tables(datasets)),
        grant_keys=grant_keys,
        grant_log=grant_log,
    )


@app.command()
def check(config: ConfigPath) -> None:
    """检查数据源与目录是否一致。Check the source against the catalogue."""
    settings, datasets = _read(config)
    tables = settings.tables(datasets)
    source = open_source(settings.source, tables=tables)
    findings = check_source(source, tables=tables, datasets=datasets)
    source.close()
    _print_findings(findings)
    if not all(finding.passed for finding in findings):
        raise typer.Exit(1)


@app.command(name="register")
def register_once(config: ConfigPath) -> None:
    """向网关登记一次并显示答复。Register with the gateway once and print its answer."""
    settings, _ = _read(config)
    if settings.registration is None:
        _fail("配置中没有 registration", "the configuration has no registration")
    endpoint = settings.advertise or settings.listen
    if endpoint.endswith(":0"):
        _fail("请在 advertise 中写明网关访问的端口", "name the port that the gateway reaches in advertise")
    try:
        registration = register(settings.registration, endpoint=endpoint)
    except grpc.RpcError as error:
        answer = f"{error.code().name} {error.details()}" if isinstance(error, grpc.Call) else type(error).__name__
        _fail(f"网关未接受登记：{answer}", f"the gateway did not accept: {answer}")
    except OSError as error:
        _fail(f"无法读取令牌：{error}", f"cannot read the token: {error}")
    state = registry_pb2.RegistrationState.Name(registration.state).removeprefix("REGISTRATION_STATE_").lower()
    typer.echo(f"{registration.department} {registration.endpoint} {state} {' '.join(registration.datasets)}")


@app.command(name="witness-key")
def print_witness_key(config: ConfigPath) -> None:
    """显示见证公钥，填入网关的 audit_witnesses。Print the witness's verification key, for the gateway's audit_witnesses."""
    settings, _ = _read(config)
    if settings.witness is None:
        _fail("配置中没有 witness", "the configuration has no witness")
    try:
        key = witness_key(settings.witness.directory, name=witness_name(settings.department))
    except (OSError, ValueError) as error:
        _fail(f"无法使用见证目录 {settings.witness.directory}", f"cannot use the witness's directory: {error}")
    typer.echo(key.to_text())


def _read(config: Path) -> tuple[ConnectorSettings, Mapping[str, Dataset]]:
    datasets = load_catalogue().datasets
    try:
        return read_config(config, datasets=datasets), datasets
    except ConfigInvalid as invalid:
        for problem in invalid.problems:
            typer.echo(f"{problem.place}: {problem.text.zh} {problem.text.en}", err=True)
        raise typer.Exit(2) from None


def _fail(zh: str, en: str) -> NoReturn:
    typer.echo(f"{zh}。{en}.", err=True)
    raise typer.Exit(2)


def _print_findings(findings: tuple[Finding, ...]) -> None:
    table = Table("数据集 Dataset", "检查 Check", "结果 Result", "说明 Detail")
    for finding in findings:
        result = "[green]通过 pass[/]" if finding.passed else "[red]未通过 fail[/]"
        detail = "" if finding.detail is None else escape(f"{finding.detail.zh} {finding.detail.en}")
        table.add_row(finding.dataset, f"{finding.check.zh} {finding.check.en}", result, detail)
    Console().print(table)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
