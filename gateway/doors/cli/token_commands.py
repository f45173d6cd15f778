"""`gateway token …`: for the administrator who holds the issuer's key."""

from __future__ import annotations

import datetime
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from catalog.directory import Directory
from gateway.authenticate.tokens import issue_token
from gateway.client import Profile
from gateway.doors.cli.keys import signing_key
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.private_files import write_private
from gateway.doors.cli.show import EXIT_INVALID, Screen
from gateway.settings import Settings

commands = typer.Typer(no_args_is_help=True, help="令牌 / tokens")


@commands.callback()
def _group() -> None:
    """令牌 / tokens."""


@commands.command("issue")
def issue(
    config: Annotated[Path, typer.Option(help="gateway.toml", exists=True, dir_okay=False)],
    key: Annotated[Path, typer.Option(help="签发密钥 / issuer's Ed25519 key, PEM", exists=True, dir_okay=False)],
    subject: Annotated[str, typer.Option(help="请求人 / subject in the directory")],
    output: Annotated[Path, typer.Option(help="配置文件 / profile file to write")],
    key_id: Annotated[str, typer.Option(help="密钥编号 / key id in the issuer's JWKS")] = "local",
    hours: Annotated[int, typer.Option(min=1, max=24 * 366, help="有效小时数 / lifetime in hours")] = 24,
    endpoint: Annotated[str | None, typer.Option(help="网关地址 / gateway address for the profile")] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """签发令牌并写入配置文件 / issue a token and write a profile file."""
    screen = Screen.make(language.value)
    settings = Settings.load(config)
    entry = Directory.load(settings.requesters).find(subject)
    if entry is None:
        screen.say(f"目录中没有请求人“{subject}”或已停用。", f"the directory has no active requester '{subject}'.")
        raise typer.Exit(EXIT_INVALID)
    issuer, now, lifetime = settings.issuers[0], int(time.time()), hours * 3600
    token = issue_token(
        key=signing_key(key),
        key_id=key_id,
        issuer=issuer.issuer,
        audience=issuer.audience,
        subject=subject,
        token_id=str(uuid.uuid4()),
        issued_at=now,
        lifetime_seconds=lifetime,
    )
    expires = datetime.datetime.fromtimestamp(now + lifetime, datetime.UTC).isoformat()
    scheme = "grpc+tls" if settings.tls else "grpc"
    profile = Profile(
        endpoint=endpoint or f"{scheme}://{settings.listen}",
        token=token,
        expires_at=expires,
        office=entry.office,
        language=language.value,
    )
    write_private(output, profile.model_dump_json(indent=2, exclude_none=True))
    screen.say(f"✓ 已写入 {output}，有效期至 {expires}", f"✓ wrote {output}, valid until {expires}")
