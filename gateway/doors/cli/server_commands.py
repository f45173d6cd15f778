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
from gateway.client import Profile
from gateway.doors.cli.local_city import LocalCity, PolicyEngine, free_port
from gateway.doors.cli.local_console import CODE_SECONDS, codes_for, port_is_free, say_port_taken, start_console
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
    console_port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="网页控制台的端口，0 为任选 / port of the web console, 0 for a free one"),
    ] = 8816,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """在本机启动一座完整的样例城市 / bring up a complete local city, in the foreground."""
    screen = Screen.make(language.value)
    if console_port and not port_is_free(console_port):
        say_port_taken(screen, console_port)
        raise typer.Exit(EXIT_INVALID)
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
        _open_console(city, port=console_port or free_port(), screen=screen)
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


_SHOWN_FIRST = (
    "nanjing-east-road",
    "changfeng",
    "department-civil_affairs",
    "department-health",
    "auditor",
    "administrator",
)
"""Whose codes a newcomer may want; everybody else has a profile, too."""


def _open_console(city: LocalCity, *, port: int, screen: Screen) -> None:
    """Start the console and print its address, and a code for each of the people whom a newcomer may want to be."""
    screen.say("启动网页控制台", "starting the web console")
    files = [city.profiles / f"{name}.json" for name in _SHOWN_FIRST]
    found = [file for file in files if file.exists()]
    gateway = Profile.load(found[0]).endpoint
    address = start_console(city.data, gateway=gateway, port=port, children=city.children)
    codes = codes_for(found, console=address)
    minutes = CODE_SECONDS // 60
    screen.say(
        f"\n在浏览器中打开 {address} ，选一个身份，输入其登录码（{minutes} 分钟内有效，每个只能用一次）：",
        f"\nOpen {address} in a browser, choose who to be, and type the code (good once, within {minutes} minutes):",
    )
    for code, file in zip(codes, found, strict=True):
        screen.say(f"    {code.code}    {code.name}", f"    {code.code}    {code.name} ({file.stem})")
    screen.say(
        f"再要登录码：gateway console code --profile {found[0]} --console {address}",
        f"for another code: gateway console code --profile {found[0]} --console {address}",
    )
