"""`gateway query` and `gateway explain`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from catalog.vocabulary import Role
from gateway.client import Connection
from gateway.client.catalogue_names import CatalogueNames
from gateway.client.files.delivery import check_path, deliver
from gateway.client.files.formats import FileProblem
from gateway.client.files.local import Request
from gateway.doors.cli.explanation import show_explanation
from gateway.doors.cli.interactive import Dialogue, converse
from gateway.doors.cli.options import CaseOption, LanguageOption, ProfileOption, PurposeOption
from gateway.doors.cli.query_history import QueryHistory
from gateway.doors.cli.session import connected, session
from gateway.doors.cli.show import EXIT_DENIED, EXIT_INVALID, Screen, show_delivery
from gateway.doors.cli.user_folder import local_datasets, user_folder


def query(
    profile: ProfileOption,
    sql: Annotated[
        str,
        typer.Argument(
            help="SQL；不给则逐条询问，或从标准输入读取 / without it one after the other is asked for, or standard input read",
            show_default=False,
        ),
    ] = "",
    purpose: PurposeOption = "",
    case: CaseOption = "",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            help="保存为 / write to: .parquet .arrow .csv .xlsx；没有后缀则为可续传的分片目录"
            " / without an ending a folder of parts, which is taken up after a cut",
        ),
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
    if not sql and not sys.stdin.isatty():
        sql = sys.stdin.read()
    with session(profile, language) as opened:
        connection, screen = opened.connection, opened.screen
        names = CatalogueNames(connection.catalog)
        if not sql:
            dialogue = Dialogue(
                session=opened, names=names, purpose=purpose, case=case, partial=partial, datasets=local_datasets()
            )
            converse(dialogue, history=QueryHistory(user_folder() / "query-history"))
            return
        if output is not None:
            request = Request(sql=sql, purpose=purpose, case=case, partial=partial)
            save(connection, request, output=output, profile=profile, screen=screen)
            return
        with connection.query(sql, purpose=purpose, case=case, partial=partial) as result:
            titles = names.titles(result.treatment) if screen.out.is_terminal else {}
            rows = screen.result(result.batches(), schema=result.schema, titles=titles)
            show_delivery(screen, (result.receipt,), rows=rows)


def save(connection: Connection, request: Request, *, output: Path, profile: Path, screen: Screen) -> None:
    """Deliver a result to a file or a folder of parts and tell what came; what cannot be written ends the command."""
    try:
        check_path(output)
        with screen.progress() as told:
            delivered = deliver(
                connection,
                request,
                path=output,
                profile=profile,
                datasets=local_datasets(),
                now=time.time(),
                on_progress=told,
            )
    except FileProblem as problem:
        screen.say(problem.text.zh, problem.text.en)
        raise typer.Exit(EXIT_INVALID) from problem
    except OSError as error:
        screen.say(f"无法保存结果：{error}", f"the result cannot be written: {error}")
        raise typer.Exit(EXIT_INVALID) from error
    if delivered.outdated:
        screen.say(
            f"上次中断留下的 {delivered.outdated} 个分片已超过 24 小时，已重新取数。",
            f"{delivered.outdated} parts of the attempt that broke off were older than 24 hours and were fetched anew.",
        )
    show_delivery(screen, delivered.receipts, rows=delivered.rows, path=output)


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
    with connected(profile, language) as (connection, screen):
        explanation = connection.explain(sql, purpose=purpose, case=case, as_office=as_office, as_role=as_role or "")
        show_explanation(screen, explanation.answer)
    if not explanation.allow:
        raise typer.Exit(EXIT_DENIED)
