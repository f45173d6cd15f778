"""`gateway agreement …`: what a controller agrees to share."""

from __future__ import annotations

import datetime
import time
from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption, ReasonOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import local_time
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="共享协议 / agreements")
IdArgument = Annotated[str, typer.Argument(help="协议编号 / agreement id")]


@commands.command("sign")
def sign(
    id: IdArgument,
    profile: ProfileOption,
    datasets: Annotated[list[str], typer.Option("--dataset", help="本部门数据集，可重复 / own dataset, repeatable")],
    purposes: Annotated[list[str], typer.Option("--purpose", help="用途，可重复 / purpose, repeatable")],
    recipient: Annotated[str, typer.Option(help="接收单位的行政区划代码前缀 / recipients' division code prefix")],
    until_time: Annotated[datetime.datetime, typer.Option("--until", help="止 / before")],
    from_time: Annotated[datetime.datetime | None, typer.Option("--from", help="起，默认现在 / default now")] = None,
    office: Annotated[str, typer.Option(help="仅限该单位 / this office only")] = "",
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="仅限这些列，写作 数据集.列 / these columns only, as dataset.column"),
    ] = None,
    terms: Annotated[str, typer.Option(help="约定 / terms in words")] = "",
    language: LanguageOption = None,
) -> None:
    """提供部门专员签署共享协议 / sign an agreement as the controller's steward."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        agreement = governance_pb2.Agreement(
            id=id,
            recipient=recipient,
            datasets=datasets,
            purposes=purposes,
            valid_from=int(from_time.timestamp()) if from_time else 0,
            valid_until=int(until_time.timestamp()),
            office=office,
            columns=columns or (),
            terms=terms,
        )
        stub.SignAgreement(governance_pb2.SignAgreementRequest(agreement=agreement), metadata=connection.headers())
        screen.say(f"✓ 协议 {id} 已签署", f"✓ agreement {id} is signed")


@commands.command("revoke")
def revoke(id: IdArgument, profile: ProfileOption, reason: ReasonOption, language: LanguageOption = None) -> None:
    """撤销共享协议，正在传输的结果随即停止 / revoke an agreement; results on their way stop."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.RevokeAgreementRequest(id=id, reason=reason)
        stub.RevokeAgreement(request, metadata=connection.headers())
        screen.say(f"✓ 协议 {id} 已撤销", f"✓ agreement {id} is revoked")


@commands.command("list")
def list_agreements(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出共享协议 / list the agreements."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        answer = stub.ListAgreements(governance_pb2.ListAgreementsRequest(), metadata=connection.headers())
        zh = screen.language == "zh"
        screen.table(
            ("编号", "提供部门", "接收方", "数据集或列", "用途", "起止", "状态与约定")
            if zh
            else (
                "id",
                "controller",
                "recipient",
                "datasets or columns",
                "purposes",
                "from and until",
                "state and terms",
            ),
            [
                (
                    agreement.id,
                    f"{agreement.controller}\n{agreement.signed_by}",
                    agreement.office or agreement.recipient,
                    "\n".join(agreement.columns or agreement.datasets),
                    "\n".join(agreement.purposes),
                    f"{local_time(agreement.valid_from)}\n{local_time(agreement.valid_until)}",
                    "\n".join(filter(None, (_state(agreement, zh=zh), agreement.terms))),
                )
                for agreement in answer.agreements
            ],
        )


def _state(agreement: governance_pb2.Agreement, *, zh: bool) -> str:
    if agreement.HasField("revoked"):
        revoked = agreement.revoked
        return f"{'已撤销' if zh else 'revoked'}\n{local_time(revoked.at)} {revoked.by}\n{revoked.reason}"
    if time.time() >= agreement.valid_until:
        return "已到期" if zh else "over"
    if time.time() < agreement.valid_from:
        return "未生效" if zh else "not yet in force"
    return "有效" if zh else "in force"
