"""What a stop holds back: which purposes and offices it concerns, and how the catalogue shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.doors.console.names import Names
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc
from sharing_stubs.sharing.catalog.v1 import catalog_pb2
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc

RECENT_DAYS = 30
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Whom and what a stop concerns, as far as the requester is told."""

    datasets: tuple[catalog_pb2.DatasetSummary, ...]
    """The department's that are held back, whole or in part, as the catalogue shows them now."""
    purposes: tuple[str, ...]
    """Titles of the purposes that lose them."""
    offices: tuple[tuple[str, int], ...]
    """Offices that used them lately, and how many queries of theirs were allowed; the most first."""


def effect_of(visit: Visit, kind: pb.StopKind, target: str, *, names: Names) -> Effect:
    """Return what a stop holds back; nothing for who is told of no dataset, such as an administrator."""
    concerned = _datasets(visit, kind, target, names=names)
    purposes: dict[str, str] = {}
    for name in concerned:
        described = names.described(name)
        for purpose in described.purposes:
            if kind != pb.STOP_KIND_COLUMN or _uses(described, column=target.rpartition(".")[2], purpose=purpose.id):
                purposes[purpose.id] = visit.words(purpose.title)
    if kind == pb.STOP_KIND_AGREEMENT:
        agreed = agreement(visit, target)
        purposes = {id: title for id, title in purposes.items() if agreed is None or id in agreed.purposes}
    return Effect(
        datasets=tuple(summary for summary in names.datasets if summary.name in concerned),
        purposes=tuple(purposes.values()),
        offices=_recent_offices(visit, kind, target, datasets=concerned),
    )


def agreement(visit: Visit, id: str) -> pb.Agreement | None:
    """Return an agreement by its id."""
    return next((one for one in agreements(visit) if one.id == id), None)


def agreements(visit: Visit) -> Sequence[pb.Agreement]:
    """Return all agreements, ended ones too."""
    stub = governance_pb2_grpc.GovernanceServiceStub(visit.connection.channel)
    return visit.call(stub.ListAgreements, pb.ListAgreementsRequest()).agreements


def _datasets(visit: Visit, kind: pb.StopKind, target: str, *, names: Names) -> list[str]:
    own = [summary.name for summary in names.datasets] if Role.STEWARD in visit.session.requester.roles else []
    match kind:
        case pb.STOP_KIND_DATASET:
            return [name for name in own if name == target]
        case pb.STOP_KIND_COLUMN:
            return [name for name in own if name == target.rpartition(".")[0]]
        case pb.STOP_KIND_AGREEMENT:
            found = agreement(visit, target)
            return [name for name in own if found is not None and name in found.datasets]
        case _:
            return own


def _uses(described: catalog_pb2.GetDatasetResponse, *, column: str, purpose: str) -> bool:
    return any(one.name == column and one.treatments.get(purpose, "deny") != "deny" for one in described.columns)


def _recent_offices(
    visit: Visit, kind: pb.StopKind, target: str, *, datasets: Sequence[str]
) -> tuple[tuple[str, int], ...]:
    """Return the offices that used what is stopped in the last days; only a steward is told."""
    if not datasets:
        return ()
    request = audit_pb2.SummariseEntriesRequest(
        from_time=int(visit.now) - RECENT_DAYS * _DAY_SECONDS,
        until_time=int(visit.now) + 1,
        dataset=datasets[0] if len(datasets) == 1 else "",
        column=target if kind == pb.STOP_KIND_COLUMN else "",
        office=target if kind == pb.STOP_KIND_OFFICE else "",
        groupings=[audit_pb2.Grouping(dimensions=[audit_pb2.DIMENSION_OFFICE])],
    )
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    (grouped,) = visit.call(stub.SummariseEntries, request).groupings
    return tuple(
        (visit.words(group.titles[0]) or group.values[0], group.accesses) for group in grouped.groups if group.accesses
    )


def target_name(kind: pb.StopKind, target: str, *, names: Names) -> str:
    """Return in words what a stop names."""
    match kind:
        case pb.STOP_KIND_DATASET:
            return names.dataset(target)
        case pb.STOP_KIND_COLUMN:
            dataset, _, column = target.rpartition(".")
            return f"{names.dataset(dataset)} · {names.column(dataset, column)}"
        case pb.STOP_KIND_OFFICE:
            return names.office(target)
        case _:
            return target


KINDS = {
    "dataset": (pb.STOP_KIND_DATASET, Text(zh="一个数据集", en="A dataset")),
    "column": (pb.STOP_KIND_COLUMN, Text(zh="一列", en="A column")),
    "office": (pb.STOP_KIND_OFFICE, Text(zh="向一个单位提供的全部数据", en="Everything for one office")),
    "agreement": (pb.STOP_KIND_AGREEMENT, Text(zh="一份共享协议", en="An agreement")),
}
KIND_TITLES = {
    pb.STOP_KIND_DATASET: Text(zh="数据集", en="Dataset"),
    pb.STOP_KIND_COLUMN: Text(zh="列", en="Column"),
    pb.STOP_KIND_OFFICE: Text(zh="单位", en="Office"),
    pb.STOP_KIND_AGREEMENT: Text(zh="共享协议", en="Agreement"),
}
