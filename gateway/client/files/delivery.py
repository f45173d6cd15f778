"""Deliver a result to a file or a folder of parts, and remember it until its destruction is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.client.connection import Connection
from gateway.client.files.cover_sheet import terms_of
from gateway.client.files.directory import Written, check_directory, write_directory
from gateway.client.files.formats import Arriving, check_file_name, write_result
from gateway.client.files.local import LocalDatasets, Request
from gateway.client.result import OnProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A complete dataset."""

    rows: int
    receipts: tuple[Mapping[str, Any], ...]
    """Of what was fetched this time."""
    outdated: int
    """Parts of an earlier attempt that were fetched anew, because they were older than a day."""


def check_path(path: Path) -> None:
    """Raise FileProblem when nothing can be delivered to this path."""
    if path.suffix:
        check_file_name(path)
    else:
        check_directory(path)


def deliver(
    connection: Connection,
    request: Request,
    *,
    path: Path,
    profile: Path,
    datasets: LocalDatasets,
    now: float,
    on_progress: OnProgress | None = None,
) -> Delivered:
    """Ask for a result and write it to `path`: a file by its ending, or without an ending a folder of parts.

    A folder whose delivery broke off is taken up by the same request for 24 hours: finished parts are not fetched again.

    Args:
        connection: The recipient's.
        request: What to ask.
        path: Where to.
        profile: Of the recipient; with it the dataset is refreshed and its destruction recorded.
        datasets: Remembers the delivery.
        now: Seconds since 1970-01-01 UTC.
        on_progress: Is told rows and bytes so far.

    Raises:
        FileProblem: It cannot be written as asked.
        OSError, RequestError: It cannot be written, or was refused or cut.
    """
    check_path(path)
    path, profile = path.absolute(), profile.absolute()
    datasets.recover(path)
    arrived: list[Arriving] = []
    progress, asked = _Progress(on_progress), request.to_json()

    def begun(result: Arriving) -> None:
        terms = terms_of(result.schema)
        until = int(terms["sharing.expires_at"])
        datasets.begin(terms["sharing.entry"], path=path, profile=profile, request=request, expires_at=until)
        arrived.append(result)
        progress.begin_part()

    if path.suffix:
        with connection.query(**asked, on_progress=progress.told) as result:
            begun(result)
            rows = {result.entry: write_result(result, path=path, replacing=datasets.replacing)}
        written = Written(rows=rows, outdated=0)
    else:
        parts = connection.parts(**asked, on_progress=progress.told)
        written = write_directory(parts, path=path, request=asked, now=now, begun=begun, replacing=datasets.replacing)
    datasets.finish(path, rows=written.rows)
    return _delivered(written, arrived)


def _delivered(written: Written, arrived: list[Arriving]) -> Delivered:
    receipts = tuple(result.receipt for result in arrived)
    return Delivered(rows=sum(written.rows.values()), receipts=receipts, outdated=written.outdated)


class _Progress:
    """Adds up what the parts tell of themselves."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._before = self._part = (0, 0)

    def begin_part(self) -> None:
        """Count what follows as another part's."""
        self._before, self._part = self._sum(), (0, 0)

    def told(self, rows: int, size: int) -> None:
        """Pass on rows and bytes of this part with those of the parts before."""
        self._part = (rows, size)
        if self._on_progress is not None:
            self._on_progress(*self._sum())

    def _sum(self) -> tuple[int, int]:
        return (self._before[0] + self._part[0], self._before[1] + self._part[1])
