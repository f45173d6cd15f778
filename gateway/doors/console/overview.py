"""一屏观天下: today at a glance, as far as the requester's role sees it; the page asks for the numbers again every five seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc
from sharing_stubs.sharing.catalog.v1 import catalog_pb2
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

SHOWN_MAX = 10
"""Rows of a table; the rest is counted."""
_CALL_SECONDS_MAX = 10
_SEE_CONNECTORS = frozenset({Role.STEWARD, Role.ADMINISTRATOR, Role.AUDITOR})
_TITLE = Text(zh="一屏观天下", en="Overview")
_SCOPES = {
    audit_pb2.OVERVIEW_SCOPE_CITY: Text(zh="全市", en="The whole city"),
    audit_pb2.OVERVIEW_SCOPE_DEPARTMENT: Text(zh="本部门的数据", en="Your department's data"),
    audit_pb2.OVERVIEW_SCOPE_OFFICE: Text(zh="本单位", en="Your office"),
}
_UNITS = ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute"), (1, "秒", "second"))


def show(visit: Visit) -> Response:
    """Show the page."""
    return visit.render("overview.html", live=False, **_seen(visit))


def _numbers(visit: Visit) -> Response:
    return visit.render("overview_numbers.html", live=True, **_seen(visit))


def ago(seconds: float) -> Text:
    """Return how long ago something was, in its largest unit."""
    for length, zh, en in _UNITS:
        if seconds >= length:
            count = int(seconds // length)
            return Text(zh=f"{count} {zh}前", en=f"{count} {en}{'' if count == 1 else 's'} ago")
    return Text(zh="刚刚", en="just now")


def hours(numbers: audit_pb2.GetOverviewResponse, *, now: float) -> list[tuple[str, int, int, int]]:
    """Return each hour of the day until now: its name, queries that were asked, those of them denied, and rows."""
    elapsed = int(now - numbers.since) // 3_600 + 1
    return [
        (f"{hour:02}:00", counts.queries + counts.denials, counts.denials, counts.rows)
        for hour, counts in enumerate(numbers.hours)
        if hour < elapsed
    ]


def running(registrations: Iterable[registry_pb2.Registration], *, now: float, department: str = "") -> tuple[int, int]:
    """Return how many connectors serve now, and how many there are that nobody withdrew; with a department only its own."""
    present = [
        one
        for one in registrations
        if one.state != registry_pb2.REGISTRATION_STATE_WITHDRAWN and department in ("", one.department)
    ]
    up = [
        one
        for one in present
        if one.state == registry_pb2.REGISTRATION_STATE_ACTIVE
        and any(instance.lease_expires_at > now for instance in one.instances)
    ]
    return len(up), len(present)


def checkpoint(log: audit_pb2.LogState, *, now: float) -> Text:
    """Return how old the last signed checkpoint is, and how many witnesses cosigned it."""
    age = ago(now - log.published_micros / 1e6)
    cosigned = f"{log.cosigned}/{log.witnesses}"
    return Text(
        zh=f"签名检查点 {age.zh}" + (f"，见证 {cosigned}" if log.witnesses else ""),
        en=f"signed checkpoint {age.en}" + (f", cosigned {cosigned}" if log.witnesses else ""),
    )


def _seen(visit: Visit) -> dict[str, Any]:
    """Return what the templates show."""
    headers, channel = visit.connection.headers(), visit.connection.channel
    numbers = audit_pb2_grpc.AuditServiceStub(channel).GetOverview(
        audit_pb2.GetOverviewRequest(), metadata=headers, timeout=_CALL_SECONDS_MAX
    )
    is_department = numbers.scope == audit_pb2.OVERVIEW_SCOPE_DEPARTMENT
    connectors = None
    if _SEE_CONNECTORS & set(visit.session.requester.roles):
        listed = registry_pb2_grpc.RegistryServiceStub(channel).ListRegistrations(
            registry_pb2.ListRegistrationsRequest(), metadata=headers, timeout=_CALL_SECONDS_MAX
        )
        own = visit.session.requester.department if is_department else ""
        connectors = running(listed.registrations, now=visit.now, department=own)
    return {
        "numbers": numbers,
        "scope": _SCOPES[numbers.scope],
        "is_city": numbers.scope == audit_pb2.OVERVIEW_SCOPE_CITY,
        "is_department": is_department,
        "hours": hours(numbers, now=visit.now),
        "connectors": connectors,
        "checkpoint": checkpoint(numbers.log, now=visit.now),
        "shown_max": SHOWN_MAX,
        "offered": {page.path for group in visit.navigation for page in group.pages},
        **_datasets(visit.connection.catalog.datasets()),
    }


def _datasets(summaries: Sequence[catalog_pb2.DatasetSummary]) -> Mapping[str, Any]:
    """Return the datasets that the requester may know of, by what is the matter with them."""
    return {
        "datasets": summaries,
        "late": [one for one in summaries if one.freshness.late],
        "absent": [one for one in summaries if not one.available],
        "unseen": [one for one in summaries if not one.freshness.as_of],
    }


PAGES = (Page(path="/overview", title=_TITLE, show=show, group="overview"),)
ACTIONS: tuple[Action, ...] = (Action(method="GET", path="/overview-numbers", call=_numbers, live=True),)
