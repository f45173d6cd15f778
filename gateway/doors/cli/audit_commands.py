"""`gateway audit …`: search the access log and verify it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.audit import Verification, VerificationKey, verify, verify_lines
from gateway.doors.cli.options import LanguageChoice, LanguageOption, ProfileOption
from gateway.doors.cli.remote import Remote
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="审计日志 / the access log")
EXIT_BROKEN = 1


@commands.command("search")
def search(
    profile: ProfileOption,
    office: Annotated[str, typer.Option(help="单位 / office id")] = "",
    requester: Annotated[str, typer.Option(help="请求人或被处置人 / who did it, or to whom")] = "",
    purpose: Annotated[str, typer.Option(help="用途 / purpose")] = "",
    dataset: Annotated[str, typer.Option(help="数据集 / dataset")] = "",
    kind: Annotated[str, typer.Option(help="类别 / kind: intent receipt denial failure …")] = "",
    case: Annotated[str, typer.Option(help="案件编号 / case")] = "",
    from_time: Annotated[datetime.datetime | None, typer.Option("--from", help="起 / not before")] = None,
    until_time: Annotated[datetime.datetime | None, typer.Option("--until", help="止 / before")] = None,
    entries_max: Annotated[int, typer.Option("--max", min=1, help="最多条数 / newest entries")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="每行一条 JSON / one JSON object a line")] = False,
    language: LanguageOption = None,
) -> None:
    """查询访问日志 / search the access log."""
    request = audit_pb2.SearchEntriesRequest(
        from_time=int(from_time.timestamp()) if from_time else 0,
        until_time=int(until_time.timestamp()) if until_time else 0,
        office=office,
        requester=requester,
        purpose=purpose,
        dataset=dataset,
        kind=kind,
        case=case,
        entries_max=entries_max,
    )
    with connected(profile, language) as (remote, screen):
        stub = audit_pb2_grpc.AuditServiceStub(remote.channel)
        found = [r.canonical_json for r in stub.SearchEntries(request, metadata=remote.headers())]
        if as_json:
            for line in found:
                typer.echo(line.decode())
            return
        zh = screen.language == "zh"
        screen.table(
            ("序号", "时间", "类别与结果", "请求人、对象与用途", "数据集")
            if zh
            else ("no.", "time", "kind and result", "requester, target and purpose", "datasets"),
            [_row(json.loads(line)) for line in found],
        )
        screen.say(f"{len(found)} 条", f"{len(found)} entries")


@commands.command("verify")
def verify_log(
    key: Annotated[Path, typer.Option(help="日志验证公钥 / the log's verification key", exists=True, dir_okay=False)],
    log: Annotated[Path | None, typer.Option(help="日志目录 / log directory", exists=True, file_okay=False)] = None,
    profile: Annotated[Path | None, typer.Option(help="经网关下载 / download through the gateway", exists=True)] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """验证日志未被改动 / verify that nobody changed the log. Exit 1 when somebody did."""
    screen = Screen.make(language.value)
    if (log is None) == (profile is None):
        screen.say("请给出 --log 或 --profile 之一。", "give either --log or --profile.")
        raise typer.Exit(EXIT_INVALID)
    public_key = VerificationKey.from_text(key.read_text("utf-8"))
    if log is not None:
        _show(screen, verify(log, public_key=public_key))
    elif profile is not None:
        with connected(profile, language) as (remote, _):
            lines, checkpoint = _download(remote)
        _show(screen, verify_lines(lines, checkpoint=checkpoint, public_key=public_key))


def _download(remote: Remote) -> tuple[list[bytes], bytes]:
    stub = audit_pb2_grpc.AuditServiceStub(remote.channel)
    pieces, checkpoint = [], b""
    for response in stub.ReadLog(audit_pb2.ReadLogRequest(), metadata=remote.headers()):
        if response.WhichOneof("payload") == "checkpoint":
            checkpoint = response.checkpoint
        else:
            pieces.append(response.log)
    return [line for piece in pieces for line in piece.splitlines(keepends=True)], checkpoint


def _show(screen: Screen, verification: Verification) -> None:
    if not verification.problems:
        head = verification.head[:16]
        screen.out.print(
            f"✓ 日志完整：{verification.entries:,} 条，链头 {head}…"
            if screen.language == "zh"
            else f"✓ the log is intact: {verification.entries:,} entries, head {head}…"
        )
        return
    for problem in verification.problems:
        where = f"{problem.sequence or '—'} ({problem.entry_id or '—'}) {problem.place}"
        label = "第几条" if screen.language == "zh" else "entry"
        screen.out.print(f"✗ {problem.kind} · {label} {where}: {screen.words(problem.text)}", markup=False)
    raise typer.Exit(EXIT_BROKEN)


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    body = entry["body"]
    time = datetime.datetime.fromtimestamp(entry["time_micros"] / 1e6).astimezone()
    subject = (body.get("requester") or {}).get("subject")
    target = f"→ {body['target']}" if "target" in body else None
    return (
        str(entry["sequence"]),
        time.strftime("%m-%d %H:%M:%S"),
        "\n".join((entry["kind"], *_results(body))),
        "\n".join(filter(None, (subject, target, body.get("purpose")))),
        "\n".join(dataset["name"] for dataset in body.get("datasets", ())),
    )


def _results(body: dict[str, Any]) -> Iterator[str]:
    for name in ("outcome", "reason", "action"):
        if body.get(name):
            yield str(body[name])
    sent = body.get("sent") or {}
    if "rows" in sent:
        yield f"{sent['rows']:,} 行/rows"
    for denial in body.get("denials", ()):
        yield str(denial["code"])
