"""`gateway destruction …`: results of ended emergencies, and the receipts of their destruction."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, local_time
from gateway.doors.cli.user_folder import local_datasets
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="销毁回执 / destruction receipts")


@commands.command("owed")
def owed(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出应急结束后尚未销毁的结果 / list the results of ended emergencies that are not destroyed yet."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        answer = stub.ListOwedDestructions(governance_pb2.ListOwedDestructionsRequest(), metadata=connection.headers())
        screen.table(
            ("审计编号", "应急状态", "结束时间", "单位与请求人", "用途", "行数")
            if screen.language == "zh"
            else ("audit entry", "emergency", "ended", "office and requester", "purpose", "rows"),
            [
                (
                    one.entry_id,
                    one.emergency,
                    local_time(one.ended_at),
                    f"{one.office}\n{one.requester}",
                    one.purpose,
                    f"{one.rows:,}" if one.HasField("rows") else "?",
                )
                for one in answer.owed
            ],
        )


@commands.command("record")
def record(
    profile: ProfileOption,
    method: Annotated[str, typer.Option(help="销毁方式与见证人 / how, and who witnessed it")],
    entry: Annotated[str | None, typer.Argument(help="审计编号 / audit entry of the result")] = None,
    emergency: Annotated[str | None, typer.Option(help="该应急状态的全部结果 / every result of it")] = None,
    language: LanguageOption = None,
) -> None:
    """登记结果已销毁 / record that a result, or every result of an emergency, was destroyed."""
    if (entry is None) == (emergency is None):
        raise typer.BadParameter("请给出审计编号或 --emergency 之一 / give either an audit entry or --emergency")
    datasets = local_datasets()
    there = [one.path for one in datasets.datasets() if entry in one.entries and one.is_there()]
    with connected(profile, language) as (connection, screen):
        if there:
            screen.say(
                f"✗ 未登记：数据仍在 {there[0]}。请先删除该文件或目录（及其旁的 .{there[0].name}.*），再登记。",
                f"✗ not recorded: the data are still in {there[0]}. Delete it first (and .{there[0].name}.* beside it),"
                " then record it.",
            )
            raise typer.Exit(EXIT_INVALID)
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.RecordDestructionRequest(entry_id=entry, emergency=emergency, method=method)
        for receipt in stub.RecordDestruction(request, metadata=connection.headers()).entry_ids:
            screen.say(f"✓ 已登记，回执编号 {receipt}", f"✓ recorded; the receipt is audit entry {receipt}")
    if entry is not None:
        datasets.forget(entry)
