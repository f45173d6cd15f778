"""`gateway catalog …`: what the requester may ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.doors.cli.explanation import joined, quota_in_words
from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import Screen
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="数据目录 / the catalogue")


@commands.command("list")
def list_datasets(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出可用数据集 / list the datasets you may use."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.ListDatasets(catalog_pb2.ListDatasetsRequest(), metadata=remote.headers())
        screen.table(
            ("名称", "标题", "数源部门", "更新周期", "共享属性", "在线")
            if screen.language == "zh"
            else ("name", "title", "controller", "update cycle", "sharing", "online"),
            [
                (
                    dataset.name,
                    screen.words(dataset.title),
                    screen.words(dataset.controller),
                    dataset.update_cycle,
                    dataset.sharing_class,
                    "✓" if dataset.available else "✗",
                )
                for dataset in answer.datasets
            ],
        )


@commands.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="数据集 / dataset")],
    profile: ProfileOption,
    language: LanguageOption = None,
) -> None:
    """显示一个数据集的各列、各用途下的处理方式与条件 / show a dataset's columns, and treatment and needs by purpose."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.GetDataset(catalog_pb2.GetDatasetRequest(name=name), metadata=remote.headers())
        screen.out.print(
            f"{answer.summary.name}  {screen.words(answer.summary.title)}\n{screen.words(answer.description)}",
            markup=False,
        )
        screen.table(
            ("列", "标题", "类型", "分级", "各用途下的处理")
            if screen.language == "zh"
            else ("column", "title", "type", "grade", "treatment by purpose"),
            [
                (
                    column.name,
                    screen.words(column.title),
                    column.type,
                    column.grade,
                    "\n".join(f"{purpose}: {treatment}" for purpose, treatment in sorted(column.treatments.items())),
                )
                for column in answer.columns
            ],
        )
        for purpose in answer.purposes:
            screen.out.print(f"{purpose.id}  {screen.words(purpose.title)}", style="bold", markup=False)
            _show_needs(screen, purpose, dataset=name)


@commands.command("purposes")
def list_purposes(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出可申报的用途及其条件 / list the purposes you may declare and what each needs."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.ListPurposes(catalog_pb2.ListPurposesRequest(), metadata=remote.headers())
        zh = screen.language == "zh"
        for purpose in answer.purposes:
            screen.out.print(f"{purpose.id}  {screen.words(purpose.title)}", style="bold", markup=False)
            screen.indented("用途说明" if zh else "For", screen.words(purpose.description))
            screen.indented("数据集" if zh else "Datasets", ", ".join(purpose.datasets))
            screen.indented("依据" if zh else "Legal basis", screen.words(joined(purpose.legal_basis)))
            _show_needs(screen, purpose)


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
