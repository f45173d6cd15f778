"""`gateway query` and `gateway explain`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.vocabulary import Role
from gateway.doors.cli.explanation import show_explanation
from gateway.doors.cli.options import CaseOption, LanguageOption, ProfileOption, PurposeOption
from gateway.doors.cli.output import check_output, write_result
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_DENIED, EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc


def query(
    sql: Annotated[str, typer.Argument(help="SQL")],
    profile: ProfileOption,
    purpose: PurposeOption = "",
    case: CaseOption = "",
    output: Annotated[
        Path | None, typer.Option("--output", help="保存为 / write to: .parquet .arrow .csv .xlsx")
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial",
            help="部门连接器不可用时，接受缺少其数据的结果 / accept a result without departments that are down",
        ),
    ] = False,
    language: LanguageOption = None,
) -> None:
    """执行查询 / run a query."""
    with connected(profile, language) as (remote, screen):
        try:
            if output is not None:
                check_output(output)
            result = remote.query(sql, purpose=purpose, case=case, partial=partial)
            if output is None:
                rows = screen.result(result.batches(), schema=result.schema)
            else:
                rows = write_result(
                    screen.watched(result.batches()),
                    schema=result.schema,
                    path=output,
                    receipt=lambda: json.dumps(result.receipt).encode(),
                )
        except (ValueError, OSError) as error:
            screen.say(f"无法保存结果：{error}", f"the result cannot be written: {error}")
            raise typer.Exit(EXIT_INVALID) from error
        _show_datasets(screen, result.receipt["datasets"])
        entry = result.receipt["entry"]
        saved = f" → {output}" if output else ""
        screen.say(f"✓ {rows:,} 行{saved}；审计编号 {entry}", f"✓ {rows:,} rows{saved}; audit entry {entry}")


def _show_datasets(screen: Screen, datasets: Mapping[str, Mapping[str, Any]]) -> None:
    """Tell as of when each dataset is, and which one is missing."""
    for name, facts in datasets.items():
        if facts["missing"]:
            screen.say(
                f"⚠ 结果不完整：缺少数据集“{name}”，其部门连接器不可用，请稍后重新查询",
                f"⚠ incomplete: dataset '{name}' is missing, its department's connector is down; ask again later",
            )
        elif facts["as_of"]:
            late = ("（已逾更新周期）", " (later than its update cycle promises)") if facts["late"] else ("", "")
            as_of = local_time(facts["as_of"])
            screen.say(f"数据集“{name}”截至 {as_of}{late[0]}", f"dataset '{name}' as of {as_of}{late[1]}")


def explain(
    sql: Annotated[str, typer.Argument(help="SQL")],
    profile: ProfileOption,
    purpose: PurposeOption = "",
    case: CaseOption = "",
    as_office: Annotated[
        str,
        typer.Option(
            "--as-office",
            help="管理员：该单位至多会得到什么（合并全部角色，取最高权限级别），记入日志"
            " / administrators: the most that an office would get (all its roles, its highest clearance); recorded",
        ),
    ] = "",
    as_role: Annotated[
        Role | None,
        typer.Option("--as-role", help="与 --as-office 同用：只看此角色 / with --as-office: this role only"),
    ] = None,
    language: LanguageOption = None,
) -> None:
    """说明该查询会得到什么，不读取数据 / tell what a query would get, without touching data."""
    if as_role and not as_office:
        raise typer.BadParameter("--as-role 须与 --as-office 同用 / --as-role needs --as-office")
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.ExplainQuery(
            catalog_pb2.ExplainQueryRequest(sql=sql, as_office=as_office, as_role=as_role or ""),
            metadata=remote.headers(purpose=purpose, case=case),
        )
        show_explanation(screen, answer)
    if not answer.allow:
        raise typer.Exit(EXIT_DENIED)
