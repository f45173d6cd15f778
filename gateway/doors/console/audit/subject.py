"""Who looked at one person or entity, and who stands behind a token."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import IdentifierKind
from gateway.client import RequestError, request_errors
from gateway.doors.console.audit.titles import titles_of
from gateway.doors.console.audit.words import MASKS, TREATMENTS, in_words
from gateway.doors.console.roles import AUDITING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.audit.v1 import subject_pb2, subject_pb2_grpc

KINDS = {
    subject_pb2.ACCESS_KIND_LOOKED_UP: (
        Text(zh="指名查询", en="Looked up"),
        Text(
            zh="查询中写明了此人。来自网关自己的日志，是确切的。",
            en="The query named the person. From the gateway's own log, and exact.",
        ),
        "bad",
    ),
    subject_pb2.ACCESS_KIND_DELIVERED: (
        Text(zh="批量提供", en="In a result"),
        Text(
            zh="此人的一行数据为某次查询离开了部门。来自各部门自存的日志；该行可能又被查询条件筛去。",
            en="A row of the person left the department for a query, as the department's own log says; "
            "the query's conditions may have dropped it afterwards.",
        ),
        "warn",
    ),
    subject_pb2.ACCESS_KIND_COUNTED: (
        Text(zh="计入统计", en="Counted"),
        Text(zh="此人只作为人数之一计入统计结果。", en="The person was one of those whom a statistic counted."),
        "",
    ),
    subject_pb2.ACCESS_KIND_POSSIBLE: (
        Text(zh="可能提供", en="May have been delivered"),
        Text(
            zh="部门记下了开始、没有记下结束（如连接器中断），不能排除含有此人，因此一并列出。",
            en="The department recorded the beginning and no end, as when its connector was killed: "
            "the person cannot be ruled out, so it is listed.",
        ),
        "warn",
    ),
}
"""Words, explanation and style of each kind of access."""
IDENTIFIERS = {
    IdentifierKind.RESIDENT_ID: Text(zh="公民身份号码", en="Resident ID"),
    IdentifierKind.CREDIT_CODE: Text(zh="统一社会信用代码", en="Unified social credit code"),
}
_LISTED_MAX = 500
_VALUE_MISSING = Text(
    zh="请填写号码：公民身份号码 18 位，统一社会信用代码 18 位。",
    en="Give the number: a resident ID and a credit code have 18 characters.",
)


def show(visit: Visit) -> Response:
    """Show the page."""
    return visit.render("audit/subject.html", identifiers=IDENTIFIERS, kinds=KINDS)


def report(visit: Visit) -> Response:
    """Show every access to the data of one person or entity; the number is not kept."""
    value, for_data_subject = visit.text("value"), bool(visit.text("for_data_subject"))
    if not value or visit.text("identifier") not in set(IDENTIFIERS):
        return visit.render("notice.html", problem=_VALUE_MISSING)
    request = subject_pb2.ReportSubjectRequest(
        identifier=visit.text("identifier"), value=value, for_data_subject=for_data_subject
    )
    stub = subject_pb2_grpc.SubjectServiceStub(visit.connection.channel)
    newest: deque[subject_pb2.ReportSubjectResponse] = deque(maxlen=_LISTED_MAX)
    counts: Counter[int] = Counter()
    error: RequestError | None = None
    try:
        with request_errors():
            for access in stub.ReportSubject(request, metadata=visit.connection.headers()):
                counts[access.kind] += 1
                newest.append(access)
    except RequestError as problem:
        error = problem
    return visit.render(
        "audit/subject_found.html",
        found=list(newest)[::-1],
        total=counts.total(),
        counts=[(kind, counts[kind]) for kind in KINDS],
        kinds=KINDS,
        titles=titles_of(visit) if newest else {},
        treated=_treated,
        error=error,
        for_data_subject=for_data_subject,
    )


def reveal(visit: Visit) -> Response:
    """Show who stands behind a token, once the gateway has recorded who asked and why."""
    request = subject_pb2.RevealSubjectRequest(token=visit.text("token"), reason=visit.text("reason"))
    stub = subject_pb2_grpc.SubjectServiceStub(visit.connection.channel)
    answer = visit.call(stub.RevealSubject, request)
    known = IDENTIFIERS.get(IdentifierKind(answer.identifier)) if answer.identifier in set(IdentifierKind) else None
    return visit.render(
        "audit/revealed.html",
        kind=known or Text(zh=answer.identifier, en=answer.identifier),
        value=answer.value,
        reason=request.reason,
    )


def _treated(columns: Sequence[str]) -> list[tuple[str, Text]]:
    """Return the columns of an access with what was done to each, in words."""
    parts = (column.partition(": ") for column in columns)
    return [(name, in_words({**MASKS, **TREATMENTS}, treatment)) for name, _, treatment in parts]


PAGES = (
    Page(
        path="/subject",
        title=Text(zh="谁查过此人", en="Who looked at this person"),
        show=show,
        group="audit",
        roles=AUDITING,
    ),
)
ACTIONS = (
    Action(method="POST", path="/subject/report", call=report),
    Action(method="POST", path="/subject/reveal", call=reveal),
)
