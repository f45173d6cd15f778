"""`gateway report`: fill in the forms that an office has to hand in."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from catalog.dataset import Text
from gateway.client.reports.fill import Wanted, fill_report
from gateway.client.reports.model import ReportInvalid, Template, load_template, template_names
from gateway.doors.cli.options import CaseOption, LanguageChoice, LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from gateway.doors.cli.user_folder import local_datasets

commands = typer.Typer(no_args_is_help=True, help="报表 / report sheets")
TemplateArgument = Annotated[
    str,
    typer.Argument(metavar="TEMPLATE", help="模板名称或自己的 .yaml 文件 / name of a template, or your own .yaml file"),
]
_BY_A_PERSON = Text(zh="人工填写", en="filled in by a person")


@commands.command("list")
def list_templates(language: LanguageOption = None) -> None:
    """列出随附的报表模板 / list the templates that come with the client."""
    screen = _screen(language)
    headings = [Text(zh="模板", en="template"), Text(zh="名称", en="title"), Text(zh="用途", en="purpose")]
    templates = [load_template(name) for name in template_names()]
    rows = [(template.id, screen.words(template.title), template.purpose) for template in templates]
    screen.table([screen.words(heading) for heading in headings], rows)


@commands.command()
def show(template: TemplateArgument, language: LanguageOption = None) -> None:
    """说明一个模板：参数、各列来源、何者由人填写 / tell what a template asks for and what people fill in."""
    screen = _screen(language)
    loaded = _loaded(template, screen)
    screen.out.print(f"{loaded.id}  {screen.words(loaded.title)}", markup=False)
    screen.out.print(screen.words(loaded.description), markup=False)
    screen.indented(screen.words(Text(zh="用途", en="purpose")), loaded.purpose)
    for name, parameter in loaded.parameters.items():
        default = f"{parameter.kind} = {parameter.default or '“”'}"
        screen.indented(f"--set {name}=…", f"{screen.words(parameter.title)} ({default})")
    columns = ((loaded.group,) if loaded.group else ()) + loaded.columns
    screen.table(
        [screen.words(Text(zh="列", en="column")), screen.words(Text(zh="来源", en="from"))],
        [
            (screen.words(column.heading), "; ".join(filter(None, _sources(column.column, column.ask, screen))))
            for column in columns
        ],
    )


@commands.command()
def fill(
    template: TemplateArgument,
    profile: ProfileOption,
    output: Annotated[Path, typer.Option("--output", help="保存为 / write to: F.xlsx")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="设定参数，可多次 / set a parameter; may be repeated"),
    ] = None,
    case: CaseOption = "",
    language: LanguageOption = None,
) -> None:
    """查询并生成可上报的报表 / run the query and write the finished form."""
    with connected(profile, language) as (connection, screen):
        loaded = _loaded(template, screen)
        try:
            wanted = Wanted(
                template=loaded,
                typed=_settings(settings or ()),
                case=case,
                language=screen.language,
                today=datetime.datetime.now(ZoneInfo("Asia/Shanghai")).date(),
            )
            report = fill_report(connection, wanted, path=output, profile=profile, datasets=local_datasets())
        except ReportInvalid as error:
            screen.say(error.text.zh, error.text.en)
            raise typer.Exit(EXIT_INVALID) from error
        except OSError as error:
            screen.say(f"无法保存报表：{error}", f"the report cannot be written: {error}")
            raise typer.Exit(EXIT_INVALID) from error
        until = local_time(report.expires_at)
        by_hand = sum(column.ask is not None for column in loaded.columns)
        screen.say(
            f"✓ {report.rows:,} 行 → {output}；{by_hand} 列有待人工填写的黄色单元格；保存至 {until}；审计编号 {report.entry}",
            f"✓ {report.rows:,} rows → {output}; {by_hand} columns have yellow cells for people to fill in;"
            f" keep until {until}; audit entry {report.entry}",
        )


def _screen(language: LanguageOption) -> Screen:
    return Screen.make((language or LanguageChoice.ZH).value)


def _loaded(name: str, screen: Screen) -> Template:
    try:
        return load_template(name)
    except ReportInvalid as error:
        screen.say(error.text.zh, error.text.en)
        raise typer.Exit(EXIT_INVALID) from error


def _settings(given: Sequence[str]) -> dict[str, str]:
    """Return what was set, by name.

    Raises:
        ReportInvalid: It is not NAME=VALUE, or is set twice.
    """
    typed: dict[str, str] = {}
    for setting in given:
        name, equals, value = setting.partition("=")
        if not equals or name in typed:
            raise ReportInvalid(
                Text(
                    zh=f"--set {setting}：应为 名称=值，且每个名称一次。",
                    en=f"--set {setting}: write NAME=VALUE, each name once.",
                )
            )
        typed[name] = value
    return typed


def _sources(column: str | None, ask: Text | None, screen: Screen) -> tuple[str, str]:
    return column or "", f"{screen.words(_BY_A_PERSON)}: {screen.words(ask)}" if ask else ""
