"""The commands that talk to a gateway, and `up`, which brings one up."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from catalog.load import CatalogueInvalid
from gateway.doors.cli import (
    access_commands,
    agreement_commands,
    audit_commands,
    catalog_commands,
    consent_commands,
    correction_commands,
    destruction_commands,
    emergency_commands,
    need_commands,
    pki_commands,
    query_commands,
    registry_commands,
    stop_commands,
    token_commands,
)
from gateway.doors.cli.demo import demo
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.processes import ChildFailed
from gateway.doors.cli.show import EXIT_INVALID, EXIT_UNAVAILABLE, Screen


def make_app() -> typer.Typer:
    """Return the command line without `serve`, which needs the server's own parts."""
    app = typer.Typer(
        no_args_is_help=True, pretty_exceptions_enable=False, help="城市数据共享网关 / federated data-sharing gateway"
    )
    app.command("serve")(serve)
    app.command("up")(up)
    app.command("demo")(demo)
    app.command("query")(query_commands.query)
    app.command("explain")(query_commands.explain)
    app.add_typer(catalog_commands.commands, name="catalog")
    app.add_typer(audit_commands.commands, name="audit")
    app.add_typer(registry_commands.commands, name="registry")
    app.add_typer(token_commands.commands, name="token")
    app.add_typer(pki_commands.commands, name="pki")
    app.add_typer(typer.Typer(cls=_PolicyCommands, no_args_is_help=True, help="策略 / the policies"), name="policy")
    app.add_typer(agreement_commands.commands, name="agreement")
    app.add_typer(emergency_commands.commands, name="emergency")
    app.add_typer(access_commands.commands, name="access")
    app.add_typer(stop_commands.commands, name="stop")
    app.add_typer(consent_commands.commands, name="consent")
    app.add_typer(destruction_commands.commands, name="destruction")
    app.add_typer(need_commands.commands, name="need")
    app.add_typer(correction_commands.commands, name="correction")
    return app


class _PolicyCommands(TyperGroup):
    """The commands about policies, read when one of them is called: they need a policy engine, which takes a second."""

    @property  # type: ignore[override]
    def commands(self) -> Mapping[str, Any]:
        """The commands by name."""
        group = get_command(importlib.import_module("gateway.doors.cli.policy_commands").commands)
        assert isinstance(group, TyperGroup)  # noqa: S101 - it has more than one command
        return group.commands

    @commands.setter
    def commands(self, _: object) -> None:
        """Ignore what typer knows: nothing yet."""


def serve(
    config: Annotated[Path, typer.Option(help="gateway.toml", exists=True, dir_okay=False)],
) -> None:
    """运行网关 / run the server."""
    os.execv(sys.executable, [sys.executable, "-m", "gateway.serve", str(config)])  # noqa: S606 - the server's own process


def up(
    data: Annotated[Path, typer.Option(help="数据目录 / directory for everything")] = Path("demo"),
    residents: Annotated[int, typer.Option(min=1_000, help="样例城市人口 / size of the sample city")] = 100_000,
    policy: Annotated[PolicyEngine, typer.Option(help="策略引擎 / policy engine")] = PolicyEngine.EMBEDDED,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="端口，0 为任选 / port, 0 for a free one")] = 8815,
    catalogue: Annotated[
        Path | None,
        typer.Option(help="目录条目所在文件夹 / directory of catalogue entries", exists=True, file_okay=False),
    ] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """在本机启动一座完整的样例城市 / bring up a complete local city, in the foreground."""
    screen = Screen.make(language.value)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        city = LocalCity(
            data=data, residents=residents, policy=policy, port=port, stop=stop, say=screen.say, catalogue=catalogue
        )
    except CatalogueInvalid as error:
        screen.say(f"目录有误：\n{error}", f"the catalogue has errors:\n{error}")
        raise typer.Exit(EXIT_INVALID) from error
    try:
        city.start()
        screen.say(f"配置文件在 {city.profiles}；Ctrl-C 停止。", f"profiles are in {city.profiles}; Ctrl-C stops.")
        typer.echo("READY")
        while not stop.wait(1):
            ended = city.children.ended()
            if ended is not None:
                raise ChildFailed(f"{ended} 已退出 / has ended")
    except ChildFailed as error:
        if not stop.is_set():
            screen.say(f"✗ {error}", f"✗ {error}")
            raise typer.Exit(EXIT_UNAVAILABLE) from error
    finally:
        screen.say("正在停止……", "stopping …")
        city.stop()
