"""A catalogue of ten thousand datasets: read, listed and searched over gRPC, against reading the same files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import yaml

from catalog.load import load_catalogue
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from tests.benchmarks.measure import Line, Setting, seconds_of
from tests.large_catalogue import serving_catalogue, write_entries
from tests.lone_gateway import lone_gateway

_SECONDS_MAX = 1.0
_WHO = "nanjing-east-road"
_QUERIES = ("房屋", "dwellings 00117", "fwjbxx")


def run(setting: Setting) -> list[Line]:
    """Measure."""
    count, entries = setting.size(10_000, quick=200), setting.folder / "entries"
    with lone_gateway(setting.folder / "city") as (city, gateway):
        write_entries(entries, catalogue=gateway.path.catalogue, count=count)
        parsed = seconds_of(lambda: _parse(entries))
        started = time.perf_counter()
        catalogue = load_catalogue(entries)
        loaded = time.perf_counter() - started
        headers = [("authorization", f"Bearer {city.profile(_WHO).token}")]
        with serving_catalogue(gateway, catalogue) as stub:
            calls: list[tuple[str, Callable[[], object]]] = [
                (f"list all {count:,}", lambda: _list(stub, headers)),
                *((f"search '{query}'", lambda query=query: _search(stub, headers, query)) for query in _QUERIES),
            ]
            seconds = {what: min(seconds_of(call) for _ in range(5)) for what, call in calls}
    plain = min(seconds_of(lambda: _seek(entries, "房屋")) for _ in range(3))
    load = Line(
        what=f"load {count:,} entries",
        measured=f"{loaded:.1f} s",
        baseline=f"the same files as YAML only: {parsed:.1f} s",
        ratio=loaded / parsed,
        numbers={"seconds": loaded, "baseline_seconds": parsed},
    )
    return [load, *(_line(what, taken, plain, quick=setting.quick) for what, taken in seconds.items())]


def _line(what: str, taken: float, plain: float, *, quick: bool) -> Line:
    return Line(
        what=what,
        measured=f"{taken:.3f} s",
        baseline=f"a word sought in the files: {plain:.2f} s",
        ratio=plain / taken,
        bar="≤ 1 s",
        reached=None if quick else taken <= _SECONDS_MAX,
        numbers={"seconds": taken, "baseline_seconds": plain},
    )


def _list(stub: catalog_pb2_grpc.CatalogServiceStub, headers: list[tuple[str, str]]) -> None:
    token = ""
    while True:
        page = stub.ListDatasets(catalog_pb2.ListDatasetsRequest(page_token=token), metadata=headers)
        token = page.next_page_token
        if not token:
            return


def _search(stub: catalog_pb2_grpc.CatalogServiceStub, headers: list[tuple[str, str]], query: str) -> None:
    if not stub.SearchDatasets(catalog_pb2.SearchDatasetsRequest(query=query), metadata=headers).total:
        raise RuntimeError(f"nothing found for {query}")


def _parse(entries: Path) -> None:
    for path in entries.rglob("*.yaml"):
        yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)


def _seek(entries: Path, word: str) -> int:
    return sum(word in path.read_text("utf-8") for path in entries.rglob("*.yaml"))
