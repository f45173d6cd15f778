"""The `gateway` command: what it offers; each part is read when it is called."""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

COMMANDS = {
    "serve": ("server_commands:serve", "运行网关 / run the server"),
    "up": ("server_commands:up", "在本机启动一座完整的样例城市 / bring up a complete local city, in the foreground"),
    "console": ("console_commands:commands", "网页控制台 / the web console"),
    "demo": ("demo:demo", "演示整个过程 / show the whole story"),
    "query": ("query_commands:query", "执行查询 / run a query"),
    "dataset": ("dataset_commands:commands", "本机数据集 / datasets on this machine"),
    "explain": (
        "query_commands:explain",
        "说明该查询会得到什么，不读取数据 / tell what a query would get, without touching data",
    ),
    "report": ("report_commands:commands", "报表 / report sheets"),
    "catalog": ("catalog_commands:commands", "数据目录 / the catalogue"),
    "audit": ("audit_commands:commands", "审计日志 / the access log"),
    "registry": ("registry_commands:commands", "连接器登记 / registered connectors"),
    "token": ("token_commands:commands", "令牌 / tokens"),
    "pki": ("pki_commands:commands", "证书 / certificates"),
    "policy": ("policy_commands:commands", "策略 / the policies"),
    "agreement": ("agreement_commands:commands", "共享协议 / agreements"),
    "emergency": ("emergency_commands:commands", "应急状态 / emergencies"),
    "access": ("access_commands:commands", "停用与恢复 / revoke and restore"),
    "stop": ("stop_commands:commands", "停用 / the stop button"),
    "consent": ("consent_commands:commands", "个人同意 / consents"),
    "destruction": ("destruction_commands:commands", "销毁回执 / destruction receipts"),
    "need": ("need_commands:commands", "数据需求 / data needs"),
    "correction": ("correction_commands:commands", "校核纠错 / corrections"),
    "subscription": ("subscription_commands:commands", "订阅 / subscriptions"),
}
"""By name: `module:attribute` in this package, a function or a group, and its help."""
_OWN_PACKAGES = {"catalog", "connectors", "gateway", "policies", "sharing_stubs"}


def make_app() -> typer.Typer:
    """Return the command line."""
    app = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="城市数据共享网关 / federated data-sharing gateway",
    )
    for name, (_, summary) in COMMANDS.items():
        app.command(name, help=summary)(_summary)
    return app


def _summary() -> None:
    """Stand in for a command that was not read."""


class _Commands(TyperGroup):
    """Commands that are listed by their help and read when one of them is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401 - typer's
        """Return the name of the command that is called, the command, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            try:
                command = _command(name)
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] in _OWN_PACKAGES:
                    raise
                if not ctx.resilient_parsing:
                    ctx.fail(
                        f'“{name}” 需要服务器组件（缺少 {error.name}）：请运行 pip install "sharing-gateway[server]"'
                        f" / '{name}' needs the server's parts: run pip install \"sharing-gateway[server]\""
                    )
        return name, command, rest


def _command(name: str) -> Any:  # noqa: ANN401 - typer's
    module, _, attribute = COMMANDS[name][0].partition(":")
    part = getattr(importlib.import_module(f"gateway.doors.cli.{module}"), attribute)
    if isinstance(part, typer.Typer):
        return get_group(part)
    single = typer.Typer(add_completion=False)
    single.command(name)(part)
    return get_command(single)
