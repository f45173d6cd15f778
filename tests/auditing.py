"""AuditService of a city's gateway, called as anybody of the city."""

from __future__ import annotations

from typing import Any

from connectors.sdk.tlog.evidence import Evidence
from gateway.client import connect, request_errors
from sharing_stubs.sharing.audit.v1 import audit_pb2 as pb
from sharing_stubs.sharing.audit.v1 import audit_pb2_grpc
from tests.cities import City


def call(city: City, method: str, request: Any, *, who: str) -> Any:
    """Return the answer, a list of a stream. Raises RequestError."""
    with connect(city.profile(who)) as connection, request_errors():
        stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
        answer = getattr(stub, method)(request, metadata=connection.headers(), timeout=60)
        return list(answer) if method == "SearchEntries" else answer


def overview(city: City, *, who: str) -> pb.GetOverviewResponse:
    """Return today's numbers as somebody sees them."""
    answer: pb.GetOverviewResponse = call(city, "GetOverview", pb.GetOverviewRequest(), who=who)
    return answer


def summary(city: City, *dimensions: str, who: str, **filters: Any) -> dict[tuple[str, ...], pb.GroupCounts]:
    """Return the groups of one grouping by their values."""
    grouping = pb.Grouping(dimensions=[pb.Dimension.Value(f"DIMENSION_{name.upper()}") for name in dimensions])
    request = pb.SummariseEntriesRequest(groupings=[grouping], **filters)
    (grouped,) = call(city, "SummariseEntries", request, who=who).groupings
    return {tuple(group.values): group for group in grouped.groups}


def evidence(city: City, entry_id: str, *, who: str = "auditor") -> Evidence:
    """Return an entry with its proof."""
    answer = call(city, "GetEntry", pb.GetEntryRequest(entry_id=entry_id), who=who)
    return Evidence(
        leaf=answer.leaf,
        index=answer.index,
        tree_size=answer.tree_size,
        path=tuple(answer.inclusion_proof),
        checkpoint=answer.checkpoint,
    )
