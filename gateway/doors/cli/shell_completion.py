"""What the shell completes from the catalogue: purposes and datasets of the profile on the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import typer

from gateway.client import Connection, Profile, connect
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_SECONDS_MAX = 2.0
"""Longer nobody waits for Tab."""


def complete_purpose(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return ids of purposes with their titles; none when the gateway cannot be asked."""
    return _asked(ctx, incomplete, _purposes)


def complete_dataset(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return names of datasets with their titles; none when the gateway cannot be asked."""
    return _asked(ctx, incomplete, _datasets)


def _purposes(connection: Connection) -> Iterator[tuple[str, catalog_pb2.Text]]:
    stub, request = catalog_pb2_grpc.CatalogServiceStub(connection.channel), catalog_pb2.ListPurposesRequest()
    for purpose in stub.ListPurposes(request, metadata=connection.headers(), timeout=_SECONDS_MAX).purposes:
        yield purpose.id, purpose.title


def _datasets(connection: Connection) -> Iterator[tuple[str, catalog_pb2.Text]]:
    stub, request = catalog_pb2_grpc.CatalogServiceStub(connection.channel), catalog_pb2.ListDatasetsRequest()
    for dataset in stub.ListDatasets(request, metadata=connection.headers(), timeout=_SECONDS_MAX).datasets:
        yield dataset.name, dataset.title


def _asked(
    ctx: typer.Context, incomplete: str, ask: Callable[[Connection], Iterator[tuple[str, catalog_pb2.Text]]]
) -> list[tuple[str, str]]:
    try:
        profile = Profile.load(Path(ctx.params.get("profile") or ""))
        with connect(profile) as connection:
            known = list(ask(connection))
    except (ValueError, OSError, grpc.RpcError):
        return []
    return [
        (name, title.zh if profile.language == "zh" else title.en)
        for name, title in known
        if name.startswith(incomplete)
    ]
