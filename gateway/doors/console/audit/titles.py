"""Titles of what entries name by id: offices, purposes and datasets."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.dataset import Text
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

NAMED = {
    "office": audit_pb2.Dimension.DIMENSION_OFFICE,
    "purpose": audit_pb2.Dimension.DIMENSION_PURPOSE,
    "dataset": audit_pb2.Dimension.DIMENSION_DATASET,
}
_SECONDS = 366 * 86_400
"""How far back names are looked for."""


def learn_titles(visit: Visit) -> None:
    """Ask once a session for the titles of everything that the log names."""
    if visit.session.audit.titles:
        return
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    request = audit_pb2.SummariseEntriesRequest(
        from_time=int(visit.now) - _SECONDS,
        groupings=[audit_pb2.Grouping(dimensions=[dimension]) for dimension in NAMED.values()],
    )
    answer = stub.SummariseEntries(request, metadata=visit.connection.headers())
    keep_titles(visit, zip(NAMED, answer.groupings, strict=True))


def keep_titles(visit: Visit, groupings: Iterable[tuple[str, audit_pb2.GroupedCounts]]) -> None:
    """Keep the titles that came with counts; `groupings` name what each counts by."""
    visit.session.audit.titles |= {
        (name, group.values[0]): Text(zh=title.zh, en=title.en)
        for name, counts in groupings
        if name in NAMED
        for group in counts.groups
        for title in group.titles
        if title.zh and title.en
    }
