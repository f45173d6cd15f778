"""The `connector` command, which a department runs."""

from __future__ import annotations

import importlib.metadata
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import grpc
import structlog
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.dataset import Dataset
from catalog.load import CatalogueInvalid, load_catalogue
from connectors.conformance.clauses import CLAUSES
from connectors.conformance.report import OUTCOMES, Outcome, Report, described
from connectors.conformance.running import CheckSettings, check_key, check_running, read_check_settings
from connectors.draft import draft
from connectors.sdk.config import (
    ConfigInvalid,
    ConnectorSettings,
    LogSettings,
    PostgresqlSettings,
    RegistrationSettings,
    TlsSettings,
    WitnessSettings,
    check_config,
    read_config,
    read_source,
)
from connectors.sdk.grant import load_keys
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.identity import department_host
from connectors.sdk.instance import RunningInstance
from connectors.sdk.peer import PeerRefused
from connectors.sdk.register import Announcement, GatewayRegistry, Registrar
from connectors.sdk.server import Connector, ConnectorServicer, start_server
from connectors.sdk.signing_key import signing_key
from connectors.sdk.source import Source, SourceError
from connectors.sdk.tlog.files import OsFiles
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.tlog.pending import LogUnavailable
from connectors.sdk.tlog.witness import Witness, witness_key
from connectors.sdk.tls import CertificateFiles
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
    with _serving(settings, datasets, log=log) as (address, instance):
        registrar = None
        if settings.registration is not None:
            registry = _registry(settings, settings.registration, address=address, instance=instance)
            registrar = Registrar(registry, jitter=random.random, log=log)
            registrar.start()
        sys.stdout.write(f"READY {address}\n")
        sys.stdout.flush()
        stopped.wait()
        if registrar is not None:
            registrar.stop()


@contextmanager
def _serving(
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
        _fail(f"无法监听 {settings.listen}", f"cannot listen: {error}")
    try:
        yield f"{settings.listen.rpartition(':')[0]}:{port}", instance
    finally:
        server.stop(_STOP_SECONDS).wait()
        connector.source.close()
        connector.grant_log.close()
        if witness is not None:
            witness.close()


def _registry(
    settings: ConnectorSettings, registration: RegistrationSettings, *, address: str, instance: RunningInstance
) -> GatewayRegistry:
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
        _fail(f"无法使用见证目录 {settings.directory}", f"cannot use the witness's directory: {error}")


def _certificates(settings: TlsSettings, *, department: str) -> CertificateFiles:
    try:
        return CertificateFiles(**dict(settings), host=department_host(department))
    except (OSError, ValueError) as error:
        _fail("无法使用证书", f"cannot use the certificates: {error}")


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


def _source(settings: ConnectorSettings, datasets: Mapping[str, Dataset]) -> Source:
    try:
        return open_source(settings.source, tables=settings.tables(datasets))
    except ValueError as error:
        _fail("无法加载数据源", f"the source cannot be loaded: {error}")


def _connector(settings: ConnectorSettings, datasets: Mapping[str, Dataset], *, grant_log: GrantLog) -> Connector:
    try:
        grant_keys = load_keys(settings.grant_keys)
    except (OSError, ValueError) as error:
        _fail(f"无法读取授权公钥 {settings.grant_keys}", f"cannot read the grant keys: {error}")
    return Connector(
        department=settings.department,
        datasets={name: datasets[name] for name in settings.datasets},
        ceilings={name: dataset.ceiling for name, dataset in settings.datasets.items()},
        source=_source(settings, datasets),
        grant_keys=grant_keys,
        grant_log=grant_log,
    )


@app.command()
def check(
    config: ConfigPath,
    report: Annotated[
        Path | None, typer.Option(help="写入报告：.md 或 .json 文件。Write the report to this .md or .json file.")
    ] = None,
) -> None:
    """逐条检查连接器是否符合协议；任何语言的实现都可以。Check a connector, in any language, against the protocol."""
    if report is not None and report.suffix not in {".md", ".json"}:
        _fail("报告应为 .md 或 .json 文件", "the report is an .md or .json file")
    try:
        running = read_check_settings(config) if config.exists() else None
        checked = _check_own(config) if running is None else _check_running(running)
        if report is not None:
            report.write_text(checked.to_json() if report.suffix == ".json" else checked.to_markdown(), "utf-8")
    except (OSError, ValueError) as error:
        _fail(f"无法检查：{error}", f"cannot check: {error}")
    _print_report(checked)
    if not checked.passed:
        raise typer.Exit(1)


def _check_running(running: CheckSettings) -> Report:
    try:
        return check_running(running, catalogue=load_catalogue(running.catalogue).datasets)
    except CatalogueInvalid as invalid:
        _fail("目录无法使用", f"the catalogue cannot be used:\n{invalid}\n")
    except PeerRefused as refused:
        _fail(refused.text.zh.rstrip("。"), refused.text.en.rstrip("."))


def _check_own(config: Path) -> Report:
    """Serve on loopback with a key and a log for the occasion, and check that."""
    settings, datasets = _read(config)
    quiet = structlog.wrap_logger(structlog.ReturnLogger())
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "check-key.pem"
        check_key(key)
        changes: dict[str, object] = {
            "listen": "127.0.0.1:0",
            "tls": None,
            "plaintext": True,
            "witness": None,
            "grant_keys": key.with_name(key.name + ".jwks.json"),
            "log": LogSettings(directory=Path(folder) / "log", key=Path(folder) / "log.pem"),
        }
        with _serving(settings.model_copy(update=changes), datasets, log=quiet) as (address, _):
            running = CheckSettings(
                kind="check", endpoint=address, department=settings.department, grant_private_key=key
            )
            return check_running(running, catalogue=datasets)


@app.command(name="register")
def register_once(config: ConfigPath) -> None:
    """启动连接器，向网关登记一次，显示答复后退出。Start, register with the gateway once, print its answer and end."""
    settings, datasets = _read(config)
    if settings.registration is None:
        _fail("配置中没有 registration", "the configuration has no registration")
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=_LOG_PROCESSORS)
    with _serving(settings, datasets, log=log) as (address, instance):
        registry = _registry(settings, settings.registration, address=address, instance=instance)
        try:
            registration = registry.register().registration
        except grpc.RpcError as error:
            answer = f"{error.code().name} {error.details()}" if isinstance(error, grpc.Call) else type(error).__name__
            _fail(f"网关未接受登记：{answer}", f"the gateway did not accept: {answer}")
        except OSError as error:
            _fail(f"无法读取令牌或证书：{error}", f"cannot read the token or certificate: {error}")
    state = registry_pb2.RegistrationState.Name(registration.state).removeprefix("REGISTRATION_STATE_").lower()
    typer.echo(f"{registration.department} {registration.connector} {state} {_names(registration)}")


def _names(registration: registry_pb2.Registration) -> str:
    return " ".join(dataset.name for dataset in registration.datasets)


@app.command(name="draft")
def write_draft(
    source: Annotated[
        str,
        typer.Option(
            help="source 一节内容的 YAML 文件，或 PostgreSQL URI。YAML file with what stands under `source`, or a PostgreSQL URI."
        ),
    ],
    table: Annotated[str, typer.Option(help="本部门的表或视图。Your table or view.")],
    dataset: Annotated[str, typer.Option(help="新数据集的名称。Name of the new dataset: domain.name.")],
    department: Annotated[str, typer.Option(help="主管部门编号。Its controller's id.")],
    output: Annotated[Path, typer.Option(help="写入的文件夹。Folder to write to.")] = Path(),
) -> None:
    """由真实的表起草目录条目和连接器配置。Draft a catalogue entry and a configuration from a real table."""
    entry, config = (output / f"{name}.yaml" for name in (dataset, department))
    if taken := [path for path in (entry, config) if path.exists()]:
        _fail(f"{taken[0]} 已存在，请先移走", f"{taken[0]} exists; move it away first")
    try:
        is_uri = source.startswith(("postgresql://", "postgres://"))
        settings = PostgresqlSettings(kind="postgresql", uri=SecretStr(source)) if is_uri else read_source(Path(source))
        found = draft(settings, table=table, dataset=dataset, department=department)
        output.mkdir(parents=True, exist_ok=True)
        for path, text in ((entry, found.entry), (config, found.config)):
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
            typer.echo(path)
    except ConfigInvalid as invalid:
        _fail_with(invalid)
    except (SourceError, ValueError, OSError) as error:
        detail = f"{error.code} {error.detail}" if isinstance(error, SourceError) else str(error)
        _fail(f"无法读取该表：{detail}", f"the table cannot be read: {detail}")


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
    try:
        settings = read_config(config)
        datasets = load_catalogue(settings.catalogue).datasets
        check_config(settings, datasets=datasets)
        return settings, datasets
    except CatalogueInvalid as invalid:
        _fail("目录无法使用", f"the catalogue cannot be used:\n{invalid}\n")
    except ConfigInvalid as invalid:
        _fail_with(invalid)


def _fail_with(invalid: ConfigInvalid) -> NoReturn:
    for problem in invalid.problems:
        typer.echo(f"{problem.place}: {problem.text.zh} {problem.text.en}", err=True)
    raise typer.Exit(2)


def _fail(zh: str, en: str) -> NoReturn:
    typer.echo(f"{zh}。{en}.", err=True)
    raise typer.Exit(2)


def _print_report(report: Report) -> None:
    table = Table("条款 Clause", "内容 Promise", "结果 Result", "说明 Detail")
    colours = {Outcome.PASSED: "green", Outcome.FAILED: "red"}
    for result in report.results:
        text, outcome = CLAUSES[result.clause].text, OUTCOMES[result.outcome]
        told = f"[{colours.get(result.outcome, 'yellow')}]{outcome.zh} {outcome.en}[/]"
        table.add_row(result.clause, f"{text.zh} {text.en}", told, escape("\n".join(described(result))))
    Console().print(table)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
