"""共享协议: what a department agreed to share with whom for what, signed and revoked here."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from functools import partial
from itertools import chain, count

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.client import RequestError
from gateway.doors.console import stop_effect
from gateway.doors.console.days import end_of_day, last_day, today
from gateway.doors.console.names import Names
from gateway.doors.console.outcome import outcome
from gateway.doors.console.roles import PROVIDING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc

_CONDITIONAL = "conditional"
_CITY = Text(zh="全市", en="The whole city")
_CITY_DIGITS = 2
_YEAR_SECONDS = 365 * 86_400
_ENDED_SHOWN_MAX = 50


def show(visit: Visit) -> Response:
    """Show the agreements in force and those that ended."""
    return _page(visit)


def _sign(visit: Visit) -> Response:
    until = end_of_day(visit.text("until"))
    problem = _missing(visit, until=until)
    if problem is not None or until is None:
        return _page(visit, problem=problem)
    signed = pb.Agreement(
        id=visit.text("id"),
        recipient=visit.text("recipient"),
        datasets=[str(name) for name in visit.form.getlist("dataset")],
        purposes=[str(id) for id in visit.form.getlist("purpose")],
        valid_until=until,
        terms=visit.text("terms"),
    )
    done = Text(zh=f"协议 {signed.id} 已签署，即时生效。", en=f"Agreement {signed.id} is signed and in force.")
    request = pb.SignAgreementRequest(agreement=signed)
    return outcome(
        lambda: visit.call(_stub(visit).SignAgreement, request), page=partial(_page, visit), done=lambda _: done
    )


def _missing(visit: Visit, *, until: int | None) -> Text | None:
    if not visit.text("id"):
        return Text(zh="请填写协议编号。", en="Give the agreement an id.")
    if not visit.form.getlist("dataset"):
        return Text(zh="请勾选数据集。", en="Tick the datasets.")
    if not visit.form.getlist("purpose"):
        return Text(zh="请勾选用途。", en="Tick the purposes.")
    if not visit.text("recipient"):
        return Text(zh="请选择与谁共享。", en="Choose with whom.")
    if until is None or until <= visit.now:
        return Text(zh="请选择今后的日期：协议的最后一天。", en="Choose a day ahead: the last day of the agreement.")
    return None


def _revoke(visit: Visit) -> Response:
    page, id, reason = replace(visit, path="/agreements"), visit.names["id"], visit.text("reason")
    if not reason:
        return _page(
            page, problem=Text(zh="撤销协议须写明理由。", en="Give the reason why it is revoked."), revoking=id
        )
    request = pb.RevokeAgreementRequest(id=id, reason=reason)
    done = Text(
        zh=f"协议 {id} 已撤销；凭它传输的结果已中断。",
        en=f"Agreement {id} is revoked; results on their way under it were cut.",
    )
    return outcome(
        lambda: visit.call(_stub(visit).RevokeAgreement, request),
        page=partial(_page, page, revoking=id),
        done=lambda _: done,
    )


def _page(
    visit: Visit,
    *,
    error: RequestError | None = None,
    problem: Text | None = None,
    done: Text | None = None,
    revoking: str = "",
) -> Response:
    requester, names = visit.session.requester, Names(visit)
    own = requester.department
    known = stop_effect.agreements(visit)
    listed = [one for one in known if not own or one.controller == own]
    in_force = [one for one in listed if not one.HasField("revoked") and one.valid_until > visit.now]
    ended = sorted(
        (one for one in listed if one not in in_force),
        key=lambda one: one.revoked.at if one.HasField("revoked") else one.valid_until,
        reverse=True,
    )
    signs = Role.STEWARD in requester.roles
    return visit.render(
        "agreements.html",
        in_force=in_force,
        ended=ended[:_ENDED_SHOWN_MAX],
        names=names,
        divisions=_divisions(visit, names=names),
        last_day=last_day,
        signs=signs,
        revokes=signs or Role.ADMINISTRATOR in requester.roles,
        datasets=[one for one in names.datasets if one.sharing_class == _CONDITIONAL] if signs else [],
        id=("" if done else visit.text("id")) or suggested_id(own, now=visit.now, used={one.id for one in known}),
        until=visit.text("until") or last_day(int(visit.now) + _YEAR_SECONDS),
        error=error,
        problem=problem,
        done=done,
        signing=bool(error or problem) and not revoking,
        revoking=revoking,
    )


def suggested_id(department: str, *, now: float, used: Container[str]) -> str:
    """Return an id for a department's next agreement that none has had: of the day, and a number from the second on."""
    first = f"{department}-{today(now):%Y%m%d}".replace("_", "-")
    return next(id for id in chain([first], (f"{first}-{number}" for number in count(2))) if id not in used)


def _divisions(visit: Visit, *, names: Names) -> dict[str, str]:
    """Return the divisions with which an agreement can be made, by code: the city, districts, townships and streets."""
    city = {
        office.division: visit.words(_CITY) for office in names.listed.offices if len(office.division) == _CITY_DIGITS
    }
    below = {office.id: visit.words(office.title) for office in names.listed.offices if office.id == office.division}
    return city | below


def _stub(visit: Visit) -> governance_pb2_grpc.GovernanceServiceStub:
    return governance_pb2_grpc.GovernanceServiceStub(visit.connection.channel)


PAGES = (
    Page(
        path="/agreements",
        title=Text(zh="共享协议", en="Agreements"),
        show=show,
        group="department",
        roles=PROVIDING,
    ),
)
ACTIONS = (
    Action(method="POST", path="/agreements", call=_sign),
    Action(method="POST", path="/agreements/{id}/revoke", call=_revoke),
)
