"""停用: the stop button. It says what will happen before it is pressed, and what has happened afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.client import RequestError
from gateway.doors.console.names import Names
from gateway.doors.console.outcome import outcome
from gateway.doors.console.roles import OFFICE, PROVIDING
from gateway.doors.console.stop_effect import KIND_TITLES, KINDS, Effect, agreements, effect_of, target_name
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

_TITLE = Text(zh="停用", en="Stops")
_EMPTY_FORM: Mapping[str, Any] = {
    "kinds": KINDS,
    "kind": "",
    "targets": [],
    "reason": "",
    "problem": None,
    "controllers": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page says first: of a stop that was just pressed or lifted."""

    stop: pb.StopOrder
    name: str
    effect: Effect
    deliveries_ended: int | None = None
    """None when it was lifted."""

    @property
    def of_column(self) -> bool:
        """Whether the rest of the dataset goes on."""
        return self.stop.kind == pb.STOP_KIND_COLUMN


def show(visit: Visit) -> Response:
    """Show what is stopped, what was, and the button."""
    return _page(visit)


def _targets(visit: Visit) -> Response:
    """Show what can be stopped of the kind that is chosen."""
    return visit.render("stop_form.html", **_form(visit))


def _confirm(visit: Visit) -> Response:
    """Say what will happen, before anything does."""
    kind, target = KINDS.get(visit.text("kind")), visit.text("target")
    problem = None
    if kind is None:
        problem = Text(zh="请先选择停用什么。", en="Choose first what is stopped.")
    elif not target or (visit.text("kind") == "office" and not _controller(visit)):
        problem = Text(zh="请选择停用的对象。", en="Choose which one is stopped.")
    elif not visit.text("reason"):
        problem = Text(
            zh="请写明理由：被停用的单位会看到，并记入日志。",
            en="Give the reason: the offices concerned see it, and it is recorded.",
        )
    if kind is None or problem is not None:
        return visit.render("stop_form.html", **_form(visit, problem=problem))
    names = Names(visit)
    return visit.render(
        "stop_confirm.html",
        kind=visit.text("kind"),
        kind_title=KIND_TITLES[kind[0]],
        name=target_name(kind[0], target, names=names),
        department=names.department(_controller(visit)),
        effect=effect_of(visit, kind[0], target, names=names),
    )


def _press(visit: Visit) -> Response:
    kind, _ = KINDS.get(visit.text("kind"), (pb.STOP_KIND_UNSPECIFIED, None))
    of_office = kind == pb.STOP_KIND_OFFICE and Role.ADMINISTRATOR in visit.session.requester.roles
    request = pb.StopRequest(
        kind=kind,
        target=visit.text("target"),
        reason=visit.text("reason"),
        controller=_controller(visit) if of_office else "",
    )
    return outcome(
        lambda: visit.call(_stub(visit).Stop, request),
        page=partial(_page, visit),
        done=lambda answer: _shown(visit, answer.stop, deliveries_ended=answer.deliveries_ended),
    )


def _lift(visit: Visit) -> Response:
    page, id, reason = replace(visit, path="/stops"), visit.names["id"], visit.text("reason")
    listed = visit.call(_stub(visit).ListStops, pb.ListStopsRequest())
    stop = next((one for one in listed.stops if one.id == id), None)
    if stop is None:
        return _page(page, problem=Text(zh="这项停用已经解除。", en="This stop has been lifted already."))
    if not reason:
        problem = Text(zh="解除停用须写明理由。", en="Give the reason why the stop is lifted.")
        return _page(page, problem=problem, lifting=id)
    return outcome(
        lambda: visit.call(_stub(visit).LiftStop, pb.LiftStopRequest(id=id, reason=reason)),
        page=partial(_page, page, lifting=id),
        done=lambda _: _shown(visit, stop),
    )


def _shown(visit: Visit, stop: pb.StopOrder, *, deliveries_ended: int | None = None) -> Shown:
    names = Names(visit)
    return Shown(
        stop=stop,
        name=target_name(stop.kind, stop.target, names=names),
        effect=effect_of(visit, stop.kind, stop.target, names=names),
        deliveries_ended=deliveries_ended,
    )


def _page(
    visit: Visit,
    *,
    done: Shown | None = None,
    error: RequestError | None = None,
    problem: Text | None = None,
    lifting: str = "",
) -> Response:
    request = pb.ListStopsRequest(with_lifted=True)
    answer = visit.call(_stub(visit).ListStops, request)
    requester, names = visit.session.requester, Names(visit)
    administers = Role.ADMINISTRATOR in requester.roles
    return visit.render(
        "stops.html",
        stops=[(stop, target_name(stop.kind, stop.target, names=names)) for stop in answer.stops],
        lifted=[(stop, target_name(stop.kind, stop.target, names=names)) for stop in answer.lifted],
        kind_titles=KIND_TITLES,
        lifts=lambda stop: administers or (bool(requester.department) and stop.controller == requester.department),
        presses=administers or Role.STEWARD in requester.roles,
        shown=done,
        error=error,
        page_problem=problem,
        lifting=lifting,
        names=names,
        **(_EMPTY_FORM if done or lifting else _form(visit)),
    )


def _form(visit: Visit, *, problem: Text | None = None) -> dict[str, Any]:
    """Return what the form shows: the kinds, and what there is of the chosen kind, as (value, label)."""
    kind = visit.text("kind") or visit.query.get("kind", "")
    names = Names(visit)
    administers = Role.ADMINISTRATOR in visit.session.requester.roles
    return {
        "kinds": KINDS,
        "kind": kind if kind in KINDS else "",
        "targets": _targets_of(visit, kind, names=names),
        "reason": visit.text("reason"),
        "problem": problem,
        "controllers": names.departments if administers and kind == "office" else {},
    }


def _targets_of(visit: Visit, kind: str, *, names: Names) -> list[tuple[str, str]]:
    requester = visit.session.requester
    match kind:
        case "dataset":
            return [(name, f"{names.dataset(name)} {name}") for name in _datasets(visit, names=names)]
        case "column":
            return [
                (f"{name}.{column.name}", f"{names.dataset(name)} · {visit.words(column.title)} {column.name}")
                for name in (_datasets(visit, names=names) if requester.department else ())
                for column in names.described(name).columns
            ]
        case "office":
            return [(id, visit.words(title)) for id, title in names.offices.items()]
        case "agreement":
            return [
                (one.id, one.id)
                for one in agreements(visit)
                if not one.HasField("revoked")
                and one.valid_until > visit.now
                and requester.department in ("", one.controller)
            ]
        case _:
            return []


def _datasets(visit: Visit, *, names: Names) -> list[str]:
    """Return the department's own datasets; for an administrator all that connectors serve."""
    if visit.session.requester.department:
        return [summary.name for summary in names.datasets]
    stub = registry_pb2_grpc.RegistryServiceStub(visit.connection.channel)
    answer = visit.call(stub.ListRegistrations, registry_pb2.ListRegistrationsRequest())
    return sorted({dataset.name for one in answer.registrations for dataset in one.datasets})


def _controller(visit: Visit) -> str:
    return visit.session.requester.department or visit.text("controller")


def _stub(visit: Visit) -> governance_pb2_grpc.GovernanceServiceStub:
    return governance_pb2_grpc.GovernanceServiceStub(visit.connection.channel)


PAGES = (
    Page(path="/stops", title=_TITLE, show=show, group="ask", roles=OFFICE),
    Page(path="/stops", title=_TITLE, show=show, group="department", roles=PROVIDING),
)
ACTIONS = (
    Action(method="POST", path="/stops", call=_press),
    Action(method="POST", path="/stops/targets", call=_targets),
    Action(method="POST", path="/stops/confirm", call=_confirm),
    Action(method="POST", path="/stops/{id}/lift", call=_lift),
)
