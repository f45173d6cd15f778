"""数据需求: an office asks a department for data, the department accepts, or refuses on a ground of the negative list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.client import RequestError
from gateway.doors.console.days import end_of_day, last_day
from gateway.doors.console.names import Names
from gateway.doors.console.office_requests import days_left, late_only, list_values, stub_of, works_in_office
from gateway.doors.console.outcome import outcome
from gateway.doors.console.roles import OFFICE, PROVIDING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb

_TITLE = Text(zh="数据需求", en="Data needs")
STATES = {
    pb.NEED_STATE_FILED: (Text(zh="待答复", en="Waits for an answer"), "warn"),
    pb.NEED_STATE_ACCEPTED: (Text(zh="已同意", en="Accepted"), "good"),
    pb.NEED_STATE_REFUSED: (Text(zh="不同意", en="Refused"), "bad"),
    pb.NEED_STATE_WITHDRAWN: (Text(zh="已撤回", en="Withdrawn"), ""),
}
_YEAR_SECONDS = 365 * 86_400


def show(visit: Visit) -> Response:
    """Show the needs that the requester may see."""
    answer = visit.call(stub_of(visit).ListNeeds, pb.ListNeedsRequest(overdue_only=late_only(visit)))
    return visit.render("needs.html", states=STATES, **list_values(visit, answer.needs, names=Names(visit)))


def show_new(visit: Visit) -> Response:
    """Show the form of a new need."""
    return _new(visit, "need_new.html")


def show_one(visit: Visit) -> Response:
    """Show a need with its answer."""
    return _one(visit)


def show_negative_list(visit: Visit) -> Response:
    """Show the grounds on which needs may be refused."""
    return visit.render("negative_list.html", grounds=_grounds(visit), names=Names(visit))


def _choices(visit: Visit) -> Response:
    """Show what can be asked for with the purpose and dataset that are chosen."""
    return _new(visit, "need_choices.html")


def _file(visit: Visit) -> Response:
    page = replace(visit, path="/needs/new")
    until, catalogued = end_of_day(visit.text("until")), visit.text("dataset") != "none"
    problem = _missing(visit, until=until)
    if problem is not None or until is None:
        return _new(page, "need_new.html", problem=problem)
    request = pb.FileNeedRequest(
        purpose=visit.text("purpose"),
        dataset=visit.text("dataset") if catalogued else "",
        columns=[str(name) for name in visit.form.getlist("column")] if catalogued else [],
        controller="" if catalogued else visit.text("controller"),
        scenario=visit.text("scenario"),
        needed_until=until,
    )
    try:
        need = visit.call(stub_of(visit).FileNeed, request).need
    except RequestError as error:
        return _new(page, "need_new.html", error=error)
    done = Text(
        zh=f"需求已提出。部门须在 {need.deadline.due_on} 前答复，答复会显示在这里。",
        en=f"The need is filed. The department has to answer by {need.deadline.due_on}; the answer will stand here.",
    )
    return _one(replace(visit, names={"id": need.id}), done=done)


def _missing(visit: Visit, *, until: int | None) -> Text | None:
    if not visit.text("purpose"):
        return Text(zh="请选择用途。", en="Choose a purpose.")
    if not visit.text("dataset"):
        return Text(
            zh="请选择需要哪个数据集；目录中没有的，选“目录中没有”。",
            en="Choose the dataset you need; when it is not listed, choose “not in the catalogue”.",
        )
    if visit.text("dataset") == "none" and not visit.text("controller"):
        return Text(zh="请选择向哪个部门提出。", en="Choose the department that is asked.")
    if not visit.text("scenario"):
        return Text(
            zh="请写明应用场景：做什么、谁来做、为何需要。", en="Say what for, who does it and why it is needed."
        )
    if until is None or until <= visit.now:
        return Text(
            zh="请选择今后的日期：数据需要用到哪一天。", en="Choose a day ahead: until when the data is needed."
        )
    return None


def _accept(visit: Visit) -> Response:
    need, day = _found(visit), visit.text("until")
    for_as_long_as_needed = not day or (need is not None and day == last_day(need.needed_until))
    until = 0 if for_as_long_as_needed else end_of_day(day)
    if until is None:
        return _one(visit, problem=Text(zh="请检查协议的最后一天。", en="Check the last day of the agreement."))
    if not visit.text("terms"):
        missing = Text(
            zh="请写明使用条件，例如“仅限消防检查”。", en="Write the terms, such as “fire inspections only”."
        )
        return _one(visit, problem=missing)
    agreement = visit.text("agreement")
    request = pb.AcceptNeedRequest(
        id=visit.names["id"], agreement=agreement, valid_until=until, terms=visit.text("terms")
    )
    done = Text(
        zh=f"已同意。协议 {agreement} 即时生效，该单位现在就可以查询。",
        en=f"Accepted. Agreement {agreement} is in force; the office may query at once.",
    )
    if not agreement:
        done = Text(
            zh="已同意。数据编目之后，由该单位就数据集再提出需求。",
            en="Accepted. Once the data is catalogued, the office files a need for the dataset.",
        )
    return _answered(visit, lambda: visit.call(stub_of(visit).AcceptNeed, request), done=done)


def _refuse(visit: Visit) -> Response:
    if not visit.text("basis") or not visit.text("answer"):
        missing = Text(
            zh="不同意须选择负面清单的一项，并写明答复。",
            en="To refuse, choose a ground of the negative list and write the answer.",
        )
        return _one(visit, problem=missing)
    request = pb.RefuseNeedRequest(id=visit.names["id"], basis=visit.text("basis"), answer=visit.text("answer"))
    done = Text(
        zh="已答复：不同意。该单位会看到依据和答复。", en="Refused. The office sees the ground and your answer."
    )
    return _answered(visit, lambda: visit.call(stub_of(visit).RefuseNeed, request), done=done)


def _withdraw(visit: Visit) -> Response:
    request = pb.WithdrawNeedRequest(id=visit.names["id"])
    done = Text(zh="需求已撤回。", en="The need is withdrawn.")
    return _answered(visit, lambda: visit.call(stub_of(visit).WithdrawNeed, request), done=done)


def _answered(visit: Visit, answer: Callable[[], object], *, done: Text) -> Response:
    return outcome(answer, page=partial(_one, visit), done=lambda _: done)


def _one(
    visit: Visit, *, error: RequestError | None = None, done: Text | None = None, problem: Text | None = None
) -> Response:
    page = replace(visit, path=f"/needs/{visit.names['id']}")
    need = _found(visit)
    if need is None:
        return page.render("request_unknown.html", correction=False)
    requester = visit.session.requester
    answers = not need.answered_at and Role.STEWARD in requester.roles and requester.department == need.controller
    return page.render(
        "need.html",
        need=need,
        names=Names(visit),
        answers=answers,
        withdraws=not need.answered_at and works_in_office(visit) and requester.office == need.office,
        grounds=_grounds(visit, controller=need.controller) if answers or need.basis else [],
        suggested=f"{need.controller}-{need.office}-{need.id[-6:]}".lower().replace("_", "-"),
        last_day=last_day(need.needed_until),
        error=error,
        done=done,
        problem=problem,
        states=STATES,
        days_left=partial(days_left, now=visit.now),
    )


def _found(visit: Visit) -> pb.Need | None:
    listed = visit.call(stub_of(visit).ListNeeds, pb.ListNeedsRequest()).needs
    return next((one for one in listed if one.id == visit.names["id"]), None)


def _new(visit: Visit, template: str, *, error: RequestError | None = None, problem: Text | None = None) -> Response:
    names = Names(visit)
    chosen = visit.text("purpose") or visit.query.get("purpose", "")
    purpose = next((one for one in names.purposes if one.id == chosen), None)
    agreements = purpose.agreements if purpose else []
    dataset = visit.text("dataset") or visit.query.get("dataset", "")
    if dataset != "none" and dataset not in {state.dataset for state in agreements}:
        dataset = ""
    columns = names.described(dataset).columns if dataset not in ("", "none") else []
    return visit.render(
        template,
        names=names,
        purpose=purpose,
        agreements=agreements,
        dataset=dataset,
        columns=[column for column in columns if column.treatments.get(chosen, "deny") != "deny"],
        until=visit.text("until") or last_day(int(visit.now) + _YEAR_SECONDS),
        error=error,
        problem=problem,
    )


def _grounds(visit: Visit, *, controller: str = "") -> list[pb.NegativeListEntry]:
    answer = visit.call(stub_of(visit).ListNegativeList, pb.ListNegativeListRequest())
    return [one for one in answer.entries if not controller or not one.controllers or controller in one.controllers]


PAGES = (
    Page(path="/needs", title=_TITLE, show=show, group="ask", roles=OFFICE),
    Page(path="/needs", title=_TITLE, show=show, group="department", roles=PROVIDING),
    Page(path="/needs/new", title=_TITLE, show=show_new, roles=OFFICE),
    Page(path="/needs/{id}", title=_TITLE, show=show_one),
    Page(
        path="/negative-list",
        title=Text(zh="负面清单", en="Negative list"),
        show=show_negative_list,
        group="department",
        roles=PROVIDING,
    ),
)
ACTIONS = (
    Action(method="POST", path="/needs/new", call=_file),
    Action(method="POST", path="/needs/new/choices", call=_choices),
    Action(method="POST", path="/needs/{id}/accept", call=_accept),
    Action(method="POST", path="/needs/{id}/refuse", call=_refuse),
    Action(method="POST", path="/needs/{id}/withdraw", call=_withdraw),
)
