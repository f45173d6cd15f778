"""`gateway emergency …`: sign, declare, end and list emergencies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError

from catalog.governance import Declaration, GovernanceRefused, Signature, sign_declaration
from gateway.doors.cli.keys import signing_key
from gateway.doors.cli.options import LanguageChoice, LanguageOption, ProfileOption, ReasonOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from gateway.doors.governance_messages import declaration_message
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="应急状态 / emergencies")
DeclarationArgument = Annotated[Path, typer.Argument(help="声明 / declaration, YAML", exists=True, dir_okay=False)]


@commands.command("sign")
def sign(
    declaration: DeclarationArgument,
    key: Annotated[Path, typer.Option(help="签署人私钥 / signer's Ed25519 key, PEM", exists=True, dir_okay=False)],
    signer: Annotated[str, typer.Option(help="签署人编号 / signer id")],
    output: Annotated[
        Path | None, typer.Option(help="签名文件，默认在声明旁边 / default: beside the declaration")
    ] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """离线签署声明 / sign a declaration offline."""
    screen = Screen.make(language.value)
    content = _read_declaration(declaration, screen=screen)
    screen.out.print_json(content.canonical())
    signature = sign_declaration(content, signer=signer, key=signing_key(key))
    output = output or declaration.with_name(f"{declaration.stem}.{signer}.sig.json")
    output.write_text(signature.model_dump_json(indent=2) + "\n", "utf-8")
    period = f"{local_time(content.starts_at)} – {local_time(content.ends_at)}"
    screen.say(f"✓ 已签署以上内容（{period}）：{output}", f"✓ signed what is shown ({period}): {output}")


@commands.command("declare")
def declare(
    declaration: DeclarationArgument,
    signatures: Annotated[list[Path], typer.Argument(help="签名文件 / signature files", exists=True, dir_okay=False)],
    profile: ProfileOption,
    language: LanguageOption = None,
) -> None:
    """宣布应急状态 / bring a signed declaration into force."""
    with connected(profile, language) as (connection, screen):
        content = _read_declaration(declaration, screen=screen)
        read = [_read_signature(path, screen=screen) for path in signatures]
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.DeclareEmergencyRequest(
            declaration=declaration_message(content),
            signatures=[governance_pb2.Signature(signer=s.signer, signature=s.signature) for s in read],
        )
        stub.DeclareEmergency(request, metadata=connection.headers())
        until = local_time(content.ends_at)
        screen.say(f"✓ {content.id} 有效至 {until}", f"✓ {content.id} is in force until {until}")


@commands.command("end")
def end(
    id: Annotated[str, typer.Argument(help="应急状态编号 / emergency id")],
    profile: ProfileOption,
    reason: ReasonOption,
    language: LanguageOption = None,
) -> None:
    """提前终止应急状态 / end an emergency before its time."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        request = governance_pb2.EndEmergencyRequest(id=id, reason=reason)
        stub.EndEmergency(request, metadata=connection.headers())
        screen.say(
            f"✓ {id} 已终止；接收单位须销毁结果（gateway destruction owed）",
            f"✓ {id} has ended; the recipients destroy what they received (gateway destruction owed)",
        )


@commands.command("list")
def list_emergencies(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出应急状态 / list the emergencies."""
    with connected(profile, language) as (connection, screen):
        stub = governance_pb2_grpc.GovernanceServiceStub(connection.channel)
        answer = stub.ListEmergencies(governance_pb2.ListEmergenciesRequest(), metadata=connection.headers())
        screen.table(
            ("编号", "事由", "区域", "用途", "起止", "签署人", "状态")
            if screen.language == "zh"
            else ("id", "title", "area", "purposes", "from and until", "signed by", "state"),
            [_row(emergency, screen=screen) for emergency in answer.emergencies],
        )
        for problem in answer.problems:
            screen.say(f"✗ {problem.id} 不予采信：{problem.text.zh}", f"✗ {problem.id} is ignored: {problem.text.en}")


def _row(emergency: governance_pb2.Emergency, *, screen: Screen) -> tuple[str, ...]:
    declaration = emergency.declaration
    return (
        declaration.id,
        declaration.title.zh if screen.language == "zh" else declaration.title.en,
        declaration.area,
        "\n".join(declaration.purposes),
        f"{local_time(declaration.starts_at)}\n{local_time(declaration.ends_at)}",
        "\n".join(emergency.signers),
        _state(emergency, zh=screen.language == "zh"),
    )


def _state(emergency: governance_pb2.Emergency, *, zh: bool) -> str:
    now = time.time()
    if emergency.HasField("ended"):
        ended = emergency.ended
        return f"{'已终止' if zh else 'ended'}\n{local_time(ended.at)} {ended.by}\n{ended.reason}"
    if now >= emergency.declaration.ends_at:
        return "已到期" if zh else "over"
    if now < emergency.declaration.starts_at:
        return "未开始" if zh else "not begun"
    return "有效" if zh else "in force"


def _read_declaration(path: Path, *, screen: Screen) -> Declaration:
    try:
        return Declaration.read(yaml.safe_load(path.read_text("utf-8")))
    except GovernanceRefused as error:
        screen.say(f"✗ {error.text.zh}", f"✗ {error.text.en}")
    except (yaml.YAMLError, ValueError) as error:
        screen.say(f"✗ {path} 不是 YAML：{error}", f"✗ {path} is not YAML: {error}")
    raise typer.Exit(EXIT_INVALID)


def _read_signature(path: Path, *, screen: Screen) -> Signature:
    try:
        return Signature.model_validate_json(path.read_bytes())
    except ValidationError as error:
        screen.say(f"✗ {path} 不是签名文件", f"✗ {path} is not a signature file")
        raise typer.Exit(EXIT_INVALID) from error
