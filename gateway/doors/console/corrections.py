"""数据纠错: an office says that a record is wrong, the department says whether it was put right."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from starlette.responses import Response

from catalog.dataset import Text
from catalog.vocabulary import Role
from gateway.client import RequestError
from gateway.doors.console.names import Names
from gateway.doors.console.office_requests import days_left, late_only, list_values, stub_of
from gateway.doors.console.outcome import outcome
from gateway.doors.console.roles import OFFICE, PROVIDING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb

_TITLE = Text(zh="数据纠错", en="Corrections")
STATES = {
    pb.CORRECTION_STATE_FILED: (Text(zh="待核实", en="Waits to be checked"), "warn"),
    pb.CORRECTION_STATE_CORRECTED: (Text(zh="已更正", en="Put right"), "good"),
    pb.CORRECTION_STATE_CONFIRMED: (Text(zh="经核无误", en="Found to be right"), ""),
}
_FINDINGS = {
    "corrected": (
        pb.CORRECTION_STATE_CORRECTED,
        Text(zh="已答复：数据已更正。提出单位会看到。", en="Answered: the record was put right. The office sees it."),
    ),
    "confirmed": (
        pb.CORRECTION_STATE_CONFIRMED,
        Text(
            zh="已答复：经核无误。提出单位会看到。",
            en="Answered: the record was found to be right. The office sees it.",
        ),
    ),
}


def show(visit: Visit) -> Response:
    """Show the corrections that the requester may see."""
    answer = visit.call(stub_of(visit).ListCorrections, pb.ListCorrectionsRequest(overdue_only=late_only(visit)))
    values = list_values(visit, answer.corrections, names=Names(visit))
    return visit.render("corrections.html", states=STATES, **values)


def show_new(visit: Visit) -> Response:
    """Show the form of a new correction."""
    return _new(visit, "correction_new.html")


def show_one(visit: Visit) -> Response:
    """Show a correction with its answer."""
    return _one(visit)


def _columns(visit: Visit) -> Response:
    """Show the columns of the dataset that is chosen."""
    return _new(visit, "correction_columns.html")


def _file(visit: Visit) -> Response:
    page = replace(visit, path="/corrections/new")
    problem = _missing(visit)
    if problem is not None:
        return _new(page, "correction_new.html", problem=problem)
    request = pb.FileCorrectionRequest(
        dataset=visit.text("dataset"),
        entity_key=visit.text("key"),
        columns=[str(name) for name in visit.form.getlist("column")],
        remark=visit.text("remark"),
        receipt_entry=visit.text("receipt"),
    )
    try:
        filed = visit.call(stub_of(visit).FileCorrection, request).correction
    except RequestError as error:
        return _new(page, "correction_new.html", error=error)
    done = Text(
        zh=f"已提出。部门须在 {filed.deadline.due_on} 前答复，答复会显示在这里。",
        en=f"Filed. The department has to answer by {filed.deadline.due_on}; the answer will stand here.",
    )
    return _one(replace(visit, names={"id": filed.id}), done=done)


def _missing(visit: Visit) -> Text | None:
    if not visit.text("dataset"):
        return Text(zh="请选择数据集。", en="Choose the dataset.")
    if not visit.form.getlist("column"):
        return Text(zh="请勾选哪些列有误。", en="Tick the columns that seem wrong.")
    if not visit.text("key"):
        return Text(zh="请写明是哪一条记录。", en="Say which record it is.")
    if not visit.text("receipt"):
        return Text(
            zh="请填写收到该记录时的审计编号：在结果页“依据与回执”里，或在下载的文件旁的回执里。",
            en="Give the audit entry under which you received the record: it stands with the result, "
            "and in the receipt beside the file.",
        )
    if not visit.text("remark"):
        return Text(zh="请写明哪里有误，不写个人信息。", en="Say what is wrong, without personal data.")
    return None


def _answer(visit: Visit) -> Response:
    finding, answer = _FINDINGS.get(visit.text("finding")), visit.text("answer")
    if finding is None or not answer:
        missing = Text(zh="请选择核实结果，并写明答复。", en="Choose what was found, and write the answer.")
        return _one(visit, problem=missing)
    state, done = finding
    request = pb.AnswerCorrectionRequest(id=visit.names["id"], state=state, answer=answer)
    return outcome(
        lambda: visit.call(stub_of(visit).AnswerCorrection, request), page=partial(_one, visit), done=lambda _: done
    )


def _reveal(visit: Visit) -> Response:
    """Show which record is meant; the gateway records who asked."""
    request = pb.RevealCorrectionRequest(id=visit.names["id"])
    answer = visit.call(stub_of(visit).RevealCorrection, request)
    return visit.render("correction_record.html", entity_key=answer.entity_key)


def _one(
    visit: Visit, *, error: RequestError | None = None, done: Text | None = None, problem: Text | None = None
) -> Response:
    page = replace(visit, path=f"/corrections/{visit.names['id']}")
    listed = visit.call(stub_of(visit).ListCorrections, pb.ListCorrectionsRequest())
    correction = next((one for one in listed.corrections if one.id == visit.names["id"]), None)
    if correction is None:
        return page.render("request_unknown.html", correction=True)
    names = Names(visit)
    own = {summary.name for summary in names.datasets} if Role.STEWARD in visit.session.requester.roles else set()
    department = next((one.controller for one in names.datasets if one.name == correction.dataset), None)
    return page.render(
        "correction.html",
        correction=correction,
        names=names,
        department=visit.words(department) if department else "",
        answers=not correction.answered_at and correction.dataset in own,
        reveals=correction.dataset in own,
        error=error,
        done=done,
        problem=problem,
        states=STATES,
        days_left=partial(days_left, now=visit.now),
    )


def _new(visit: Visit, template: str, *, error: RequestError | None = None, problem: Text | None = None) -> Response:
    names = Names(visit)
    dataset = visit.text("dataset") or visit.query.get("dataset", "")
    if dataset not in {summary.name for summary in names.datasets}:
        dataset = ""
    runs = [run for run in visit.session.results.newest_first() if run.receipt]
    return visit.render(
        template,
        names=names,
        dataset=dataset,
        columns=names.described(dataset).columns if dataset else [],
        receipt=visit.text("receipt") or visit.query.get("entry", ""),
        received=[run for run in runs if not dataset or dataset in run.receipt["datasets"]],
        error=error,
        problem=problem,
    )


PAGES = (
    Page(path="/corrections", title=_TITLE, show=show, group="ask", roles=OFFICE),
    Page(path="/corrections", title=_TITLE, show=show, group="department", roles=PROVIDING),
    Page(path="/corrections/new", title=_TITLE, show=show_new, roles=OFFICE),
    Page(path="/corrections/{id}", title=_TITLE, show=show_one),
)
ACTIONS = (
    Action(method="POST", path="/corrections/new", call=_file),
    Action(method="POST", path="/corrections/new/columns", call=_columns),
    Action(method="POST", path="/corrections/{id}/answer", call=_answer),
    Action(method="POST", path="/corrections/{id}/reveal", call=_reveal),
)
