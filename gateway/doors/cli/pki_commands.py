"""`gateway pki …`: the certificates of a test or a small deployment."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from catalog.catalogue import DEPARTMENT_ID
from connectors.sdk.identity import INTERNAL_DOMAIN
from gateway.doors.cli.certificates import Authority
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.show import EXIT_INVALID, Screen

commands = typer.Typer(no_args_is_help=True, help="证书 / certificates")
_TAKEN = ("ca", "gateway")
_HOST = re.compile(r"[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
FolderArgument = Annotated[Path, typer.Argument(help="证书目录 / folder of the certificates", file_okay=False)]


@commands.command("init")
def init(folder: FolderArgument, language: LanguageChoice = LanguageChoice.ZH) -> None:
    """建立证书颁发机构 / make an authority."""
    screen = Screen.make(language.value)
    if (folder / "ca.key").exists() or (folder / "ca.pem").exists():
        screen.say(
            f"✗ {folder} 中已有颁发机构；请另选目录，或直接用 gateway pki issue 签发。",
            f"✗ {folder} holds an authority; choose another folder, or issue certificates with gateway pki issue.",
        )
        raise typer.Exit(EXIT_INVALID)
    folder.mkdir(parents=True, exist_ok=True)
    Authority.make(folder, now=datetime.datetime.now(datetime.UTC))
    screen.say(
        f"✓ 已写入 {folder / 'ca.pem'}（发给各方）与 {folder / 'ca.key'}（不得离开本机）",
        f"✓ wrote {folder / 'ca.pem'}, for everybody, and {folder / 'ca.key'}, which must not leave this machine",
    )


@commands.command("issue")
def issue(
    folder: FolderArgument,
    department: Annotated[str, typer.Option(help="部门连接器 / for a department's connectors")] = "",
    gateway: Annotated[bool, typer.Option("--gateway", help="网关 / for the gateway")] = False,
    host: Annotated[list[str], typer.Option(help="主机名或 IP / name or IP of the machine")] = [],  # noqa: B006
    days: Annotated[int, typer.Option(min=1, max=3650, help="有效天数 / days of validity")] = 365,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """签发或换发证书 / issue a certificate, or a new one in place of the earlier."""
    screen = Screen.make(language.value)
    if gateway == bool(department) or department in _TAKEN or (department and not re.match(DEPARTMENT_ID, department)):
        _refuse(screen, "请用 --gateway 或 --department 部门编号 之一。", "give --gateway or --department with its id.")
    for name in host:
        if not _HOST.fullmatch(name) or name.lower().endswith(INTERNAL_DOMAIN):
            _refuse(screen, f"“{name}”不能作为主机名。", f"'{name}' cannot be the name of a machine.")
    try:
        authority = Authority.load(folder)
    except (OSError, ValueError) as error:
        _refuse(screen, f"没有颁发机构，请先运行 gateway pki init：{error}", f"run gateway pki init first: {error}")
    now = datetime.datetime.now(datetime.UTC)
    if gateway:
        written = authority.issue_gateway(folder, now=now, days=days, hosts=host)
    else:
        written = authority.issue_department(folder, department, now=now, days=days, hosts=host)
    screen.say(
        f"✓ 已写入 {written} 与私钥 {written.with_suffix('.key')}，{days} 天有效；运行中的服务会自动换用",
        f"✓ wrote {written} and its key {written.with_suffix('.key')}, valid for {days} days; what runs takes it by itself",
    )


def _refuse(screen: Screen, zh: str, en: str) -> NoReturn:
    screen.say(f"✗ {zh}", f"✗ {en}")
    raise typer.Exit(EXIT_INVALID)
