"""A catalogue of thousands of datasets, which a hundred purposes open to street offices."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import yaml

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset
from catalog.load import ENTRIES
from catalog.purpose import Purpose
from gateway.doors.catalog import CatalogDoor
from gateway.wiring import Gateway
from sharing_stubs.sharing.catalog.v1 import catalog_pb2_grpc

PURPOSES = 100
_DATASET, _PURPOSE = "housing.dwelling", "grid-inspection"


def many_datasets(catalogue: Catalogue, *, count: int) -> tuple[list[Dataset], list[Purpose]]:
    """Return copies of one dataset under other names, and copies of one purpose that share them out."""
    dataset, purpose = catalogue.datasets[_DATASET], catalogue.purposes[_PURPOSE]
    (need,) = [need for need in purpose.datasets if need.dataset == _DATASET]
    names = [f"housing.part_{number:05d}" for number in range(count)]
    datasets = [dataset.model_copy(update={"name": name}) for name in names]
    purposes = []
    for start in range(PURPOSES):
        needs = tuple(need.model_copy(update={"dataset": name}) for name in names[start::PURPOSES])
        purposes.append(purpose.model_copy(update={"id": f"{_PURPOSE}-{start:02d}", "datasets": needs}))
    return datasets, purposes


def large_catalogue(catalogue: Catalogue, *, count: int) -> Catalogue:
    """Return the catalogue with `count` other datasets and the purposes that open them."""
    datasets, purposes = many_datasets(catalogue, count=count)
    return replace(catalogue, datasets={d.name: d for d in datasets}, purposes={p.id: p for p in purposes})


@contextmanager
def serving_catalogue(gateway: Gateway, catalogue: Catalogue) -> Iterator[catalog_pb2_grpc.CatalogServiceStub]:
    """Serve another catalogue beside a running gateway, with its requesters and registers."""
    path = replace(gateway.path, catalogue=catalogue)
    door = CatalogDoor(path=path, registry=gateway.registers.registry, quality=path.quality)
    server = grpc.server(ThreadPoolExecutor(2))
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(door, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield catalog_pb2_grpc.CatalogServiceStub(channel)
    finally:
        server.stop(0).wait()


def write_entries(root: Path, *, catalogue: Catalogue, count: int) -> None:
    """Write the entries of the distribution and `count` more datasets to a new folder."""
    shutil.copytree(ENTRIES, root)
    datasets, purposes = many_datasets(catalogue, count=count)
    for dataset in datasets:
        _write(root / "datasets" / f"{dataset.name}.yaml", dataset)
    for purpose in purposes:
        _write(root / "purposes" / f"{purpose.id}.yaml", purpose)


def _write(path: Path, entry: Dataset | Purpose) -> None:
    content = json.loads(entry.model_dump_json(exclude_unset=True))
    path.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False), "utf-8")
