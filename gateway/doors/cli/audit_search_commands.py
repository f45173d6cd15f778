"""`gateway audit search` and `gateway audit stats`: what the access log says."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from connectors.sdk.access_log import HIDDEN, connect, entry_rows
from connectors.sdk.tlog import Entry, decode_entry
from gateway.client.audit_reports import PURPOSE, REPORTS, ReportName
from gateway.client.files.delivery import deliver
from gateway.client.files.formats import FileProblem, check_file_name, write_rows
from gateway.client.files.local import Request
from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen
from gateway.doors.cli.user_folder import local_datasets
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

commands = typer.Typer()
DAYS = 30
_SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))

OutputOption = Annotated[
    Path | None, typer.Option(help="保存为 .parquet .csv .xlsx .arrow / write a file", dir_okay=False)
]


@commands.command("search")
def search(
    profile: ProfileOption,
    office: Annotated[str, typer.Option(help="单位 / office id")] = "",
    requester: Annotated[str, typer.Option(help="请求人或被处置人 / who did it, or to whom")] = "",
    purpose: Annotated[str, typer.Option(help="用途 / purpose")] = "",
    dataset: Annotated[str, typer.Option(help="数据集 / dataset")] = "",
    column: Annotated[str, typer.Option(help="列 / column: phone, population.resident.phone")] = "",
    person: Annotated[str, typer.Option(help="主体令牌 / token of somebody looked up")] = "",
    kind: Annotated[str, typer.Option(help="类别 / kind: intent receipt denial failure …")] = "",
    outcome: Annotated[str, typer.Option(help="结果 / outcome: delivered cancelled failed revoked unknown")] = "",
    case: Annotated[str, typer.Option(help="案件编号 / case")] = "",
    from_time: Annotated[datetime.datetime | None, typer.Option("--from", help="起 / not before")] = None,
    until_time: Annotated[datetime.datetime | None, typer.Option("--until", help="止 / before")] = None,
    entries_max: Annotated[int, typer.Option("--max", min=1, help="最多条数 / newest entries")] = 100,
    output: OutputOption = None,
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
        column=column,
        person=person,
        kind=kind,
        outcome=outcome,
        case=case,
        entries_max=entries_max,
    )
    with connected(profile, language) as (connection, screen):
        _check_output(screen, output)
        stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
        leaves = [found.leaf for found in stub.SearchEntries(request, metadata=connection.headers())]
        if output is not None:
            _save(leaves, output=output)
        elif as_json:
            for leaf in leaves:
                typer.echo(_json(decode_entry(leaf)))
            return
        else:
            _show(screen, map(decode_entry, leaves))
        screen.say(f"{len(leaves)} 条", f"{len(leaves)} entries")


@commands.command("stats")
def stats(
    report: Annotated[ReportName, typer.Argument(help="统计内容 / which report")],
    profile: ProfileOption,
    since: Annotated[
        datetime.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="起，缺省为 30 天前 / first day")
    ] = None,
    until: Annotated[
        datetime.datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="止（含） / last day")
    ] = None,
    least: Annotated[int | None, typer.Option(min=1, help="异常的下限 / what counts as unusual")] = None,
    output: OutputOption = None,
    language: LanguageOption = None,
) -> None:
    """统计访问日志，经共享网关查询 / statistics of the access log, asked through the gateway like any query.

    offices controllers purposes hours denials volume night outside people
    """
    today = datetime.datetime.now(_SHANGHAI).date()
    first = since.date() if since else today - datetime.timedelta(days=DAYS)
    chosen = REPORTS[report]
    sql = chosen.sql(first=first, last=until.date() if until else today, least=least)
    with connected(profile, language) as (connection, screen):
        _check_output(screen, output)
        screen.say(chosen.title.zh, chosen.title.en)
        if output is None:
            result = connection.query(sql, purpose=PURPOSE)
            screen.result(result.batches(), schema=result.schema, titles={})
        else:
            asked = Request(sql=sql, purpose=PURPOSE)
            deliver(connection, asked, path=output, profile=profile, datasets=local_datasets(), now=time.time())


def _check_output(screen: Screen, output: Path | None) -> None:
    try:
        if output is not None:
            check_file_name(output)
    except FileProblem as problem:
        screen.say(problem.text.zh, problem.text.en)
        raise typer.Exit(EXIT_INVALID) from problem


def _save(leaves: list[bytes], *, output: Path) -> None:
    with connect() as database:
        rows: pa.Table = entry_rows(leaves, database=database).drop_columns(list(HIDDEN))
    write_rows(iter(rows.to_batches()), schema=rows.schema, path=output)


def _show(screen: Screen, entries: Iterable[Entry]) -> None:
    zh = screen.language == "zh"
    screen.table(
        ("序号", "时间", "类别与结果", "请求人、对象与用途", "数据集")
        if zh
        else ("no.", "time", "kind and result", "requester, target and purpose", "datasets"),
        [_row(entry) for entry in entries],
    )


def _json(entry: Entry) -> str:
    shown = {
        "sequence": entry.sequence,
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "time_micros": entry.time_micros,
        "leaf_hash": entry.sha256,
        "body": entry.body,
    }
    return json.dumps(shown, ensure_ascii=False)


def _row(entry: Entry) -> tuple[str, ...]:
    body = entry.body
    time = datetime.datetime.fromtimestamp(entry.time_micros / 1e6).astimezone()
    subject = (body.get("requester") or {}).get("subject")
    target = f"→ {body['target']}" if "target" in body else None
    return (
        str(entry.sequence),
        time.strftime("%m-%d %H:%M:%S"),
        "\n".join((entry.kind, *_results(entry))),
        "\n".join(filter(None, (subject, target, body.get("purpose")))),
        "\n".join(dataset["name"] for dataset in body.get("datasets", ())),
    )


def _results(entry: Entry) -> Iterable[str]:
    body = entry.body
    for name in ("outcome", "reason", "action"):
        if body.get(name):
            yield str(body[name])
    sent = body.get("sent") or {}
    if "rows" in sent:
        yield f"{sent['rows']:,} 行/rows"
    for denial in body.get("denials", ()):
        yield str(denial["code"])
