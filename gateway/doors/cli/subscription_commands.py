"""`gateway subscription …`: saved queries that run on schedule, and what has come of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from gateway.client.files.cover_sheet import Terms
from gateway.client.files.formats import FileProblem
from gateway.client.files.local import Request
from gateway.client.subscriptions import Pulled, Subscriptions
from gateway.doors.cli.options import CaseOption, LanguageOption, ProfileOption, PurposeOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from gateway.doors.cli.user_folder import local_datasets
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb

commands = typer.Typer(no_args_is_help=True, help="订阅 / subscriptions")
IdArgument = Annotated[str, typer.Argument(help="编号 / id")]
_CYCLES = {
    "hourly": (pb.CYCLE_HOURLY, "每时", "hourly"),
    "daily": (pb.CYCLE_DAILY, "每日", "daily"),
    "weekly": (pb.CYCLE_WEEKLY, "每周一", "Mondays"),
    "monthly": (pb.CYCLE_MONTHLY, "每月一日", "first of the month"),
}
_WORDS = {message: (zh, en) for message, zh, en in _CYCLES.values()}
_STATES = {
    pb.RUN_STATE_RUNNING: ("运行中", "running"),
    pb.RUN_STATE_READY: ("待拉取", "ready to pull"),
    pb.RUN_STATE_ACKNOWLEDGED: ("已接收", "received"),
    pb.RUN_STATE_FAILED: ("失败，下期再试", "failed, tried again next time"),
    pb.RUN_STATE_DENIED: ("不予提供", "denied"),
    pb.RUN_STATE_DISCARDED: ("未拉取，已销毁", "destroyed unpulled"),
    pb.RUN_STATE_EXPIRED: ("逾期未拉取，已销毁", "expired and destroyed"),
}
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def _minute_of_day(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None:
        raise typer.BadParameter("请写为 HH:MM，例如 06:30 / give it as HH:MM, for example 06:30")
    return int(found[1]) * 60 + int(found[2])


def _cycle(text: str) -> str:
    if text not in _CYCLES:
        raise typer.BadParameter(" | ".join(_CYCLES))
    return text


@commands.command("create")
def create(
    sql: Annotated[str, typer.Argument(help="SQL")],
    profile: ProfileOption,
    every: Annotated[str, typer.Option(help=f"周期 / cycle: {' | '.join(_CYCLES)}", callback=_cycle)],
    at: Annotated[int, typer.Option(help="上海时间 HH:MM / Shanghai time", parser=_minute_of_day, metavar="HH:MM")],
    purpose: PurposeOption = "",
    case: CaseOption = "",
    key: Annotated[
        list[str] | None,
        typer.Option(help="键列，可重复：此后只送变更 / key column, repeatable: only changes come from then on"),
    ] = None,
    language: LanguageOption = None,
) -> None:
    """订阅一项查询 / subscribe to a query."""
    with connected(profile, language) as (connection, screen):
        request = pb.CreateSubscriptionRequest(sql=sql, cycle=_CYCLES[every][0], minute_of_day=at, key_columns=key)
        created = Subscriptions(connection).create(request, purpose=purpose, case=case)
        screen.say(
            f"✓ 订阅 {created.id} 已创建，首期随即生成；用 gateway subscription pull {created.id} --output 文件 接收",
            f"✓ subscription {created.id}: its first run begins now; 'gateway subscription pull {created.id} "
            "--output FILE' receives it",
        )


@commands.command("list")
def list_subscriptions(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出订阅 / list subscriptions."""
    with connected(profile, language) as (connection, screen):
        zh = screen.language == "zh"
        screen.table(
            ("编号", "单位", "用途", "周期", "下期", "最近一期")
            if zh
            else ("id", "office", "purpose", "cycle", "next", "last run"),
            [
                (
                    one.id,
                    one.office,
                    one.purpose,
                    _when(one, screen),
                    local_time(one.next_at) if one.next_at else ("已停止" if zh else "stopped"),
                    _STATES[one.runs[0].state][not zh] if one.runs else "",
                )
                for one in Subscriptions(connection).all()
            ],
        )


@commands.command("show")
def show(id: IdArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """显示一项订阅及其各期 / show a subscription and its runs."""
    with connected(profile, language) as (connection, screen):
        _show(_found(Subscriptions(connection), id, screen), screen)


@commands.command("pull")
def pull(
    id: IdArgument,
    profile: ProfileOption,
    output: Annotated[
        Path, typer.Option("--output", help="数据文件；有键列时为 .parquet / the dataset; with key columns .parquet")
    ],
    language: LanguageOption = None,
) -> None:
    """接收待拉取的一期，并入本地数据 / receive the run that waits, into the dataset at hand."""
    with connected(profile, language) as (connection, screen):
        try:
            pulled = _kept(Subscriptions(connection), id, path=output.absolute(), profile=profile.absolute())
        except (FileProblem, OSError) as error:
            text = error.text if isinstance(error, FileProblem) else None
            screen.say(f"✗ {text.zh if text else error}", f"✗ {text.en if text else error}")
            raise typer.Exit(EXIT_INVALID) from error
        if pulled is None:
            screen.say("没有待拉取的数据", "nothing waits to be pulled")
            return
        screen.say(
            f"✓ {output}：{pulled.rows:,} 行（本期 {pulled.changed:,} 行）；审计编号 {pulled.run.entry}，"
            f"保存至 {local_time(pulled.run.expires_at)}",
            f"✓ {output}: {pulled.rows:,} rows ({pulled.changed:,} came now); audit entry {pulled.run.entry}, "
            f"keep until {local_time(pulled.run.expires_at)}",
        )


@commands.command("stop")
def stop(id: IdArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """停止订阅，销毁未拉取的数据 / stop a subscription and destroy what waits."""
    with connected(profile, language) as (connection, screen):
        Subscriptions(connection).stop(id)
        screen.say("✓ 已停止", "✓ stopped")


def _kept(subscriptions: Subscriptions, id: str, *, path: Path, profile: Path) -> Pulled | None:
    """Pull, and remember what lies on this machine; all of it may be kept as long as its newest part, which decided about it."""
    datasets = local_datasets()

    def remember(terms: Terms, *entries: str) -> None:
        request = Request(sql="", purpose=terms["sharing.purpose"], case=terms["sharing.case"])
        expires_at = int(terms["sharing.expires_at"])
        datasets.begin(*entries, path=path, profile=profile, request=request, expires_at=expires_at)

    told: list[Terms] = []

    def begun(terms: Terms) -> None:
        remember(terms, terms["sharing.entry"])
        told.append(terms)

    pulled = subscriptions.pull(id, path=path, begun=begun, replacing=datasets.replacing)
    if pulled is not None:
        remember(told[0], *pulled.entries)
        datasets.finish(path, rows=dict.fromkeys(pulled.entries, 0) | {pulled.run.entry: pulled.rows})
    return pulled


def _found(subscriptions: Subscriptions, id: str, screen: Screen) -> pb.Subscription:
    found = next((one for one in subscriptions.all() if one.id == id), None)
    if found is None:
        screen.say(f"✗ 没有您可以看到的订阅 {id}", f"✗ there is no subscription {id} that you may see")
        raise typer.Exit(EXIT_INVALID)
    return found


def _when(subscription: pb.Subscription, screen: Screen) -> str:
    hour, minute = divmod(subscription.minute_of_day, 60)
    time = f"{hour:02}:{minute:02}"
    if subscription.cycle == pb.CYCLE_HOURLY:
        time = f"--:{minute:02}"
    return f"{_WORDS[subscription.cycle][screen.language != 'zh']} {time}"


def _show(subscription: pb.Subscription, screen: Screen) -> None:
    zh = screen.language == "zh"
    lines = [
        ("编号", "id", subscription.id),
        ("单位", "office", f"{subscription.office}  {subscription.subject}"),
        ("用途", "purpose", f"{subscription.purpose} {subscription.case_number}".strip()),
        ("查询", "query", subscription.sql),
        ("键列", "key columns", ", ".join(subscription.key_columns)),
        ("周期", "cycle", _when(subscription, screen)),
        ("下期", "next", local_time(subscription.next_at) if subscription.next_at else ""),
    ]
    if subscription.stopped_at:
        why = screen.words(subscription.stopped_because)
        lines.append(("停止", "stopped", f"{local_time(subscription.stopped_at)}  {why}"))
    for label_zh, label_en, text in lines:
        if text:
            screen.indented(label_zh if zh else label_en, text)
    screen.table(
        ("时间", "状态", "行数", "审计编号", "原因") if zh else ("time", "state", "rows", "audit entry", "reason"),
        [
            (local_time(run.started_at), _STATES[run.state][not zh], f"{run.rows:,}", run.entry, run.reason)
            for run in subscription.runs
        ],
    )
