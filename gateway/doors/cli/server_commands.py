"""`gateway serve` and `gateway up`: run a server, or a whole city."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from catalog.load import CatalogueInvalid
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.processes import ChildFailed
from gateway.doors.cli.show import EXIT_INVALID, EXIT_UNAVAILABLE, Screen


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
