"""查询结果: a query that runs, its rows, its receipt, and all results of the session."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from catalog.dataset import Text
from gateway.client import RequestError
from gateway.client.files.formats import XLSX_ROWS_MAX
from gateway.doors.console.asking.told import Why, why_of
from gateway.doors.console.draft import Draft
from gateway.doors.console.names import names_of
from gateway.doors.console.results import drawing, taking
from gateway.doors.console.results.columns import Column, page
from gateway.doors.console.results.files import TOO_MANY_ROWS
from gateway.doors.console.results.finding import columns_for, find
from gateway.doors.console.roles import ASKING, OFFICE
from gateway.doors.console.runs.results import KEPT_MAX, Refused
from gateway.doors.console.runs.run import Question, Run
from gateway.doors.console.runs.spool import SpoolClosed
from gateway.doors.console.visit import Action, Page, Visit

_ROWS_OF_A_PAGE = 200
_FIRST_ROWS_SECONDS_MAX = 0.5
"""How long the page waits for them, so that most results are there when it opens."""
_TITLE_CHARACTERS_MAX = 100
_CONNECTOR_REASONS = frozenset({"CONNECTOR_UNAVAILABLE", "CONNECTOR_SUSPENDED", "CONNECTOR_DRIFTED"})


def ask(visit: Visit) -> Response:
    """Start the query of a form (`sql`, `purpose`, `case`, `title`, `partial`) and lead to its result."""
    draft = Draft(
        sql=visit.text("sql"), purpose=visit.text("purpose"), case=visit.text("case"), title=visit.text("title")
    )
    visit.session.draft = draft
    if not draft.sql or not draft.purpose:
        return visit.render("notice.html", problem=_INCOMPLETE)
    question = Question(
        sql=draft.sql,
        purpose=draft.purpose,
        case=draft.case,
        title=draft.title[:_TITLE_CHARACTERS_MAX],
        partial=visit.text("partial") == "on",
    )
    try:
        run = visit.session.results.start(visit.connection, question)
    except Refused as refused:
        return visit.render("notice.html", problem=refused.text)
    return visit.go(f"/results/{run.id}")


def _list(visit: Visit) -> Response:
    runs = visit.session.results.newest_first()
    return visit.render(
        "results.html", runs=runs, purposes=names_of(visit).purposes() if runs else {}, kept_max=KEPT_MAX
    )


def _show(visit: Visit) -> Response:
    run = find(visit)
    if run is None:
        return visit.render("result_gone.html")
    purpose = names_of(visit).purposes().get(run.question.purpose)
    run.wait_for_rows(_FIRST_ROWS_SECONDS_MAX)
    return visit.render("result.html", purpose=purpose, **_state(visit, run))


def _progress(visit: Visit) -> Response:
    run = find(visit)
    if run is None:  # closed on another page of the session
        return visit.render("result_state_gone.html")
    return visit.render("result_progress.html", **_state(visit, run))


def _rows(visit: Visit) -> Response:
    run = find(visit)
    if run is None or run.schema is None:
        return JSONResponse({"rows": [], "total": 0}, status_code=404)
    first, count = _whole(visit.query.get("from")), min(_whole(visit.query.get("count")), _ROWS_OF_A_PAGE)
    columns = columns_for(visit, run)
    try:
        rows = page(run.spool.read(first, count), columns=columns, language=visit.language)
    except SpoolClosed:
        return JSONResponse({"rows": [], "total": 0}, status_code=404)
    run.looked_at.set()
    answer: dict[str, object] = {"rows": rows, "total": run.spool.rows}
    if "columns" in visit.query:
        answer["columns"] = [_heading(visit, column) for column in columns]
    return JSONResponse(answer)


def _heading(visit: Visit, column: Column) -> dict[str, object]:
    computed = visit.words(_COMPUTED)
    return {
        "name": column.name,
        "title": column.label(visit.language),
        "treatment": "; ".join(visit.words(text) for text in column.treatments) or computed,
        "clear": column.clear,
        "kind": column.kind,
    }


def _cancel(visit: Visit) -> Response:
    run = find(visit)
    if run is not None:
        run.cancel()
    return _progress(visit)


def _close(visit: Visit) -> Response:
    run = find(visit)
    if run is not None:
        visit.session.results.remove(run)
    return visit.go("/results")


def _edit(visit: Visit) -> Response:
    run = find(visit)
    if run is not None:
        question = run.question
        visit.session.draft = Draft(
            sql=question.sql, purpose=question.purpose, case=question.case, title=question.title
        )
    return visit.go("/query")


def _again(visit: Visit) -> Response:
    run = find(visit)
    if run is None:
        return visit.go("/results")
    question = replace(run.question, partial=run.question.partial or visit.text("partial") == "on")
    try:
        return visit.go(f"/results/{visit.session.results.start(visit.connection, question).id}")
    except Refused as refused:
        return visit.render("notice.html", problem=refused.text)


def _state(visit: Visit, run: Run) -> dict[str, Any]:
    state = run.state  # before all else: what belongs to it was there before it
    terms = run.terms()
    return {
        "state": state.value,
        "reasons": _reasons(visit, run),
        "part_is_left": _part_is_left(run),
        "run": run,
        "terms": terms,
        "about": json.loads(terms.get("sharing.about", "null"), object_hook=_text),
        "obligations": json.loads(terms.get("sharing.obligations", "null")),
        "rows_left": json.loads(terms.get("sharing.rows", "[]"), object_hook=_text),
        "columns": columns_for(visit, run),
        "xlsx_rows_max": XLSX_ROWS_MAX,
        "too_many_rows": TOO_MANY_ROWS,
        "correcting": OFFICE,
    }


def _part_is_left(run: Run) -> bool:
    """Tell whether what is left may be asked for without the departments that are down."""
    reasons = run.error.reasons if run.error else ()
    return not run.question.partial and any(reason.code in _CONNECTOR_REASONS for reason in reasons)


def _reasons(visit: Visit, run: Run) -> tuple[Why, ...]:
    """Return why it failed, with titles for ids as far as the catalogue answers; nothing where words are missing."""
    reasons = run.error.reasons if run.error else ()
    if not reasons or not all(one.message for one in reasons):
        return ()
    try:
        names = names_of(visit)
    except RequestError:
        names = None
    return tuple(why_of(one, names=names) for one in reasons)


def _text(value: dict[str, Any]) -> object:
    return Text(**value) if value.keys() == {"zh", "en"} else value


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 12 else 0


_COMPUTED = Text(zh="计算得出", en="computed")
_INCOMPLETE = Text(
    zh="请先选择用途并写好查询内容，再运行。",
    en="Choose a purpose and say what to ask for, then run it.",
)
PAGES = (
    Page(path="/results", title=Text(zh="查询结果", en="Results"), show=_list, group="ask", roles=ASKING),
    Page(path="/results/{id}", title=Text(zh="查询结果", en="Result"), show=_show),
)
ACTIONS = (
    Action(method="POST", path="/results", call=ask),
    Action(method="GET", path="/results/{id}/state", call=_progress, live=True),
    Action(method="GET", path="/results/{id}/rows", call=_rows),
    Action(method="GET", path="/results/{id}/rows/live", call=_rows, live=True),
    Action(method="POST", path="/results/{id}/cancel", call=_cancel),
    Action(method="POST", path="/results/{id}/close", call=_close),
    Action(method="POST", path="/results/{id}/edit", call=_edit),
    Action(method="POST", path="/results/{id}/again", call=_again),
    *drawing.ACTIONS,
    *taking.ACTIONS,
)
