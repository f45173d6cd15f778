"""`gateway catalog …`: what the requester may ask for."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from catalog.changes import changes_between
from catalog.load import ENTRIES, CatalogueInvalid, load_catalogue
from gateway.doors.cli.explanation import joined, quota_in_words
from gateway.doors.cli.options import LanguageChoice, LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.shell_completion import complete_dataset
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

commands = typer.Typer(no_args_is_help=True, help="数据目录 / the catalogue")
EXIT_BREAKING = 1
DatasetArgument = Annotated[str, typer.Argument(help="数据集 / dataset", autocompletion=complete_dataset)]
CatalogueArgument = Annotated[
    Path, typer.Argument(help="目录条目所在文件夹 / folder of catalogue entries", exists=True, file_okay=False)
]


@commands.command("list")
def list_datasets(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出可用数据集 / list the datasets you may use."""
    with connected(profile, language) as (connection, screen):
        _show_datasets(screen, connection.catalog.datasets())


@commands.command("search")
def search_datasets(
    words: Annotated[
        list[str], typer.Argument(help="中英文词、拼音或拼音首字母 / Chinese or English words, pinyin, initials")
    ],
    profile: ProfileOption,
    language: LanguageOption = None,
) -> None:
    """查找数据集 / find datasets."""
    with connected(profile, language) as (connection, screen):
        answer = connection.catalog.search(" ".join(words))
        _show_datasets(screen, answer.datasets)
        if answer.total > len(answer.datasets):
            screen.say(
                f"共 {answer.total:,} 个，仅显示前 {len(answer.datasets)} 个；请加词缩小范围。",
                f"the first {len(answer.datasets)} of {answer.total:,}; add words to narrow the search.",
            )


@commands.command("show")
def show_dataset(name: DatasetArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """显示一个数据集的各列、各用途下的处理方式与条件 / show a dataset's columns, and treatment and needs by purpose."""
    with connected(profile, language) as (connection, screen):
        answer = connection.catalog.dataset(name)
        zh = screen.language == "zh"
        screen.out.print(
            f"{answer.summary.name}  {screen.words(answer.summary.title)}\n{screen.words(answer.description)}",
            markup=False,
        )
        _show_facts(screen, answer)
        screen.table(
            ("列", "标题", "类型", "分级", "各用途下的处理")
            if zh
            else ("column", "title", "type", "grade", "treatment by purpose"),
            [
                (
                    column.name,
                    screen.words(column.title),
                    column.type,
                    column.grade,
                    "\n".join(f"{purpose}: {treatment}" for purpose, treatment in sorted(column.treatments.items()))
                    or ("已停用" if zh else "stopped"),
                )
                for column in answer.columns
            ],
        )
        for purpose in answer.purposes:
            screen.out.print(f"{purpose.id}  {screen.words(purpose.title)}", style="bold", markup=False)
            _show_needs(screen, purpose, dataset=name)


@commands.command("quality")
def show_quality(name: DatasetArgument, profile: ProfileOption, language: LanguageOption = None) -> None:
    """显示一个数据集历次质量检查的计数 / show what was counted in a dataset's profiles, newest first."""
    with connected(profile, language) as (connection, screen):
        answer = connection.catalog.dataset(name)
        rows = [
            (local_time(counted.at), *cells)
            for counted in answer.quality
            for cells in (
                ("*", f"{counted.rows:,}", f"{counted.duplicate_keys:,}", "", "", ""),
                *(
                    (column.name, "", "", f"{column.nulls:,}", f"{column.malformed:,}", f"{column.outside_codes:,}")
                    for column in counted.columns
                ),
            )
        ]
        screen.table(
            ("时间", "列", "行数", "主键重复", "空值", "校验或格式错误", "不在代码表")
            if screen.language == "zh"
            else ("time", "column", "rows", "repeated keys", "nulls", "malformed", "outside code list"),
            rows,
        )
        if not rows:
            screen.say(
                "尚未检查；连接器在线后网关会定期检查。",
                "not profiled yet; the gateway does when a connector is online.",
            )


@commands.command("diff")
def diff(
    old: CatalogueArgument,
    new: CatalogueArgument,
    language: Annotated[LanguageChoice, typer.Option("--language", help="语言 / language")] = LanguageChoice.ZH,
) -> None:
    """比较两份目录：有何变更，是否兼容（退出码 0），版本号是否够高 / what changed; exit code 0 when nothing breaks."""
    screen = Screen.make(language.value)
    try:
        changed = changes_between(load_catalogue(old), load_catalogue(new))
    except CatalogueInvalid as error:
        screen.say("目录有错误，请先更正：", "the catalogue has errors, correct them first:")
        screen.say(str(error), str(error))
        raise typer.Exit(EXIT_INVALID) from error
    zh = screen.language == "zh"
    for dataset in changed:
        versions = f"{dataset.old_version or '–'} → {dataset.new_version or '–'}"
        screen.out.print(f"{dataset.dataset}  {versions}", style="bold", markup=False)
        for change in dataset.changes:
            kind = ("不兼容" if zh else "breaking") if change.breaking else ("兼容" if zh else "compatible")
            screen.indented(kind, screen.words(change.text))
        if not dataset.version_suffices:
            needed = dataset.version_needed
            screen.indented("✗", f"版本号至少须为 {needed}" if zh else f"the version must be at least {needed}")
    if not changed:
        screen.say("没有变更。", "nothing changed.")
    if not all(dataset.version_suffices for dataset in changed):
        screen.say("请先提高上述版本号。", "raise these versions first.")
        raise typer.Exit(EXIT_INVALID)
    if any(change.breaking for dataset in changed for change in dataset.changes):
        raise typer.Exit(EXIT_BREAKING)


@commands.command("export")
def export(
    folder: Annotated[Path, typer.Argument(help="新文件夹 / folder that does not exist yet")],
    language: Annotated[LanguageChoice, typer.Option("--language", help="语言 / language")] = LanguageChoice.ZH,
) -> None:
    """把随附目录的全部条目写入新文件夹 / write the entries of the distribution's catalogue to a new folder."""
    try:
        shutil.copytree(ENTRIES, folder)
    except OSError as error:
        Screen.make(language.value).say(f"无法写入 {folder}：{error}", f"cannot write {folder}: {error}")
        raise typer.Exit(EXIT_INVALID) from error


@commands.command("purposes")
def list_purposes(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出可申报的用途及其条件 / list the purposes you may declare and what each needs."""
    with connected(profile, language) as (connection, screen):
        zh = screen.language == "zh"
        for purpose in connection.catalog.purposes():
            screen.out.print(f"{purpose.id}  {screen.words(purpose.title)}", style="bold", markup=False)
            screen.indented("用途说明" if zh else "For", screen.words(purpose.description))
            screen.indented("数据集" if zh else "Datasets", ", ".join(purpose.datasets))
            screen.indented("依据" if zh else "Legal basis", screen.words(joined(purpose.legal_basis)))
            _show_needs(screen, purpose)


def _show_datasets(screen: Screen, datasets: Iterable[catalog_pb2.DatasetSummary]) -> None:
    screen.table(
        ("名称", "标题", "提供部门", "更新周期", "数据截至", "共享属性", "在线")
        if screen.language == "zh"
        else ("name", "title", "controller", "update cycle", "as of", "sharing", "online"),
        [
            (
                dataset.name,
                screen.words(dataset.title),
                screen.words(dataset.controller),
                dataset.update_cycle,
                _as_of(screen, dataset.freshness),
                dataset.sharing_class,
                "✓" if dataset.available else "✗",
            )
            for dataset in datasets
        ],
    )


def _as_of(screen: Screen, freshness: catalog_pb2.Freshness) -> str:
    if not freshness.as_of:
        return "–"
    late = ("（逾期）" if screen.language == "zh" else " (late)") if freshness.late else ""
    return f"{local_time(freshness.as_of)}{late}"


def _show_facts(screen: Screen, answer: catalog_pb2.GetDatasetResponse) -> None:
    """Print what is known of a dataset as a whole."""
    zh, dataset, freshness = screen.language == "zh", answer.summary, answer.summary.freshness
    screen.indented("版本" if zh else "Version", dataset.version)
    screen.indented("提供部门" if zh else "Controller", screen.words(dataset.controller))
    screen.indented("数源系统" if zh else "Source", screen.words(answer.source))
    screen.indented("共享属性" if zh else "Sharing", dataset.sharing_class)
    promise = f"{'，应更新于' if zh else ', due '}{local_time(freshness.due_at)}" if freshness.due_at else ""
    as_of = f"{'数据截至 ' if zh else 'as of '}{_as_of(screen, freshness)}"
    screen.indented("更新周期" if zh else "Update cycle", f"{dataset.update_cycle}；{as_of}{promise}")
    if not dataset.available:
        screen.indented("✗", screen.words(dataset.unavailable_because))
    for counted in answer.quality[:1]:
        wrong = sum(column.malformed + column.outside_codes for column in counted.columns)
        screen.indented(
            "质量" if zh else "Quality",
            f"{local_time(counted.at)}：{counted.rows:,} 行，主键重复 {counted.duplicate_keys:,}，值不合规 {wrong:,}"
            if zh
            else f"{local_time(counted.at)}: {counted.rows:,} rows, {counted.duplicate_keys:,} repeated keys, "
            f"{wrong:,} values not as catalogued",
        )


def _show_needs(screen: Screen, purpose: catalog_pb2.PurposeDescription, *, dataset: str = "") -> None:
    """Print what a purpose needs; the agreements of one dataset only, when it is given."""
    zh = screen.language == "zh"
    if purpose.case_required:
        screen.indented("事项编号" if zh else "Case number", purpose.case_pattern or ("必填" if zh else "required"))
    if purpose.consent_required:
        screen.indented(
            "同意" if zh else "Consent",
            "须已登记被查询人的同意" if zh else "the people looked up must have consented, on record",
        )
    if purpose.emergency_required:
        none = "您的辖区目前没有" if zh else "none is in force for your division"
        screen.indented("应急状态" if zh else "Emergency", purpose.emergency or none)
    if purpose.people_min:
        least = f"每组至少 {purpose.people_min} 人" if zh else f"groups of at least {purpose.people_min} people"
        screen.indented("只提供统计" if zh else "Statistics only", least)
    screen.indented("今日限额" if zh else "Quota today", screen.words(quota_in_words(purpose.quota)))
    for state in purpose.agreements:
        if dataset in ("", state.dataset):
            missing = f"{'没有，请联系' if zh else 'none, ask '}{screen.words(state.controller)}"
            words = f"✓ {state.agreement}" if state.agreement else f"✗ {missing}"
            screen.indented(f"{'协议' if zh else 'Agreement'} {state.dataset}", words)
