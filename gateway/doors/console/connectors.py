"""连接器: which connector serves which dataset, how it is, and who decides about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.client import RequestError
from gateway.doors.console.names import Names, names_of
from gateway.doors.console.outcome import outcome
from gateway.doors.console.roles import PROVIDING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from sharing_stubs.sharing.registry.v1 import registry_pb2_grpc

_TITLE = Text(zh="连接器", en="Connectors")
STATES = {
    pb.REGISTRATION_STATE_REQUESTED: (Text(zh="未通过检查", en="Did not pass the checks"), "bad"),
    pb.REGISTRATION_STATE_CHECKED: (Text(zh="待批准", en="Waits for approval"), "warn"),
    pb.REGISTRATION_STATE_APPROVED: (Text(zh="已批准，未运行", en="Approved, not running"), "warn"),
    pb.REGISTRATION_STATE_ACTIVE: (Text(zh="正在提供数据", en="Serving"), "good"),
    pb.REGISTRATION_STATE_SUSPENDED: (Text(zh="已停用", en="Suspended"), "bad"),
    pb.REGISTRATION_STATE_WITHDRAWN: (Text(zh="已撤回", en="Withdrawn"), ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A decision that somebody may take about a registration, and what it brings about."""

    id: str
    title: Text
    effect: Text
    done: Text
    reasoned: bool = True
    """Whether it needs a reason."""


_APPROVE = Choice(
    id="approve",
    title=Text(zh="批准", en="Approve"),
    effect=Text(
        zh="网关从此由该连接器提供其数据集的数据；它正在运行时立即生效。",
        en="From now on the gateway serves its datasets from this connector; at once when it is running.",
    ),
    done=Text(zh="已批准。", en="Approved."),
    reasoned=False,
)
_SUSPEND = Choice(
    id="suspend",
    title=Text(zh="停用", en="Suspend"),
    effect=Text(
        zh="正在传输的结果随即中断，新的查询得不到这些数据集的数据，直到恢复。",
        en="Results on their way are cut at once, and new queries get no data of its datasets, until it is resumed.",
    ),
    done=Text(
        zh="已停用。正在传输的结果已中断，数据集不再提供。",
        en="Suspended. Results on their way were cut; its datasets are not served.",
    ),
)
_RESUME = Choice(
    id="resume",
    title=Text(zh="恢复", en="Resume"),
    effect=Text(zh="停用结束，数据集恢复提供。", en="The suspension ends; its datasets are served again."),
    done=Text(zh="已恢复。", en="Resumed."),
)
_WITHDRAW = Choice(
    id="withdraw",
    title=Text(zh="撤回登记", en="Withdraw"),
    effect=Text(
        zh="登记终止，不能恢复；正在传输的结果随即中断。要再提供数据，连接器须重新登记并经批准。",
        en="The registration ends for good; results on their way are cut. "
        "To serve again, the connector has to register and be approved anew.",
    ),
    done=Text(zh="登记已撤回。", en="The registration is withdrawn."),
)
_CHOICES = {choice.id: choice for choice in (_APPROVE, _SUSPEND, _RESUME, _WITHDRAW)}
_OFFERED = {
    pb.REGISTRATION_STATE_REQUESTED: (_WITHDRAW,),
    pb.REGISTRATION_STATE_CHECKED: (_APPROVE, _WITHDRAW),
    pb.REGISTRATION_STATE_APPROVED: (_SUSPEND, _WITHDRAW),
    pb.REGISTRATION_STATE_ACTIVE: (_SUSPEND, _WITHDRAW),
    pb.REGISTRATION_STATE_SUSPENDED: (_RESUME, _WITHDRAW),
}


def show(visit: Visit) -> Response:
    """Show all registrations."""
    return _list(visit, "connectors.html")


def show_one(visit: Visit) -> Response:
    """Show one registration with its history."""
    return _one(visit, "connector.html")


def _live_list(visit: Visit) -> Response:
    return _list(visit, "connectors_list.html")


def _live_one(visit: Visit) -> Response:
    return _one(visit, "connector_state.html")


def _confirm(visit: Visit) -> Response:
    """Ask once more, saying what will happen."""
    choice, reason = _CHOICES.get(visit.text("choice")), visit.text("reason")
    if choice is None:
        return _decision(visit, problem=Text(zh="请先选择要做什么。", en="Choose first what to do."))
    if choice.reasoned and not reason:
        return _decision(
            visit, problem=Text(zh="请写明理由：它会记入登记历史。", en="Give the reason: it goes into the history.")
        )
    return visit.render(
        "connector_confirm.html", **_named(visit), choice=choice, reason=reason if choice.reasoned else ""
    )


def _decide(visit: Visit) -> Response:
    """Carry out a decision and show the registration as it is then."""
    choice = _CHOICES[visit.text("choice")]
    page = replace(visit, path=f"/connectors/{visit.names['department']}/{visit.names['name']}")
    return outcome(
        lambda: _carry_out(visit, choice), page=partial(_one, page, "connector.html"), done=lambda _: choice.done
    )


def _carry_out(visit: Visit, choice: Choice) -> object:
    stub, reason = _stub(visit), visit.text("reason")
    name = {"department": visit.names["department"], "connector": visit.names["name"]}
    match choice.id:
        case "approve":
            return visit.call(stub.Approve, pb.ApproveRequest(**name))
        case "suspend":
            return visit.call(stub.Suspend, pb.SuspendRequest(**name, reason=reason))
        case "resume":
            return visit.call(stub.Resume, pb.ResumeRequest(**name, reason=reason))
        case _:
            return visit.call(stub.Withdraw, pb.WithdrawRequest(**name, reason=reason))


def _decision(visit: Visit, *, problem: Text | None = None) -> Response:
    return _one(visit, "connector_decision.html", problem=problem)


def _list(visit: Visit, template: str) -> Response:
    answer = visit.call(_stub(visit).ListRegistrations, pb.ListRegistrationsRequest())
    own = visit.session.requester.department
    by_department = sorted(answer.registrations, key=lambda one: (one.department != own, one.department, one.connector))
    waiting = sum(one.state == pb.REGISTRATION_STATE_CHECKED for one in by_department)
    return visit.render(
        template, registrations=by_department, waiting=waiting, own=own, states=STATES, registry_names=_names(visit)
    )


def _one(
    visit: Visit,
    template: str,
    *,
    error: RequestError | None = None,
    done: Text | None = None,
    problem: Text | None = None,
) -> Response:
    request = pb.GetRegistrationRequest(department=visit.names["department"], connector=visit.names["name"])
    answer = visit.call(_stub(visit).GetRegistration, request)
    return visit.render(
        template,
        **_named(visit),
        registration=answer.registration,
        history=list(reversed(answer.history)),
        offered=_offered(visit, answer.registration),
        ended=answer.registration.state == pb.REGISTRATION_STATE_WITHDRAWN,
        states=STATES,
        error=error,
        done=done,
        problem=problem,
    )


def _names(visit: Visit) -> Names:
    """Return names that are asked for once a minute, although the page is every few seconds."""
    return Names(visit, known=names_of(visit))


def _named(visit: Visit) -> dict[str, Any]:
    names = _names(visit)
    return {
        "department": visit.names["department"],
        "name": visit.names["name"],
        "department_name": names.department(visit.names["department"]),
        "registry_names": names,
    }


def _offered(visit: Visit, registration: pb.Registration) -> tuple[Choice, ...]:
    """Return what the gateway will hardly refuse: all to administrators, stopping to the department's own steward."""
    requester = visit.session.requester
    choices = _OFFERED.get(registration.state, ())
    if Role.ADMINISTRATOR in requester.roles:
        return choices
    if Role.STEWARD in requester.roles and requester.department == registration.department:
        return tuple(choice for choice in choices if choice is not _APPROVE)
    return ()


def _stub(visit: Visit) -> registry_pb2_grpc.RegistryServiceStub:
    return registry_pb2_grpc.RegistryServiceStub(visit.connection.channel)


_ONE = "/connectors/{department}/{name}"
PAGES = (
    Page(path="/connectors", title=_TITLE, show=show, group="department", roles=PROVIDING),
    Page(path=_ONE, title=_TITLE, show=show_one, roles=PROVIDING),
)
ACTIONS = (
    Action(method="GET", path="/connectors-list", call=_live_list, live=True),
    Action(method="GET", path="/connector-state/{department}/{name}", call=_live_one, live=True),
    Action(method="POST", path=f"{_ONE}/decision", call=_decision),
    Action(method="POST", path=f"{_ONE}/confirm", call=_confirm),
    Action(method="POST", path=f"{_ONE}/decide", call=_decide),
)
