"""`gateway consent …`: a person's consent to a purpose, recorded by the office that asked."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import local_time
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="个人同意 / consents")
ResidentArgument = Annotated[str, typer.Argument(help="公民身份号码 / resident ID")]
PurposeOption = Annotated[str, typer.Option("--purpose", help="以同意为依据的用途 / purpose that rests on consent")]


@commands.command("record")
def record(
    resident_id: ResidentArgument,
    purpose: PurposeOption,
    evidence: Annotated[str, typer.Option(help="凭据存放处，不写个人信息 / where it can be found, names nobody")],
    profile: ProfileOption,
    days: Annotated[int, typer.Option(help="有效天数，至多 30 / days, at most 30")] = 1,
    language: LanguageOption = None,
) -> None:
    """登记当事人对本单位用途的同意 / record a person's consent to a purpose of your office."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.RecordConsentRequest(
            resident_id=resident_id, purpose=purpose, evidence=evidence, days=days
        )
        until = local_time(stub.RecordConsent(request, metadata=connection.headers()).expires_at)
        screen.say(f"✓ 同意已登记，有效至 {until}", f"✓ the consent is recorded, valid until {until}")


@commands.command("withdraw")
def withdraw(
    resident_id: ResidentArgument, purpose: PurposeOption, profile: ProfileOption, language: LanguageOption = None
) -> None:
    """撤回同意 / withdraw a consent."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.WithdrawConsentRequest(resident_id=resident_id, purpose=purpose)
        stub.WithdrawConsent(request, metadata=connection.headers())
        screen.say("✓ 同意已撤回", "✓ the consent is withdrawn")
