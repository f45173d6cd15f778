"""个人同意: a person agrees to be looked up for a purpose; the clerk records it before asking, and withdraws it when told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.client import RequestError
from gateway.doors.console.names import names_of
from gateway.doors.console.outcome import outcome
from gateway.doors.console.visit import Action, Page, Visit, when
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc

_TITLE = Text(zh="个人同意", en="Consents")


def show(visit: Visit) -> Response:
    """Show the forms; who has consented is listed nowhere, as the gateway keeps no names."""
    return _page(visit)


def _record(visit: Visit) -> Response:
    days = visit.text("days")
    request = pb.RecordConsentRequest(
        resident_id=visit.text("resident"),
        purpose=visit.text("purpose"),
        evidence=visit.text("evidence"),
        days=int(days) if days.isdecimal() and len(days) < 4 else 0,
    )
    return outcome(
        lambda: visit.call(_stub(visit).RecordConsent, request),
        page=partial(_page, visit, form="record"),
        done=_recorded,
    )


def _recorded(answer: pb.RecordConsentResponse) -> Text:
    until = when(answer.expires_at)
    return Text(zh=f"同意已登记，有效至 {until}。", en=f"The consent is recorded, valid until {until}.")


def _withdraw(visit: Visit) -> Response:
    request = pb.WithdrawConsentRequest(resident_id=visit.text("resident"), purpose=visit.text("purpose"))
    done = Text(
        zh="同意已撤回：本单位不能再据此查询此人。",
        en="The consent is withdrawn: your office cannot look this person up on it.",
    )
    return outcome(
        lambda: visit.call(_stub(visit).WithdrawConsent, request),
        page=partial(_page, replace(visit, path="/consents"), form="withdraw"),
        done=lambda _: done,
    )


def _page(visit: Visit, *, form: str = "", done: Text | None = None, error: RequestError | None = None) -> Response:
    purposes = [purpose for _, purpose in sorted(names_of(visit).purposes().items()) if purpose.consent_required]
    return visit.render("consents.html", purposes=purposes, done=done, failed=form if error else "", error=error)


def _stub(visit: Visit) -> governance_pb2_grpc.GovernanceServiceStub:
    return governance_pb2_grpc.GovernanceServiceStub(visit.connection.channel)


PAGES = (Page(path="/consents", title=_TITLE, show=show, group="ask", roles=frozenset({Role.CLERK})),)
ACTIONS = (
    Action(method="POST", path="/consents", call=_record),
    Action(method="POST", path="/consents/withdrawn", call=_withdraw),
)
