"""`gateway audit retire`: remove what has been kept long enough, on the gateway's host while the gateway is stopped."""

from __future__ import annotations

import importlib
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from connectors.sdk.tlog.retention import KEPT_YEARS_MIN
from gateway.doors.cli.keys import signing_key
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.show import EXIT_INVALID, Screen
from gateway.errors import Unavailable
from gateway.settings import Settings

commands = typer.Typer()
EXIT_REFUSED = 1


@commands.command("retire")
def retire(
    config: Annotated[Path, typer.Option(help="gateway.toml", exists=True, dir_okay=False)],
    requester: Annotated[str, typer.Option(help="操作人 / who removes it")],
    reason: Annotated[str, typer.Option(help="理由 / why, and by which rule")],
    years: Annotated[int, typer.Option(min=KEPT_YEARS_MIN, help="保存年数 / years to keep")] = KEPT_YEARS_MIN,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """删除保存期满的日志段，留下签名凭证 / remove segments whose retention has ended, and leave a signed tombstone."""
    screen = Screen.make(language.value)
    settings = Settings.load(config)
    if not settings.audit_key.exists():
        screen.say(f"没有日志签名密钥：{settings.audit_key}", f"the log's signing key is missing: {settings.audit_key}")
        raise typer.Exit(EXIT_INVALID)
    audit = importlib.import_module("gateway.audit")  # the server's part, which no other command of auditors needs
    try:
        with audit.AuditLog.open(
            settings.audit_directory,
            signing_key=signing_key(settings.audit_key),
            key_name=audit.AUDIT_KEY_NAME,
            clock_micros=lambda: time.time_ns() // 1000,
            new_entry_id=lambda: str(uuid.uuid4()),
        ) as log:
            tombstone = log.retire(
                kept_years=years,
                now_micros=time.time_ns() // 1000,
                requester=requester,
                reason=reason,
            )
    except (Unavailable, ValueError, OSError) as error:
        cause = error.internal if isinstance(error, Unavailable) else str(error)
        screen.say(
            f"✗ 未完成：{cause}。请先停止网关，用 gateway audit verify 验证日志后重试。",
            f"✗ not done: {cause}. Stop the gateway, verify the log with gateway audit verify, and try again.",
        )
        raise typer.Exit(EXIT_REFUSED) from error
    if tombstone is None:
        screen.say("没有保存期满的日志段，未删除任何内容。", "no segment's retention has ended: nothing was removed.")
        return
    screen.say(
        f"✓ 已删除 {len(tombstone.removed)} 个文件；前 {tombstone.tree.end:,} 条由签名凭证代替。",
        f"✓ removed {len(tombstone.removed)} files; "
        f"a signed tombstone stands for the first {tombstone.tree.end:,} entries.",
    )
