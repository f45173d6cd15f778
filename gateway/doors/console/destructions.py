"""登记销毁: an office records that it destroyed a result, also after the session that received it is over; what is still owed."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import OVERSIGHT
from gateway.client import RequestError
from gateway.doors.console.names import Names
from gateway.doors.console.outcome import outcome
from gateway.doors.console.roles import OFFICE
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc

_RECORD = Text(zh="登记销毁", en="Record a destruction")
_OWED = Text(zh="待销毁的结果", en="Destructions owed")


def show(visit: Visit) -> Response:
    """Show what is owed, and to an office the form."""
    return _page(visit)


def _record(visit: Visit) -> Response:
    request = pb.RecordDestructionRequest(entry_id=visit.text("entry"), method=visit.text("method"))
    return outcome(
        lambda: visit.call(_stub(visit).RecordDestruction, request),
        page=partial(_page, visit),
        done=partial(_recorded, visit),
    )


def _recorded(visit: Visit, answer: pb.RecordDestructionResponse) -> Text:
    for run in visit.session.results.newest_first():
        if run.entry() == visit.text("entry"):
            run.close("destroyed")
    if not answer.entry_ids:
        return Text(zh="这份结果没有数据行，不用登记。", en="This result has no rows: there is nothing to record.")
    receipt = answer.entry_ids[0]
    return Text(zh=f"已登记销毁，回执编号 {receipt}。", en=f"The destruction is recorded; its receipt is {receipt}.")


def _page(visit: Visit, *, done: Text | None = None, error: RequestError | None = None) -> Response:
    records = not OFFICE.isdisjoint(visit.session.requester.roles)
    return visit.render(
        "destructions.html",
        title=_RECORD if records else _OWED,
        records=records,
        owed=visit.call(_stub(visit).ListOwedDestructions, pb.ListOwedDestructionsRequest()).owed,
        names=Names(visit),
        entry="" if done else visit.text("entry") or visit.query.get("entry", ""),
        method="" if done else visit.text("method"),
        done=done,
        error=error,
    )


def _stub(visit: Visit) -> governance_pb2_grpc.GovernanceServiceStub:
    return governance_pb2_grpc.GovernanceServiceStub(visit.connection.channel)


PAGES = (
    Page(path="/destructions", title=_RECORD, show=show, group="ask", roles=OFFICE),
    Page(path="/destructions", title=_OWED, show=show, group="audit", roles=OVERSIGHT),
)
ACTIONS = (Action(method="POST", path="/destructions", call=_record),)
