"""`gateway stop …`: the controllers' stop button."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.governance import StopKind
from gateway.doors.cli.options import LanguageOption, ProfileOption, ReasonOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import local_time
from gateway.doors.governance_messages import stop_kind, stop_kind_message
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="停用 / the stop button")


@commands.command("dataset")
def stop_dataset(
    target: Annotated[str, typer.Argument(metavar="DATASET", help="数据集 / dataset")],
    profile: ProfileOption,
    reason: ReasonOption,
    language: LanguageOption = None,
) -> None:
    """停用数据集，正在传输的结果随即停止 / stop a dataset; results on their way stop."""
    _stop(StopKind.DATASET, target, profile=profile, reason=reason, language=language)


@commands.command("column")
def stop_column(
    target: Annotated[str, typer.Argument(metavar="DATASET.COLUMN", help="列 / column")],
    profile: ProfileOption,
    reason: ReasonOption,
    language: LanguageOption = None,
) -> None:
    """停用一列，其他列照常提供 / stop one column; the others go on."""
    _stop(StopKind.COLUMN, target, profile=profile, reason=reason, language=language)


@commands.command("office")
def stop_office(
    target: Annotated[str, typer.Argument(metavar="OFFICE", help="单位 / office")],
    profile: ProfileOption,
    reason: ReasonOption,
    controller: Annotated[
        str, typer.Option(help="停止提供数据的部门，仅管理员须填 / the controller; administrators only")
    ] = "",
    language: LanguageOption = None,
) -> None:
    """停止向一个单位提供本部门的数据 / stop an office's access to the department's datasets."""
    _stop(StopKind.OFFICE, target, profile=profile, reason=reason, language=language, controller=controller)


@commands.command("agreement")
def stop_agreement(
    target: Annotated[str, typer.Argument(metavar="AGREEMENT", help="协议编号 / agreement id")],
    profile: ProfileOption,
    reason: ReasonOption,
    language: LanguageOption = None,
) -> None:
    """暂停共享协议，解除后恢复 / pause an agreement until the stop is lifted."""
    _stop(StopKind.AGREEMENT, target, profile=profile, reason=reason, language=language)


@commands.command("lift")
def lift(
    id: Annotated[str, typer.Argument(help="停用编号 / id of the stop")],
    profile: ProfileOption,
    reason: ReasonOption,
    language: LanguageOption = None,
) -> None:
    """解除停用 / lift a stop."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        stub.LiftStop(governance_pb2.LiftStopRequest(id=id, reason=reason), metadata=connection.headers())
        screen.say("✓ 停用已解除", "✓ the stop is lifted")


@commands.command("list")
def list_stops(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出停用 / list what is stopped, by whom and why."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        answer = stub.ListStops(governance_pb2.ListStopsRequest(), metadata=connection.headers())
        screen.table(
            ("类别", "对象", "部门", "理由", "停用人", "时间", "编号")
            if screen.language == "zh"
            else ("kind", "target", "controller", "reason", "stopped by", "time", "id"),
            [
                (
                    stop_kind(stop.kind),
                    stop.target,
                    stop.controller,
                    stop.reason,
                    stop.stopped_by,
                    local_time(stop.stopped_at),
                    stop.id,
                )
                for stop in answer.stops
            ],
        )


def _stop(
    kind: StopKind,
    target: str,
    *,
    profile: ProfileOption,
    reason: ReasonOption,
    language: LanguageOption,
    controller: str = "",
) -> None:
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.StopRequest(
            kind=stop_kind_message(kind), target=target, reason=reason, controller=controller
        )
        stop = stub.Stop(request, metadata=connection.headers()).stop
        screen.say(f"✓ {target} 已停用，编号为", f"✓ {target} is stopped, with the id")
        typer.echo(stop.id)
