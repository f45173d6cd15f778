"""`gateway registry …`: which connector serves what, and who decides about it."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption, ReasonOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import Screen, local_time
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from sharing_stubs.sharing.registry.v1 import registry_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="连接器登记 / registered connectors")
DepartmentArgument = Annotated[str, typer.Argument(help="部门 / department id")]
ConnectorOption = Annotated[str, typer.Option("--connector", help="连接器名称 / name within the department")]
_STATES = {
    pb.REGISTRATION_STATE_REQUESTED: ("未通过检查", "requested"),
    pb.REGISTRATION_STATE_CHECKED: ("待批准", "checked"),
    pb.REGISTRATION_STATE_APPROVED: ("已批准，未运行", "approved, not running"),
    pb.REGISTRATION_STATE_ACTIVE: ("已启用", "active"),
    pb.REGISTRATION_STATE_SUSPENDED: ("已停用", "suspended"),
    pb.REGISTRATION_STATE_WITHDRAWN: ("已撤回", "withdrawn"),
}


@commands.command("list")
def list_registrations(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出登记的连接器 / list the registered connectors."""
    with connected(profile, language) as (connection, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        answer = stub.ListRegistrations(pb.ListRegistrationsRequest(), metadata=connection.headers())
        screen.table(
            ("部门", "连接器", "状态", "运行实例", "数据集")
            if screen.language == "zh"
            else ("department", "connector", "state", "running", "datasets"),
            [
                (
                    registration.department,
                    registration.connector,
                    f"{_state(registration.state, screen=screen)}\n{local_time(registration.changed_at)} {registration.changed_by}",
                    "\n".join(instance.endpoint for instance in registration.instances),
                    "\n".join(_dataset(dataset, screen=screen) for dataset in registration.datasets),
                )
                for registration in answer.registrations
            ],
        )


@commands.command("show")
def show(
    department: DepartmentArgument,
    profile: ProfileOption,
    connector: ConnectorOption = "main",
    language: LanguageOption = None,
) -> None:
    """查看一个登记的实例与历史 / show a registration's running connectors and history."""
    with connected(profile, language) as (connection, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        request = pb.GetRegistrationRequest(department=department, connector=connector)
        answer = stub.GetRegistration(request, metadata=connection.headers())
        zh = screen.language == "zh"
        for dataset in answer.registration.datasets:
            if dataset.HasField("drift"):
                screen.say(f"✗ {dataset.name}：{dataset.drift.zh}", f"✗ {dataset.name}: {dataset.drift.en}")
        screen.table(
            ("实例", "地址", "代次", "租期至", "证书", "软件")
            if zh
            else ("instance", "endpoint", "generation", "lease until", "certificate", "software"),
            [
                (
                    instance.instance_id,
                    instance.endpoint,
                    str(instance.generation),
                    local_time(instance.lease_expires_at),
                    instance.certificate_sha256[:16],
                    instance.software,
                )
                for instance in answer.registration.instances
            ],
        )
        screen.table(
            ("时间", "状态", "操作人", "理由") if zh else ("time", "state", "by", "why"),
            [
                (local_time(change.at), _state(change.state, screen=screen), change.by, change.reason)
                for change in answer.history
            ],
        )


@commands.command("approve")
def approve(
    department: DepartmentArgument,
    profile: ProfileOption,
    connector: ConnectorOption = "main",
    language: LanguageOption = None,
) -> None:
    """批准部门的连接器 / approve a department's connector."""
    with connected(profile, language) as (connection, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        request = pb.ApproveRequest(department=department, connector=connector)
        _say_state(stub.Approve(request, metadata=connection.headers()).registration, screen=screen)


@commands.command("suspend")
def suspend(
    department: DepartmentArgument,
    profile: ProfileOption,
    reason: ReasonOption,
    connector: ConnectorOption = "main",
    language: LanguageOption = None,
) -> None:
    """停用部门的连接器，正在传输的结果随即停止 / suspend a connector; results on their way stop."""
    with connected(profile, language) as (connection, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        request = pb.SuspendRequest(department=department, connector=connector, reason=reason)
        _say_state(stub.Suspend(request, metadata=connection.headers()).registration, screen=screen)


@commands.command("resume")
def resume(
    department: DepartmentArgument,
    profile: ProfileOption,
    reason: ReasonOption,
    connector: ConnectorOption = "main",
    language: LanguageOption = None,
) -> None:
    """恢复停用的连接器 / end a suspension."""
    with connected(profile, language) as (connection, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        request = pb.ResumeRequest(department=department, connector=connector, reason=reason)
        _say_state(stub.Resume(request, metadata=connection.headers()).registration, screen=screen)


@commands.command("withdraw")
def withdraw(
    department: DepartmentArgument,
    profile: ProfileOption,
    reason: ReasonOption,
    connector: ConnectorOption = "main",
    language: LanguageOption = None,
) -> None:
    """撤回登记，此名称不再使用 / end a registration for good; its name is not used again."""
    with connected(profile, language) as (connection, screen):
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        request = pb.WithdrawRequest(department=department, connector=connector, reason=reason)
        _say_state(stub.Withdraw(request, metadata=connection.headers()).registration, screen=screen)


def _say_state(registration: pb.Registration, *, screen: Screen) -> None:
    name = f"{registration.department}/{registration.connector}"
    state = _state(registration.state, screen=screen)
    screen.say(f"✓ {name}：{state}", f"✓ {name}: {state}")


def _state(state: pb.RegistrationState, *, screen: Screen) -> str:
    zh, en = _STATES[state]
    return zh if screen.language == "zh" else en


def _dataset(dataset: pb.DatasetState, *, screen: Screen) -> str:
    if not dataset.HasField("drift"):
        return dataset.name
    return f"✗ {dataset.name}\n{dataset.drift.zh if screen.language == 'zh' else dataset.drift.en}"
