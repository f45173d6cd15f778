"""`gateway console`: the web console before a gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from gateway.doors.cli.local_console import NoCode, one_time_code, port_is_free, say_port_taken
from gateway.doors.cli.options import LanguageChoice, LanguageOption, ProfileOption
from gateway.doors.cli.session import session
from gateway.doors.cli.show import EXIT_INVALID, EXIT_UNAVAILABLE, Screen
from gateway.doors.console.serve import run
from gateway.doors.console.settings import LOOPBACK, ConsoleSettings

commands = typer.Typer(invoke_without_command=True, help="网页控制台 / the web console")


@commands.callback()
def console(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="console.toml；不给则用默认值 / defaults without it", exists=True, dir_okay=False),
    ] = None,
    gateway: Annotated[str, typer.Option(help="网关地址 / the gateway: grpc://host:port")] = "",
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="本机端口 / port on this machine, 8816 when nothing is given")
    ] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """运行网页控制台，Ctrl-C 停止 / run the web console until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    screen = Screen.make(language.value)
    try:
        settings = _settings(config, gateway=gateway, port=port)
    except (ValidationError, OSError) as error:
        screen.say(f"✗ 控制台的配置有误：{error}", f"✗ the console's settings have errors: {error}")
        raise typer.Exit(EXIT_INVALID) from error
    host, _, listening = settings.listen.rpartition(":")
    if host in LOOPBACK and not port_is_free(int(listening)):
        say_port_taken(screen, int(listening))
        raise typer.Exit(EXIT_INVALID)
    screen.say(
        f"在浏览器中打开 {settings.origin}；Ctrl-C 停止。没有配置文件可选时，另开窗口运行 gateway console code 取登录码。",
        f"open {settings.origin} in a browser; Ctrl-C stops. Sign in with a profile file, or with a code from "
        "'gateway console code' in another window.",
    )
    run(settings)


@commands.command("code")
def code(
    profile: ProfileOption,
    console: Annotated[str, typer.Option(help="控制台地址 / the console's address")] = "http://127.0.0.1:8816",
    language: LanguageOption = None,
) -> None:
    """取一次性登录码，在本机控制台的登录页输入 / get a one-time code to type on this machine's console."""
    with session(profile, language) as opened:
        screen = opened.screen
        try:
            made = one_time_code(opened.profile, console=console)
        except NoCode as error:
            screen.say(f"✗ {error}", f"✗ {error}")
            raise typer.Exit(EXIT_UNAVAILABLE) from error
        screen.say(
            f"{made.name} 的登录码，{made.seconds // 60} 分钟内有效，只能用一次。在浏览器中打开 {console}，输入：",
            f"the code of {made.name}, good once within {made.seconds // 60} minutes. Open {console} in a browser and type:",
        )
        typer.echo(made.code)


def _settings(config: Path | None, *, gateway: str, port: int | None) -> ConsoleSettings:
    given = {"gateway": gateway} if gateway else {}
    if port is not None:
        given["listen"] = f"127.0.0.1:{port}"
    read = dict(ConsoleSettings.load(config)) if config else {}
    return ConsoleSettings(**{**read, **given})
