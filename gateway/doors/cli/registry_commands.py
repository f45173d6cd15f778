"""`gateway registry …`: which connector serves what."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="连接器登记 / registered connectors")
DepartmentArgument = Annotated[str, typer.Argument(help="部门 / department id")]


@commands.command("list")
def list_registrations(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出登记的连接器 / list the registered connectors."""
    with connected(profile, language) as (remote, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(remote.channel)
        answer = stub.ListRegistrations(registry_pb2.ListRegistrationsRequest(), metadata=remote.headers())
        screen.table(
            ("部门", "状态", "地址", "数据集")
            if screen.language == "zh"
            else ("department", "state", "endpoint", "datasets"),
            [
                (
                    registration.department,
                    f"{_state(registration)}\n{_changed(registration)}",
                    registration.endpoint,
                    "\n".join(registration.datasets),
                )
                for registration in answer.registrations
            ],
        )


@commands.command("approve")
def approve(department: DepartmentArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """批准部门的连接器 / approve a department's connector."""
    with connected(profile, language) as (remote, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(remote.channel)
        stub.Approve(registry_pb2.ApproveRequest(department=department), metadata=remote.headers())
        screen.say(f"✓ {department} 已启用", f"✓ {department} is active")


@commands.command("suspend")
def suspend(department: DepartmentArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """停用部门的连接器 / suspend a department's connector."""
    with connected(profile, language) as (remote, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(remote.channel)
        stub.Suspend(registry_pb2.SuspendRequest(department=department), metadata=remote.headers())
        screen.say(f"✓ {department} 已停用", f"✓ {department} is suspended")


def _state(registration: registry_pb2.Registration) -> str:
    return registry_pb2.RegistrationState.Name(registration.state).removeprefix("REGISTRATION_STATE_").lower()


def _changed(registration: registry_pb2.Registration) -> str:
    time = datetime.datetime.fromtimestamp(registration.changed_at).astimezone()
    return f"{time:%Y-%m-%d %H:%M} {registration.changed_by}"
