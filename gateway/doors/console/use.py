"""数据使用: who used a department's data, for what and how much, and how much was denied.

A query is one that was asked, allowed or denied.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from catalog.dataset import Bilingual, Text
from catalog.vocabulary import Role
from gateway.doors.console.days import midnight, today
from gateway.doors.console.names import Names
from gateway.doors.console.visit import Page, Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

_Dimension = audit_pb2.Dimension
DAYS = (1, 7, 30, 90, 365)
_DAYS_FIRST = 30
_BREAKDOWNS = (
    (_Dimension.DIMENSION_OFFICE, Text(zh="按单位", en="By office"), Text(zh="单位", en="Office")),
    (_Dimension.DIMENSION_PURPOSE, Text(zh="按用途", en="By purpose"), Text(zh="用途", en="Purpose")),
    (_Dimension.DIMENSION_DATASET, Text(zh="按数据集", en="By dataset"), Text(zh="数据集", en="Dataset")),
    (_Dimension.DIMENSION_REQUESTER, Text(zh="按请求人", en="By requester"), Text(zh="请求人", en="Requester")),
)
_GROUPS_SHOWN_MAX = 12
_GROUPS_ASKED_MAX = 1_000
"""The most that the gateway tells of each grouping; more than the days of a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One office, purpose, dataset or requester."""

    name: str
    queries: int
    denials: int
    """Of the queries."""
    rows: int
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The lines of one dimension, the most queries first."""

    title: Bilingual
    label: Bilingual
    lines: tuple[Line, ...]
    total: int
    """How many there are in all."""
    compared: int
    """Among how many the lines were found: less than all when there are too many."""


def show(visit: Visit) -> Response:
    """Show the use of a department's data; to an auditor, of everybody's."""
    asked, dataset = visit.query.get("days", ""), visit.query.get("dataset", "")
    days = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 and int(asked) in DAYS else _DAYS_FIRST
    names = Names(visit)
    known = [summary.name for summary in names.datasets]
    since = _first_day(visit.now, days=days)
    total, by_day, *groupings = _asked(visit, since=since, dataset=dataset if dataset in known else "")
    own = Role.AUDITOR not in visit.session.requester.roles
    return visit.render(
        "use.html",
        own=own,
        days=days,
        all_days=DAYS,
        dataset=dataset,
        datasets=[(name, names.dataset(name)) for name in known] if own else [],
        total=total.groups[0] if total.groups else audit_pb2.GroupCounts(),
        timeline=timeline(by_day.groups, since=since, days=days),
        breakdowns=[
            breakdown_of(visit, grouped, dimension=dimension, title=title, label=label, linked=own)
            for grouped, (dimension, title, label) in zip(groupings, _BREAKDOWNS, strict=True)
        ],
    )


def _asked(visit: Visit, *, since: datetime.date, dataset: str) -> Iterable[audit_pb2.GroupedCounts]:
    by = [(), (_Dimension.DIMENSION_DAY,), *((one,) for one, _, _ in _BREAKDOWNS)]
    request = audit_pb2.SummariseEntriesRequest(
        from_time=midnight(since),
        until_time=int(visit.now) + 1,
        dataset=dataset,
        groupings=[audit_pb2.Grouping(dimensions=dimensions) for dimensions in by],
        groups_max=_GROUPS_ASKED_MAX,
    )
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    return visit.call(stub.SummariseEntries, request).groupings


def _first_day(now: float, *, days: int) -> datetime.date:
    """Return the first of so many days that end today, in the city's time."""
    return today(now) - datetime.timedelta(days=days - 1)


def timeline(groups: Iterable[audit_pb2.GroupCounts], *, since: datetime.date, days: int) -> list[tuple[str, int, int]]:
    """Return the queries of every day and those of them denied, days without any too."""
    counted: Mapping[str, audit_pb2.GroupCounts] = {group.values[0]: group for group in groups}
    rows = []
    for number in range(days):
        day = str(since + datetime.timedelta(days=number))
        group = counted.get(day, audit_pb2.GroupCounts())
        rows.append((day, group.accesses + group.denials, group.denials))
    return rows


def breakdown_of(
    visit: Visit,
    grouped: audit_pb2.GroupedCounts,
    *,
    dimension: audit_pb2.Dimension,
    title: Bilingual,
    label: Bilingual,
    linked: bool,
) -> Breakdown:
    """Return the lines of those who asked anything; how many there are in all, as far as the gateway tells."""
    lines = [
        Line(
            name=visit.words(group.titles[0]) or group.values[0] or "—",
            queries=group.accesses + group.denials,
            denials=group.denials,
            rows=group.rows,
            link=f"/datasets/{group.values[0]}" if linked and dimension == _Dimension.DIMENSION_DATASET else "",
        )
        for group in grouped.groups
        if group.accesses or group.denials
    ]
    lines.sort(key=lambda line: (-line.queries, -line.rows, line.name))
    untold = grouped.groups_total - len(grouped.groups)
    return Breakdown(
        title=title,
        label=label,
        lines=tuple(lines[:_GROUPS_SHOWN_MAX]),
        total=len(lines) + untold,
        compared=len(lines),
    )


PAGES = (
    Page(
        path="/use",
        title=Text(zh="数据使用", en="Use of data"),
        show=show,
        group="department",
        roles=frozenset({Role.STEWARD, Role.AUDITOR}),
    ),
)
ACTIONS = ()
