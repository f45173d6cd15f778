"""Checks of the log: recorded queries decided again, and the departments' own logs compared."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from starlette.responses import Response

from catalog.dataset import Text
from gateway.client.audit_reports import NOT_DECIDED
from gateway.doors.console.audit.filters import PeriodInvalid, last_days, read_period
from gateway.doors.console.audit.titles import titles_of
from gateway.doors.console.days import midnight
from gateway.doors.console.reasons import reason_words
from gateway.doors.console.roles import AUDITING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.audit.v1 import review_pb2, review_pb2_grpc

_Item = TypeVar("_Item")
_Outcome = review_pb2.ReplayOutcome
LISTED_MAX = 200
OUTCOMES = {
    _Outcome.REPLAY_OUTCOME_NOW_DENIED: (Text(zh="原来允许，如今会拒绝", en="Was allowed, would be denied"), "bad"),
    _Outcome.REPLAY_OUTCOME_NOW_ALLOWED: (Text(zh="原来拒绝，如今会允许", en="Was denied, would be allowed"), "warn"),
    _Outcome.REPLAY_OUTCOME_DIFFERENT: (Text(zh="答复不同", en="Another answer"), "warn"),
    _Outcome.REPLAY_OUTCOME_NO_ANSWER: (Text(zh="无法判定", en="No answer"), "bad"),
    _Outcome.REPLAY_OUTCOME_IDENTICAL: (Text(zh="完全相同", en="The same"), "good"),
}
KINDS = {
    review_pb2.DIFFERENCE_KIND_ONLY_GATEWAY: (
        Text(zh="仅网关有记录", en="Only the gateway has it"),
        Text(
            zh="网关记下了扫描，部门没有。请向该部门核实是否丢失了日志。",
            en="The gateway recorded a scan, the department did not. Ask the department whether it lost log entries.",
        ),
        "bad",
    ),
    review_pb2.DIFFERENCE_KIND_ONLY_DEPARTMENT: (
        Text(zh="仅部门有记录", en="Only the department has it"),
        Text(
            zh="部门按授权送出过数据，网关日志却没有：可能删过条目，或授权密钥外泄。请立即验证日志并报告。",
            en="The department served a grant that the gateway's log lacks: an entry was removed, or the grant key is in other "
            "hands. Verify the log and report it at once.",
        ),
        "bad",
    ),
    review_pb2.DIFFERENCE_KIND_ROWS: (
        Text(zh="行数或内容不同", en="Other rows"),
        Text(
            zh="双方记下的行数或内容指纹不同。请与该部门核对这次扫描。",
            en="Both recorded it with other rows or another hash. Compare this scan with the department.",
        ),
        "bad",
    ),
    review_pb2.DIFFERENCE_KIND_NO_LOG: (
        Text(zh="部门日志无法核对", en="Log not available"),
        Text(
            zh="没有取得该部门的日志，结论不完整。请稍后重试，或缩短时段。",
            en="The department's log could not be had: the outcome is incomplete. Try again later, or for a shorter time.",
        ),
        "warn",
    ),
    review_pb2.DIFFERENCE_KIND_AGREED: (
        Text(zh="一致", en="Both agree"),
        Text(zh="双方日志相符。", en="Both logs say the same."),
        "good",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The days that are asked about, in seconds since 1970-01-01 UTC."""

    from_time: int
    until_time: int


@dataclass(slots=True)
class FirstOnes(Generic[_Item]):
    """Counts what comes, and keeps the first ones of it to be listed."""

    total: int = 0
    listed: list[_Item] = field(default_factory=list)

    def add(self, item: _Item) -> None:
        """Take one more."""
        self.total += 1
        if len(self.listed) < LISTED_MAX:
            self.listed.append(item)


def show(visit: Visit) -> Response:
    """Show the page."""
    first, last = last_days(visit.now, days=7)
    return visit.render("audit/review.html", first=first.isoformat(), last=last.isoformat())


def replay(visit: Visit) -> Response:
    """Decide the recorded queries of a period again."""
    try:
        period = _period(visit)
    except PeriodInvalid as problem:
        return visit.render("notice.html", problem=problem.text)
    active = visit.text("mode") == "active"
    request = review_pb2.ReplayEntriesRequest(
        from_time=period.from_time, until_time=period.until_time, by_active_policy=active
    )
    stub = review_pb2_grpc.ReviewServiceStub(visit.connection.channel)
    same = {_Outcome.REPLAY_OUTCOME_IDENTICAL} | ({_Outcome.REPLAY_OUTCOME_DIFFERENT} if active else set())
    differing: FirstOnes[review_pb2.ReplayEntriesResponse] = FirstOnes()
    counts: Counter[int] = Counter()
    for item in stub.ReplayEntries(request, metadata=visit.connection.headers()):
        counts[item.outcome] += 1
        if item.outcome not in same:
            differing.add(item)
    return visit.render(
        "audit/replayed.html",
        active=active,
        total=counts.total(),
        counts=[(words, style, counts[outcome]) for outcome, (words, style) in OUTCOMES.items() if counts[outcome]],
        listed=differing.listed,
        listed_total=differing.total,
        outcomes=OUTCOMES,
        differences=_in_words,
        titles=titles_of(visit),
    )


def reconcile(visit: Visit) -> Response:
    """Compare the log with the departments' own logs."""
    try:
        period = _period(visit)
    except PeriodInvalid as problem:
        return visit.render("notice.html", problem=problem.text)
    request = review_pb2.ReconcileRequest(from_time=period.from_time, until_time=period.until_time)
    stub = review_pb2_grpc.ReviewServiceStub(visit.connection.channel)
    agreed: list[review_pb2.ReconcileResponse] = []
    differing: FirstOnes[review_pb2.ReconcileResponse] = FirstOnes()
    for item in stub.Reconcile(request, metadata=visit.connection.headers()):
        if item.kind == review_pb2.DIFFERENCE_KIND_AGREED:
            agreed.append(item)
        else:
            differing.add(item)
    return visit.render(
        "audit/reconciled.html",
        agreed=agreed,
        listed=differing.listed,
        listed_total=differing.total,
        kinds=KINDS,
        reason=reason_words,
        titles=titles_of(visit),
    )


def _period(visit: Visit) -> Period:
    first, last = read_period(visit.text("from"), visit.text("until"))
    if first is None or last is None:
        raise PeriodInvalid("请填写起止日期。", "Give the first and the last day.")
    end = midnight(last + datetime.timedelta(days=1))
    return Period(from_time=midnight(first), until_time=min(end, int(visit.now) + 1))


def _in_words(differences: Sequence[str]) -> list[Text]:
    return [NOT_DECIDED.get(text, Text(zh=text, en=text)) for text in differences]


PAGES = (
    Page(
        path="/review",
        title=Text(zh="复核与对账", en="Review and reconcile"),
        show=show,
        group="audit",
        roles=AUDITING,
    ),
)
ACTIONS = (
    Action(method="POST", path="/review/replay", call=replay),
    Action(method="POST", path="/review/reconcile", call=reconcile),
)
