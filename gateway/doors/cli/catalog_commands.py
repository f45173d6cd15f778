"""`gateway catalog …`: what the requester may ask for."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

commands = typer.Typer(no_args_is_help=True, help="数据目录 / the catalogue")


@commands.command("list")
def list_datasets(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出可用数据集 / list the datasets you may use."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.ListDatasets(catalog_pb2.ListDatasetsRequest(), metadata=remote.headers())
        zh = screen.language == "zh"
        screen.table(
            ("名称", "标题", "数源部门", "更新周期", "共享属性", "在线")
            if zh
            else ("name", "title", "controller", "update cycle", "sharing", "online"),
            [
                (
                    d.name,
                    d.title.zh if zh else d.title.en,
                    d.controller.zh if zh else d.controller.en,
                    d.update_cycle,
                    d.sharing_class,
                    "✓" if d.available else "✗",
                )
                for d in answer.datasets
            ],
        )


@commands.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="数据集 / dataset")],
    profile: ProfileOption,
    language: LanguageOption = None,
) -> None:
    """显示一个数据集的各列及各用途下的处理方式 / show a dataset's columns and their treatment under each purpose."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.GetDataset(catalog_pb2.GetDatasetRequest(name=name), metadata=remote.headers())
        zh = screen.language == "zh"
        title = answer.summary.title.zh if zh else answer.summary.title.en
        description = answer.description.zh if zh else answer.description.en
        screen.out.print(f"{answer.summary.name}  {title}\n{description}", markup=False)
        screen.table(
            ("列", "标题", "类型", "分级", "各用途下的处理")
            if zh
            else ("column", "title", "type", "grade", "treatment by purpose"),
            [
                (
                    c.name,
                    c.title.zh if zh else c.title.en,
                    c.type,
                    c.grade,
                    "\n".join(f"{purpose}: {treatment}" for purpose, treatment in sorted(c.treatments.items())),
                )
                for c in answer.columns
            ],
        )


@commands.command("purposes")
def list_purposes(profile: ProfileOption, language: LanguageOption = None) -> None:
    """列出可申报的用途 / list the purposes you may declare."""
    with connected(profile, language) as (remote, screen):
        stub = catalog_pb2_grpc.CatalogServiceStub(remote.channel)
        answer = stub.ListPurposes(catalog_pb2.ListPurposesRequest(), metadata=remote.headers())
        zh = screen.language == "zh"
        for purpose in answer.purposes:
            title, basis = (
                (purpose.title.zh, "；".join(b.zh for b in purpose.legal_basis))
                if zh
                else (purpose.title.en, "; ".join(b.en for b in purpose.legal_basis))
            )
            screen.out.print(f"{purpose.id}  {title}", style="bold", markup=False)
            screen.indented("用途说明" if zh else "For", purpose.description.zh if zh else purpose.description.en)
            screen.indented("数据集" if zh else "Datasets", ", ".join(purpose.datasets))
            screen.indented("依据" if zh else "Legal basis", basis)
