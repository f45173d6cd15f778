"""`gateway access …`: stop a requester or purpose as a whole."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.governance import RevocationKind
from gateway.doors.cli.options import LanguageOption, ProfileOption, ReasonOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import local_time
from gateway.doors.governance_messages import revocation_kind, revocation_kind_message
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="停用与恢复 / revoke and restore")
KindArgument = Annotated[RevocationKind, typer.Argument(help="请求人或用途 / requester or purpose")]
IdArgument = Annotated[str, typer.Argument(help="请求人或用途编号 / subject or purpose id")]


@commands.command("revoke")
def revoke(
    kind: KindArgument, id: IdArgument, profile: ProfileOption, reason: ReasonOption, language: LanguageOption = None
) -> None:
    """停用请求人或用途，正在传输的结果随即停止 / revoke a requester or purpose; results on their way stop."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.RevokeAccessRequest(kind=revocation_kind_message(kind), id=id, reason=reason)
        stub.RevokeAccess(request, metadata=connection.headers())
        screen.say(f"✓ {id} 已停用", f"✓ {id} is revoked")


@commands.command("restore")
def restore(
    kind: KindArgument, id: IdArgument, profile: ProfileOption, reason: ReasonOption, language: LanguageOption = None
) -> None:
    """恢复请求人或用途 / restore a requester or purpose."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.RestoreAccessRequest(kind=revocation_kind_message(kind), id=id, reason=reason)
        stub.RestoreAccess(request, metadata=connection.headers())
        screen.say(f"✓ {id} 已恢复", f"✓ {id} is restored")


@commands.command("list")
def list_revocations(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出已停用的请求人与用途 / list what is revoked."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        answer = stub.ListRevocations(governance_pb2.ListRevocationsRequest(), metadata=connection.headers())
        screen.table(
            ("类别", "编号", "理由", "停用人", "时间")
            if screen.language == "zh"
            else ("kind", "id", "reason", "revoked by", "time"),
            [
                (revocation_kind(r.kind), r.id, r.reason, r.revoked_by, local_time(r.revoked_at))
                for r in answer.revocations
            ],
        )
