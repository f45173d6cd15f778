"""`gateway dataset …`: what was delivered to this machine, refreshed, and destroyed in time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import typer

from catalog.dataset import Text
from gateway.client import InvalidRequest, request_errors
from gateway.client.files.formats import FileProblem
from gateway.client.files.local import DatasetState, LocalDataset, LocalDatasets
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.query_commands import save
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from gateway.doors.cli.user_folder import local_datasets
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="本机数据集 / datasets on this machine")
_STATES: Mapping[DatasetState, Text] = {
    DatasetState.CURRENT: Text(zh="有效", en="current"),
    DatasetState.EXPIRED: Text(zh="已到期", en="expired"),
    DatasetState.UNFINISHED: Text(zh="未完成", en="unfinished"),
    DatasetState.GONE: Text(zh="文件不在", en="not there"),
}
_Language = Annotated[LanguageChoice, typer.Option("--language", help="语言 / language")]


@commands.command("list")
def list_(language: _Language = LanguageChoice.ZH) -> None:
    """列出本机数据集及保存期限 / list the datasets on this machine and until when they may be kept."""
    screen, datasets, now = Screen.make(language.value), local_datasets(), time.time()
    listed = [(one, one.state(now=now)) for one in datasets.datasets()]
    screen.table(
        ("文件", "用途", "行数", "接收时间", "保存至", "状态")
        if screen.language == "zh"
        else ("file", "purpose", "rows", "received", "keep until", "state"),
        [
            (
                str(one.path),
                one.request.purpose,
                f"{one.rows:,}",
                local_time(one.received_at),
                local_time(one.expires_at),
                screen.words(_STATES[state]),
            )
            for one, state in listed
        ],
    )
    if datasets.destroyed() or any(state is DatasetState.EXPIRED for _, state in listed):
        screen.say(
            "有数据集到期，或销毁尚未登记：请运行 gateway dataset expire。",
            "datasets have expired, or destructions are not recorded yet: run 'gateway dataset expire'.",
        )


@commands.command("refresh")
def refresh(
    file: Annotated[Path | None, typer.Argument(help="只更新此项；缺省为全部 / only this one; all without it")] = None,
    language: _Language = LanguageChoice.ZH,
) -> None:
    """以原查询重新取数并替换 / ask the same again, complete what broke off, and replace what is there."""
    screen, datasets = Screen.make(language.value), local_datasets()
    kept = [one for one in datasets.datasets() if not one.moved]
    chosen = [one for one in kept if file is None or one.path == file.absolute()]
    forms = [one for one in chosen if not one.request.sql]
    for form in forms:
        screen.say(
            f"{form.path} 是报表或订阅的数据，不在此更新；请运行 gateway report fill 或 gateway subscription pull。",
            f"{form.path} is a form, or kept by a subscription, and is not replaced; run 'gateway report fill' or "
            "'gateway subscription pull'.",
        )
    if file is not None and not chosen:
        screen.say(f"{file} 不在清单中，请查看 gateway dataset list。", f"{file} is not in 'gateway dataset list'.")
        raise typer.Exit(EXIT_INVALID)
    code = max((_refresh(one, language=language) for one in chosen if one not in forms), default=0)
    raise typer.Exit(max(code, _record(datasets, language=language)))


@commands.command("expire")
def expire(language: _Language = LanguageChoice.ZH) -> None:
    """销毁已到期的数据集并登记 / destroy the datasets whose time is over and record it with the gateway."""
    screen, datasets, now = Screen.make(language.value), local_datasets(), time.time()
    over = [one for one in datasets.datasets() if one.expires_at <= now]
    code = max((_destroy(one, datasets=datasets, screen=screen, now=now) for one in over), default=0)
    code = max(code, _record(datasets, language=language))
    if not over and not code:
        screen.say("没有到期的数据集。", "no dataset has expired.")
    raise typer.Exit(code)


def _refresh(dataset: LocalDataset, *, language: LanguageChoice) -> int:
    """Deliver a dataset anew and return the exit code."""
    try:
        with connected(dataset.profile, language) as (connection, screen):
            save(connection, dataset.request, output=dataset.path, profile=dataset.profile, screen=screen)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _destroy(dataset: LocalDataset, *, datasets: LocalDatasets, screen: Screen, now: float) -> int:
    """Delete a dataset and return the exit code. What is not there is not said to be destroyed."""
    if dataset.state(now=now) is DatasetState.GONE:
        entries = " ".join(dataset.entries)
        screen.say(
            f"✗ {dataset.path} 已到期，但文件不在：请找到并删除，再用 gateway destruction record 登记：{entries}",
            f"✗ {dataset.path} has expired and is not there: find and delete it, then record it with"
            f" 'gateway destruction record': {entries}",
        )
        return EXIT_INVALID
    try:
        datasets.destroy(dataset)
    except FileProblem as problem:
        screen.say(f"✗ {problem.text.zh}", f"✗ {problem.text.en}")
        return EXIT_INVALID
    except OSError as error:
        screen.say(f"✗ 无法删除：{error}", f"✗ cannot be deleted: {error}")
        return EXIT_INVALID
    screen.say(f"✓ 已销毁 {dataset.path}", f"✓ destroyed {dataset.path}")
    return 0


def _record(datasets: LocalDatasets, *, language: LanguageChoice) -> int:
    """Record with the gateway what was destroyed here, and return the exit code; what fails is tried again next time."""
    code = 0
    for profile, destroyed in groupby(sorted(datasets.destroyed(), key=attrgetter("profile")), attrgetter("profile")):
        try:
            with connected(profile, language) as (connection, screen):
                stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
                for one in destroyed:
                    request = governance_pb2.RecordDestructionRequest(entry_id=one.entry, method=one.method)
                    try:
                        with request_errors():
                            receipts = stub.RecordDestruction(request, metadata=connection.headers()).entry_ids
                    except InvalidRequest as refused:
                        code = max(code, screen.failure(refused))
                        continue
                    datasets.forget(one.entry)
                    for id in receipts:
                        screen.say(
                            f"✓ 已登记销毁，回执编号 {id}", f"✓ destruction recorded; the receipt is audit entry {id}"
                        )
        except typer.Exit as ended:
            code = max(code, ended.exit_code)
    return code
