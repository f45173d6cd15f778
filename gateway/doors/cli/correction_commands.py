"""`gateway correction …`: records that an office says are wrong, and what the controller found."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gateway.doors.cli.need_commands import AnswerOption, IdArgument, OverdueOption, due_on
from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.requests.v1 import requests_pb2, requests_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="校核纠错 / corrections")
_STATES = {
    requests_pb2.CORRECTION_STATE_FILED: ("待核实", "waits"),
    requests_pb2.CORRECTION_STATE_CORRECTED: ("已更正", "corrected"),
    requests_pb2.CORRECTION_STATE_CONFIRMED: ("经核无误", "confirmed"),
}


class Finding(StrEnum):
    """What the controller found."""

    CORRECTED = "corrected"
    CONFIRMED = "confirmed"


@commands.command("file")
def file(
    profile: ProfileOption,
    dataset: Annotated[str, typer.Option(help="数据集 / dataset")],
    columns: Annotated[
        list[str], typer.Option("--column", help="有误的列，可重复 / column that seems wrong, repeatable")
    ],
    remark: Annotated[str, typer.Option(help="何处有误，不写个人信息 / what seems wrong, without personal data")],
    receipt: Annotated[str, typer.Option(help="收到该记录的审计编号 / audit entry under which you received it")],
    key: Annotated[
        str,
        typer.Option(
            prompt="记录的标识（不会被保存）/ the record's key (it is not kept)",
            help="该数据集的主体标识；不给则询问 / the record's entity key; asked for when not given",
        ),
    ],
    language: LanguageOption = None,
) -> None:
    """指出一条有误的记录 / flag a record that seems wrong."""
    with connected(profile, language) as (connection, screen):
        request = requests_pb2.FileCorrectionRequest(
            dataset=dataset, entity_key=key, columns=columns, remark=remark, receipt_entry=receipt
        )
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        filed = stub.FileCorrection(request, metadata=connection.headers()).correction
        days, due = filed.deadline.working_days, due_on(filed.deadline, screen)
        screen.say(
            f"✓ 校核 {filed.id} 已提出，{days} 个工作日内答复：{due}",
            f"✓ correction {filed.id}: {days} working days, {due}",
        )


@commands.command("list")
def list_corrections(profile: ProfileOption, overdue: OverdueOption = False, language: LanguageOption = None) -> None:
    """列出与本单位、本部门有关的校核 / list the corrections of your office or department."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        request = requests_pb2.ListCorrectionsRequest(overdue_only=overdue)
        zh = screen.language == "zh"
        screen.table(
            ("编号", "单位", "数据集", "列", "答复期限", "状态")
            if zh
            else ("id", "office", "dataset", "columns", "due", "state"),
            [
                (
                    one.id,
                    one.office,
                    one.dataset,
                    ", ".join(one.columns),
                    due_on(one.deadline, screen),
                    _STATES[one.state][not zh],
                )
                for one in stub.ListCorrections(request, metadata=connection.headers()).corrections
            ],
        )


@commands.command("show")
def show(id: IdArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """显示一项校核及其答复 / show a correction and its answer."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        found = stub.ListCorrections(requests_pb2.ListCorrectionsRequest(), metadata=connection.headers()).corrections
        correction = next((one for one in found if one.id == id), None)
        if correction is None:
            screen.say(f"✗ 没有您可以看到的校核 {id}", f"✗ there is no correction {id} that you may see")
            raise typer.Exit(EXIT_INVALID)
        _show(correction, screen)


@commands.command("answer")
def answer_correction(
    id: IdArgument,
    profile: ProfileOption,
    finding: Annotated[Finding, typer.Option(help="已更正或经核无误 / what was found")],
    answer: AnswerOption,
    language: LanguageOption = None,
) -> None:
    """答复校核 / answer a correction."""
    with connected(profile, language) as (connection, screen):
        request = requests_pb2.AnswerCorrectionRequest(id=id, state=f"CORRECTION_STATE_{finding.name}", answer=answer)
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        answered = stub.AnswerCorrection(request, metadata=connection.headers()).correction
        zh, en = _STATES[answered.state]
        screen.say(f"✓ 已答复：{zh}", f"✓ answered: {en}")


@commands.command("reveal")
def reveal(id: IdArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """显示指的是哪条记录，查看会记入日志 / show which record is meant; it is recorded that you looked."""
    with connected(profile, language) as (connection, screen):
        stub = requests_pb2_grpc.RequestsServiceStub(connection.channel)
        request = requests_pb2.RevealCorrectionRequest(id=id)
        typer.echo(stub.RevealCorrection(request, metadata=connection.headers()).entity_key)
        screen.say("✓ 已记入日志", "✓ it is recorded that you looked")


def _show(correction: requests_pb2.Correction, screen: Screen) -> None:
    zh = screen.language == "zh"
    lines = [
        ("编号", "id", correction.id),
        ("数据集", "dataset", correction.dataset),
        ("记录", "record", correction.row_reference),
        ("列", "columns", ", ".join(correction.columns)),
        ("说明", "remark", correction.remark),
        ("单位", "office", f"{correction.office}  {correction.filed_by}  {local_time(correction.filed_at)}"),
        ("答复期限", "due", due_on(correction.deadline, screen)),
        ("状态", "state", _STATES[correction.state][not zh]),
    ]
    if correction.answered_at:
        answered = f"{correction.answered_by}  {local_time(correction.answered_at)}  {correction.answer}"
        lines.append(("答复", "answer", answered))
    for label_zh, label_en, text in lines:
        screen.indented(label_zh if zh else label_en, text)
