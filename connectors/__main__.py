"""The `connector` command, which a department runs."""

from __future__ import annotations

import importlib.metadata
import random
import signal
import sys
import threading
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Annotated

import grpc
import structlog
import typer

from connectors.sdk.register import Registrar
from connectors.sdk.tlog.witness import witness_key
from connectors.sdk.witness_server import witness_name
from connectors.serving import fail, gateway_registry, read, serving
from sharing_stubs.sharing.registry.v1 import registry_pb2

_LOG_PROCESSORS = (
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.JSONRenderer(ensure_ascii=False),
)


class _NotWanted(MetaPathFinder):
    """Hides packages that drivers load where they happen to be installed: seconds and memory that no connector needs."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Refuse them."""
        if name in ("pandas", "polars"):
            raise ModuleNotFoundError(name)


app = typer.Typer(no_args_is_help=True, add_completion=False, help="部门数据连接器。A department's data connector.")
ConfigPath = Annotated[Path, typer.Argument(help="连接器配置文件（YAML）。The connector's configuration (YAML).")]


@app.command()
def serve(config: ConfigPath) -> None:
    """提供数据服务，直到收到停止信号。Serve until stopped."""
    sys.meta_path.insert(0, _NotWanted())
    settings, datasets = read(config)
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=_LOG_PROCESSORS)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with serving(settings, datasets, log=log) as (address, instance):
        registrar = None
        if settings.registration is not None:
            registry = gateway_registry(settings, settings.registration, address=address, instance=instance)
            registrar = Registrar(registry, jitter=random.random, log=log)
            registrar.start()
        sys.stdout.write(f"READY {address}\n")
        sys.stdout.flush()
        stopped.wait()
        if registrar is not None:
            registrar.stop()


@app.command()
def check(
    config: ConfigPath,
    report: Annotated[
        Path | None, typer.Option(help="写入报告：.md 或 .json 文件。Write the report to this .md or .json file.")
    ] = None,
) -> None:
    """逐条检查连接器是否符合协议；任何语言的实现都可以。Check a connector, in any language, against the protocol."""
    if report is not None and report.suffix not in {".md", ".json"}:
        fail("报告应为 .md 或 .json 文件", "the report is an .md or .json file")
    importlib.import_module("connectors.checking").check(config, report=report)


@app.command(name="register")
def register_once(config: ConfigPath) -> None:
    """启动连接器，向网关登记一次，显示答复后退出。Start, register with the gateway once, print its answer and end."""
    settings, datasets = read(config)
    if settings.registration is None:
        fail("配置中没有 registration", "the configuration has no registration")
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=_LOG_PROCESSORS)
    with serving(settings, datasets, log=log) as (address, instance):
        registry = gateway_registry(settings, settings.registration, address=address, instance=instance)
        try:
            registration = registry.register().registration
        except grpc.RpcError as error:
            answer = f"{error.code().name} {error.details()}" if isinstance(error, grpc.Call) else type(error).__name__
            fail(f"网关未接受登记：{answer}", f"the gateway did not accept: {answer}")
        except OSError as error:
            fail(f"无法读取令牌或证书：{error}", f"cannot read the token or certificate: {error}")
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
    department: Annotated[str, typer.Option(help="提供部门编号。Its controller's id.")],
    output: Annotated[Path, typer.Option(help="写入的文件夹。Folder to write to.")] = Path(),
) -> None:
    """由真实的表起草目录条目和连接器配置。Draft a catalogue entry and a configuration from a real table."""
    importlib.import_module("connectors.drafting").write(
        source, table=table, dataset=dataset, department=department, output=output
    )


@app.command(name="witness-key")
def print_witness_key(config: ConfigPath) -> None:
    """显示见证公钥，填入网关的 audit_witnesses。Print the witness's verification key, for the gateway's audit_witnesses."""
    settings, _ = read(config)
    if settings.witness is None:
        fail("配置中没有 witness", "the configuration has no witness")
    try:
        key = witness_key(settings.witness.directory, name=witness_name(settings.department))
    except (OSError, ValueError) as error:
        fail(f"无法使用见证目录 {settings.witness.directory}", f"cannot use the witness's directory: {error}")
    typer.echo(key.to_text())


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
