"""常用查询: queries that were saved, to be asked again, changed, renamed or deleted."""

from __future__ import annotations

from dataclasses import replace

from starlette.datastructures import FormData
from starlette.responses import Response

from catalog.dataset import Text
from gateway.doors.console import results
from gateway.doors.console.draft import Draft
from gateway.doors.console.names import names_of
from gateway.doors.console.roles import ASKING
from gateway.doors.console.saved_queries import SAVED_MAX, SavedProblem
from gateway.doors.console.visit import Action, Page, Visit


def show(visit: Visit) -> Response:
    """Show the requester's saved queries."""
    return _render(visit, "saved.html")


def _add(visit: Visit) -> Response:
    query = Draft(
        sql=visit.text("sql"), purpose=visit.text("purpose"), case=visit.text("case"), title=visit.text("title")
    )
    try:
        visit.saved.add(query)
    except SavedProblem as error:
        return visit.render("notice.html", problem=error.text)
    return visit.render("save_done.html")


def _open(visit: Visit) -> Response:
    try:
        visit.session.draft = visit.saved.query(visit.names["id"])
    except SavedProblem as error:
        return visit.render("notice.html", problem=error.text)
    return visit.go("/query")


def _run(visit: Visit) -> Response:
    """Ask the query as if it had been sent from the editor, and remember when."""
    try:
        query = visit.saved.query(visit.names["id"])
        visit.saved.ran(visit.names["id"])
    except SavedProblem as error:
        return visit.render("notice.html", problem=error.text)
    form = FormData({"sql": query.sql, "purpose": query.purpose, "case": query.case, "title": query.title})
    return results.ask(replace(visit, form=form))


def _rename(visit: Visit) -> Response:
    title = visit.text("title")
    try:
        visit.saved.rename(visit.names["id"], title)
    except SavedProblem as error:
        return _render(visit, "saved_list.html", problem=error.text)
    done = Text(zh=f"已改名为“{title}”。", en=f"Renamed to “{title}”.")
    return _render(visit, "saved_list.html", done=done)


def _delete(visit: Visit) -> Response:
    try:
        visit.saved.delete(visit.names["id"])
    except SavedProblem as error:
        return _render(visit, "saved_list.html", problem=error.text)
    return _render(visit, "saved_list.html", done=Text(zh="已删除。", en="Deleted."))


def _render(visit: Visit, template: str, *, problem: Text | None = None, done: Text | None = None) -> Response:
    return visit.render(
        template,
        saved=visit.saved.all(),
        purposes=names_of(visit).purposes(),
        saved_max=SAVED_MAX,
        problem=problem,
        done=done,
    )


PAGES = (Page(path="/saved", title=Text(zh="常用查询", en="Saved queries"), show=show, group="ask", roles=ASKING),)
ACTIONS = (
    Action(method="POST", path="/saved", call=_add),
    Action(method="POST", path="/saved/{id}/open", call=_open),
    Action(method="POST", path="/saved/{id}/run", call=_run),
    Action(method="POST", path="/saved/{id}/rename", call=_rename),
    Action(method="POST", path="/saved/{id}/delete", call=_delete),
)
