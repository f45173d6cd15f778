"""`gateway audit reconcile`: hold the access log against the departments' own logs."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from catalog.dataset import Text
from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import Screen
from gateway.messages import Reason, message, remedy
from sharing_stubs.sharing.audit.v1 import review_pb2, review_pb2_grpc

commands = typer.Typer()
EXIT_DIFFERENT = 1

_KINDS = {
    review_pb2.DIFFERENCE_KIND_ONLY_GATEWAY: Text(zh="仅网关有", en="only the gateway has it"),
    review_pb2.DIFFERENCE_KIND_ONLY_DEPARTMENT: Text(zh="仅部门有", en="only the department has it"),
    review_pb2.DIFFERENCE_KIND_ROWS: Text(zh="行数或内容不同", en="other rows"),
    review_pb2.DIFFERENCE_KIND_NO_LOG: Text(zh="部门日志无法核对", en="its log cannot be compared"),
    review_pb2.DIFFERENCE_KIND_AGREED: Text(zh="一致", en="both agree"),
}


@commands.command("reconcile")
def reconcile(
    profile: ProfileOption,
    from_time: Annotated[
        datetime.datetime | None, typer.Option("--from", help="起，默认一天前 / default: a day ago")
    ] = None,
    until_time: Annotated[datetime.datetime | None, typer.Option("--until", help="止，默认现在 / default: now")] = None,
    language: LanguageOption = None,
) -> None:
    """与各部门自存日志核对 / compare with the departments' own logs. Exit 1 when they do not agree."""
    until = until_time or datetime.datetime.now() + datetime.timedelta(seconds=1)
    begin = from_time or until - datetime.timedelta(days=1)
    request = review_pb2.ReconcileRequest(from_time=int(begin.timestamp()), until_time=int(until.timestamp()))
    with connected(profile, language) as (connection, screen):
        stub = review_pb2_grpc.ReviewServiceStub(connection.channel)
        found = list(stub.Reconcile(request, metadata=connection.headers()))
        screen.table(
            ("部门", "结果", "数据集", "决定、条目", "网关行数", "部门行数")
            if screen.language == "zh"
            else ("department", "result", "dataset", "decision, entries", "gateway's rows", "department's rows"),
            [_row(screen, difference) for difference in found],
        )
    if any(difference.kind != review_pb2.DIFFERENCE_KIND_AGREED for difference in found):
        raise typer.Exit(EXIT_DIFFERENT)


def _row(screen: Screen, difference: review_pb2.ReconcileResponse) -> tuple[str, ...]:
    words = screen.words(_KINDS[difference.kind])
    if difference.kind == review_pb2.DIFFERENCE_KIND_AGREED:
        scans = f"{difference.gateway_rows:,} 次扫描/scans"
        return difference.department, f"{words}: {scans}", "", "", "", ""
    if difference.reason in set(Reason):
        reason = Reason(difference.reason)
        explained = (screen.words(message(reason, difference.department)), screen.words(remedy(reason)))
        return difference.department, "\n".join((words, *explained)), "", "", "", ""
    return (
        difference.department,
        words,
        difference.dataset,
        "\n".join(filter(None, (difference.decision_id, difference.entry_id, difference.department_entry_id))),
        f"{difference.gateway_rows:,}",
        f"{difference.department_rows:,}",
    )
