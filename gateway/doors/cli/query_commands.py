"""`gateway query` and `gateway explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.doors.cli.options import CaseOption, LanguageOption, ProfileOption, PurposeOption
from gateway.doors.cli.output import check_output, write_result
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_DENIED, EXIT_INVALID, Screen
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc


def query(
    sql: Annotated[str, typer.Argument(help="SQL")],
    profile: ProfileOption,
    purpose: PurposeOption = "",
    case: CaseOption = "",
    output: Annotated[
        Path | None, typer.Option("--output", help="保存为 / write to: .parquet .arrow .csv .xlsx")
    ] = None,
    language: LanguageOption = None,
) -> None:
    """执行查询 / run a query."""
    with connected(profile, language) as (remote, screen):
        try:
            if output is not None:
                check_output(output)
            result = remote.query(sql, purpose=purpose, case=case)
            if output is None:
                rows = screen.result(result.batches(), schema=result.schema)
            else:
                rows = write_result(screen.watched(result.batches()), schema=result.schema, path=output)
        except (ValueError, OSError) as error:
            screen.say(f"无法保存结果：{error}", f"the result cannot be written: {error}")
            raise typer.Exit(EXIT_INVALID) from error
        entry = result.receipt["entry"]
        saved = f" → {output}" if output else ""
        screen.say(f"✓ {rows:,} 行{saved}；审计编号 {entry}", f"✓ {rows:,} rows{saved}; audit entry {entry}")


def explain(
    sql: Annotated[str, typer.Argument(help="SQL")],
    profile: ProfileOption,
    purpose: PurposeOption = "",
    case: CaseOption = "",
    language: LanguageOption = None,
) -> None:
    """说明该查询会得到什么，不读取数据 / tell what a query would get, without touching data."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.ExplainQuery(
            catalog_pb2.ExplainQueryRequest(sql=sql), metadata=remote.headers(purpose=purpose, case=case)
        )
        _show_explanation(screen, answer)
    if not answer.allow:
        raise typer.Exit(EXIT_DENIED)


def _show_explanation(screen: Screen, answer: catalog_pb2.ExplainQueryResponse) -> None:
    chinese = screen.language == "zh"
    screen.out.print(
        ("[green]✓ 允许[/]" if chinese else "[green]✓ allowed[/]")
        if answer.allow
        else ("[red]✗ 拒绝[/]" if chinese else "[red]✗ denied[/]")
    )
    screen.table(
        ("数据集", "列", "处理", "脱敏") if chinese else ("dataset", "column", "treatment", "mask"),
        [(c.dataset, c.column, c.action, c.mask) for c in answer.columns],
    )
    for scope in answer.rows:
        screen.out.print(f"{scope.dataset}: {scope.text.zh if chinese else scope.text.en}", markup=False)
    for denial in answer.denials:
        for label, text in (
            ("✗ " + denial.code, denial.message),
            ("依据/basis", denial.legal_basis),
            ("办法/remedy", denial.remedy),
        ):
            screen.out.print(f"{label}: {text.zh if chinese else text.en}", markup=False)
    if answer.legal_basis:
        screen.out.print("依据：" if chinese else "Legal basis:")
    for basis in answer.legal_basis:
        screen.out.print(f"  {basis.zh if chinese else basis.en}", markup=False)
    rules = ", ".join(answer.determined_by)
    revision = (
        f"策略版本 {answer.policy_revision}；规则 {rules}"
        if chinese
        else f"policy {answer.policy_revision}; rules {rules}"
    )
    screen.out.print(revision, markup=False)
