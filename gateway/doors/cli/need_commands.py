"""`gateway need …`: what an office needs, and what the controller answers."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption, PurposeOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.requests.v1 import requests_pb2, requests_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="数据需求 / data needs")
IdArgument = Annotated[str, typer.Argument(help="编号 / id")]
OverdueOption = Annotated[bool, typer.Option("--overdue", help="只列逾期未答复的 / only those overdue")]
AnswerOption = Annotated[str, typer.Option("--answer", help="答复 / the answer in words")]
_STATES = {
    requests_pb2.NEED_STATE_FILED: ("待答复", "waits"),
    requests_pb2.NEED_STATE_ACCEPTED: ("已同意", "accepted"),
    requests_pb2.NEED_STATE_REFUSED: ("不同意", "refused"),
    requests_pb2.NEED_STATE_WITHDRAWN: ("已撤回", "withdrawn"),
}


@commands.command("file")
def file(
    profile: ProfileOption,
    purpose: PurposeOption,
    scenario: Annotated[str, typer.Option(help="应用场景：做什么、谁来做、为何需要 / what for, by whom, why")],
    until_time: Annotated[datetime.datetime, typer.Option("--until", help="需要到何时 / until when it is needed")],
    dataset: Annotated[str, typer.Option(help="目录中的数据集 / catalogued dataset")] = "",
    columns: Annotated[
        list[str] | None, typer.Option("--column", help="需要的列，可重复 / column needed, repeatable")
    ] = None,
    controller: Annotated[str, typer.Option(help="数据未编目时：向哪个部门 / whom to ask for uncatalogued data")] = "",
    language: LanguageOption = None,
) -> None:
    """提出数据需求 / file a data need."""
    with connected(profile, language) as (connection, screen):
        request = requests_pb2.FileNeedRequest(
            controller=controller,
            dataset=dataset,
            columns=columns,
            purpose=purpose,
            scenario=scenario,
            needed_until=int(until_time.timestamp()),
        )
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        need = stub.FileNeed(request, metadata=connection.headers()).need
        days, due = need.deadline.working_days, due_on(need.deadline, screen)
        screen.say(
            f"✓ 需求 {need.id} 已提出，{days} 个工作日内答复：{due}", f"✓ need {need.id}: {days} working days, {due}"
        )


@commands.command("list")
def list_needs(profile: ProfileOption, overdue: OverdueOption = False, language: LanguageOption = None) -> None:
    """列出与本单位、本部门有关的需求 / list the needs of your office or department."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        request = requests_pb2.ListNeedsRequest(overdue_only=overdue)
        zh = screen.language == "zh"
        screen.table(
            ("编号", "单位", "部门", "数据集", "用途", "答复期限", "状态")
            if zh
            else ("id", "office", "controller", "dataset", "purpose", "due", "state"),
            [
                (
                    need.id,
                    need.office,
                    need.controller,
                    need.dataset or ("未编目" if zh else "not catalogued"),
                    need.purpose,
                    due_on(need.deadline, screen),
                    _STATES[need.state][not zh],
                )
                for need in stub.ListNeeds(request, metadata=connection.headers()).needs
            ],
        )


@commands.command("show")
def show(id: IdArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """显示一项需求及其答复 / show a need and its answer."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        needs = stub.ListNeeds(requests_pb2.ListNeedsRequest(), metadata=connection.headers()).needs
        need = next((need for need in needs if need.id == id), None)
        if need is None:
            screen.say(f"✗ 没有您可以看到的需求 {id}", f"✗ there is no need {id} that you may see")
            raise typer.Exit(EXIT_INVALID)
        _show(need, screen)


@commands.command("accept")
def accept(
    id: IdArgument,
    profile: ProfileOption,
    terms: Annotated[str, typer.Option(help="条件 / terms")],
    agreement: Annotated[
        str, typer.Option(help="协议编号；数据未编目时不填 / agreement id; none for uncatalogued data")
    ] = "",
    until_time: Annotated[
        datetime.datetime | None,
        typer.Option("--until", help="止，默认为需要到的时间 / before; default as long as needed"),
    ] = None,
    language: LanguageOption = None,
) -> None:
    """同意需求，协议即时生效 / accept a need; the agreement is in force at once."""
    with connected(profile, language) as (connection, screen):
        request = requests_pb2.AcceptNeedRequest(
            id=id, agreement=agreement, valid_until=int(until_time.timestamp()) if until_time else 0, terms=terms
        )
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        need = stub.AcceptNeed(request, metadata=connection.headers()).need
        if need.agreement:
            screen.say(f"✓ 协议 {need.agreement} 已生效", f"✓ agreement {need.agreement} is in force")
        else:
            screen.say(
                "✓ 已同意；编目后请单位就该数据集提出需求",
                "✓ accepted; once it is catalogued the office files a need for the dataset",
            )


@commands.command("refuse")
def refuse(
    id: IdArgument,
    profile: ProfileOption,
    basis: Annotated[str, typer.Option(help="负面清单的依据 / ground of the negative list")],
    answer: AnswerOption,
    language: LanguageOption = None,
) -> None:
    """依据负面清单不同意 / refuse a need on a ground of the negative list."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        request = requests_pb2.RefuseNeedRequest(id=id, basis=basis, answer=answer)
        stub.RefuseNeed(request, metadata=connection.headers())
        screen.say(f"✓ 已答复不同意：{basis}", f"✓ refused: {basis}")


@commands.command("withdraw")
def withdraw(id: IdArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """撤回本单位的需求 / take back a need of your office."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        stub.WithdrawNeed(requests_pb2.WithdrawNeedRequest(id=id), metadata=connection.headers())
        screen.say("✓ 已撤回", "✓ withdrawn")


@commands.command("negative-list")
def negative_list(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出负面清单 / list the grounds on which a need may be refused."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        answer = stub.ListNegativeList(requests_pb2.ListNegativeListRequest(), metadata=connection.headers())
        zh = screen.language == "zh"
        screen.table(
            ("编号", "情形", "依据", "适用部门") if zh else ("id", "what", "legal basis", "controllers"),
            [
                (
                    ground.id,
                    screen.words(ground.title),
                    screen.words(ground.legal_basis),
                    ", ".join(ground.controllers) or ("全部" if zh else "all"),
                )
                for ground in answer.entries
            ],
        )


def due_on(deadline: requests_pb2.Deadline, screen: Screen) -> str:
    """Return the last day in words: when it may move, has passed, or was escalated."""
    zh, notes = screen.language == "zh", []
    if deadline.provisional:
        notes.append("假日未公布，暂定" if zh else "provisional until the holidays are announced")
    if deadline.overdue:
        notes.append("已逾期" if zh else "overdue")
    if deadline.escalated_at:
        notes.append(f"{'已上报' if zh else 'escalated'} {local_time(deadline.escalated_at)}")
    return f"{deadline.due_on} ({', '.join(notes)})" if notes else deadline.due_on


def _show(need: requests_pb2.Need, screen: Screen) -> None:
    zh = screen.language == "zh"
    lines = [
        ("编号", "id", need.id),
        ("单位", "office", f"{need.office}  {need.filed_by}  {local_time(need.filed_at)}"),
        ("部门", "controller", need.controller),
        ("数据集", "dataset", need.dataset or ("未编目" if zh else "not catalogued")),
        ("列", "columns", ", ".join(need.columns)),
        ("用途", "purpose", need.purpose),
        ("场景", "scenario", need.scenario),
        ("需要到", "needed until", local_time(need.needed_until)),
        ("答复期限", "due", due_on(need.deadline, screen)),
        ("状态", "state", _STATES[need.state][not zh]),
    ]
    if need.answered_at:
        lines.append(("答复", "answer", f"{need.answered_by}  {local_time(need.answered_at)}  {need.answer}"))
    lines += [("依据", "basis", need.basis), ("协议", "agreement", need.agreement)]
    for label_zh, label_en, text in lines:
        if text:
            screen.indented(label_zh if zh else label_en, text)
