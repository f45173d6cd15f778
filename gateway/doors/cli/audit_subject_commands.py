"""`gateway audit subject` and `reveal`: who looked at one person or entity, and who stands behind a token."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.dataset import Text
from catalog.vocabulary import IdentifierKind
from gateway.doors.cli.options import LanguageOption, ProfileOption, ReasonOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.audit.v1 import subject_pb2, subject_pb2_grpc

commands = typer.Typer()

_KINDS = {
    subject_pb2.ACCESS_KIND_LOOKED_UP: Text(zh="指名查询", en="looked up"),
    subject_pb2.ACCESS_KIND_DELIVERED: Text(zh="批量提供", en="in a result"),
    subject_pb2.ACCESS_KIND_COUNTED: Text(zh="计入统计", en="in a statistic"),
    subject_pb2.ACCESS_KIND_POSSIBLE: Text(
        zh="可能提供（部门连接器中断，未记下结束）", en="may be in a result (the connector died before its end)"
    ),
}


@commands.command("subject")
def subject(
    profile: ProfileOption,
    resident_id: Annotated[str, typer.Option(help="公民身份号码 / resident ID")] = "",
    credit_code: Annotated[str, typer.Option(help="统一社会信用代码 / credit code")] = "",
    for_data_subject: Annotated[
        bool,
        typer.Option(
            "--for-data-subject", help="供本人查阅：不含依法延迟或不予告知的 / without what may not be told yet"
        ),
    ] = False,
    language: LanguageOption = None,
) -> None:
    """列出谁、何时、为何查阅了此人 / list who looked at this person or entity, when and for what."""
    given = {IdentifierKind.RESIDENT_ID: resident_id, IdentifierKind.CREDIT_CODE: credit_code}
    named = [(kind, value) for kind, value in given.items() if value]
    with connected(profile, language) as (connection, screen):
        if len(named) != 1:
            screen.say(
                "请给出 --resident-id 或 --credit-code 之一。", "give either --resident-id or --credit-code, not both."
            )
            raise typer.Exit(EXIT_INVALID)
        request = subject_pb2.ReportSubjectRequest(
            identifier=named[0][0], value=named[0][1], for_data_subject=for_data_subject
        )
        stub = subject_pb2_grpc.SubjectServiceStub(connection.channel)
        found: list[subject_pb2.ReportSubjectResponse] = []
        try:
            for access in stub.ReportSubject(request, metadata=connection.headers()):
                found.append(access)
        finally:
            _show(screen, found, for_data_subject=for_data_subject)
        screen.say(f"{len(found)} 次", f"{len(found)} accesses")


@commands.command("reveal")
def reveal(
    profile: ProfileOption,
    token: Annotated[str, typer.Argument(help="条目中的标记 / token of an entry: st1.…")],
    reason: ReasonOption,
    language: LanguageOption = None,
) -> None:
    """查明标记所指何人；本次查明会记入日志 / say who stands behind a token; that is recorded."""
    with connected(profile, language) as (connection, _):
        stub = subject_pb2_grpc.SubjectServiceStub(connection.channel)
        request = subject_pb2.RevealSubjectRequest(token=token, reason=reason)
        answer = stub.RevealSubject(request, metadata=connection.headers())
        typer.echo(f"{answer.identifier} {answer.value}")


def _show(screen: Screen, found: list[subject_pb2.ReportSubjectResponse], *, for_data_subject: bool) -> None:
    zh = screen.language == "zh"
    columns: tuple[str, ...] = (
        ("时间", "方式", "单位、用途", "数据集与列") if zh else ("time", "how", "office, purpose", "dataset, columns")
    )
    if not for_data_subject:
        columns += ("审计编号、请求人", "何时可告知本人") if zh else ("audit entry, requester", "may be told from")
    rows = []
    for access in found:
        row = [
            local_time(access.time_micros // 1_000_000),
            screen.words(_KINDS[access.kind]),
            f"{access.office}\n{access.purpose}",
            "\n".join((access.dataset, *(f"  {column}" for column in access.columns))),
        ]
        if not for_data_subject:
            row += [f"{access.entry_id}\n{access.requester}", _told_from(access.withheld_until, zh=zh)]
        rows.append(row)
    screen.table(columns, rows)


def _told_from(withheld_until: int, *, zh: bool) -> str:
    if withheld_until < 0:
        return "不予告知" if zh else "never"
    return local_time(withheld_until) if withheld_until else ""
