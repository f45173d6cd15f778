"""What AuditService says of groups of entries and of today's numbers, as messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from catalog.catalogue import Catalogue
from catalog.dataset import Text
from gateway.audit import Dimension, Grouped, LogState, Scope, ScopeKind, TodaysUse, UseCounts
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from sharing_stubs.sharing.audit.v1 import audit_pb2 as pb

_DIMENSIONS = {pb.Dimension.Value(f"DIMENSION_{dimension.name}"): dimension for dimension in Dimension}


def read_groupings(messages: Iterable[pb.Grouping]) -> list[tuple[Dimension, ...]]:
    """Return by what entries are to be grouped. Raises InvalidQuery when a dimension is none."""
    try:
        return [tuple(_DIMENSIONS[one] for one in message.dimensions) for message in messages]
    except KeyError:
        raise InvalidQuery(Reason.GROUPING_INVALID) from None


def in_words(groupings: Iterable[Sequence[Dimension]]) -> str:
    """Return groupings as the log holds them."""
    return "; ".join(", ".join(dimensions) or "total" for dimensions in groupings)


def grouped_message(grouped: Grouped, *, dimensions: Sequence[Dimension], catalogue: Catalogue) -> pb.GroupedCounts:
    """Return the groups of one grouping, with titles."""
    return pb.GroupedCounts(
        groups=[
            pb.GroupCounts(
                values=group.values,
                titles=[
                    _title(dimension, value, catalogue=catalogue) or pb.Text()
                    for dimension, value in zip(dimensions, group.values, strict=True)
                ],
                entries=group.entries,
                accesses=group.accesses,
                denials=group.denials,
                rows=group.rows,
                requesters=group.requesters,
                last_time_micros=group.last_time_micros,
            )
            for group in grouped.groups
        ],
        groups_total=grouped.groups_total,
    )


def overview_message(use: TodaysUse, *, scope: Scope, state: LogState, catalogue: Catalogue) -> pb.GetOverviewResponse:
    """Return today's numbers and how the log stands; how much it holds is for who sees the whole city."""
    titled = {
        ScopeKind.DEPARTMENT: {id: department.title for id, department in catalogue.departments.items()},
        ScopeKind.OFFICE: {id: office.title for id, office in catalogue.offices.items()},
    }
    purposes = {id: purpose.title for id, purpose in catalogue.purposes.items()}
    scope_title = titled[scope.kind].get(scope.id) if scope.kind in titled else None
    return pb.GetOverviewResponse(
        scope=f"OVERVIEW_SCOPE_{scope.kind.name}",
        scope_id=scope.id,
        scope_title=_text(scope_title),
        since=use.since,
        total=_counts(use.total),
        purposes=_named(use.purposes, titles=purposes),
        departments=_named(use.departments, titles=titled[ScopeKind.DEPARTMENT]),
        offices=_named(use.offices, titles=titled[ScopeKind.OFFICE]),
        hours=map(_counts, use.hours),
        log=pb.LogState(
            entries=state.entries if scope.kind is ScopeKind.CITY else 0,
            published_micros=state.published_micros,
            witnesses=state.witnesses,
            cosigned=state.cosigned,
            stopped=state.stopped,
        ),
    )


def _named(counted: Mapping[str, UseCounts], *, titles: Mapping[str, Text]) -> list[pb.NamedCounts]:
    """Return numbers by id, the most queries and denials first."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1].queries - item[1].denials, -item[1].rows, item[0]))
    return [pb.NamedCounts(id=id, title=_text(titles.get(id)), counts=_counts(counts)) for id, counts in ordered]


def _counts(counts: UseCounts) -> pb.UseCounts:
    return pb.UseCounts(queries=counts.queries, denials=counts.denials, rows=counts.rows)


def _title(dimension: Dimension, value: str, *, catalogue: Catalogue) -> pb.Text | None:
    match dimension:
        case Dimension.OFFICE:
            titled = catalogue.offices.get(value)
            return _text(titled.title) if titled else None
        case Dimension.PURPOSE:
            purpose = catalogue.purposes.get(value)
            return _text(purpose.title) if purpose else None
        case Dimension.DATASET:
            dataset = catalogue.datasets.get(value)
            return _text(dataset.title) if dataset else None
    return None


def _text(text: Text | None) -> pb.Text | None:
    return None if text is None else pb.Text(zh=text.zh, en=text.en)
