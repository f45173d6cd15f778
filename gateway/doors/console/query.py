"""查询: pick a query or write it, and see what it would get before it is asked."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.responses import JSONResponse, Response

from catalog.dataset import Text
from gateway.client import RequestError
from gateway.client.completion import complete
from gateway.doors.console.asking import words
from gateway.doors.console.asking.editor import Editor, case_form, edited, opened
from gateway.doors.console.asking.pick_form import picks_of
from gateway.doors.console.asking.told import told
from gateway.doors.console.draft import Draft
from gateway.doors.console.names import names_of
from gateway.doors.console.roles import ASKING
from gateway.doors.console.visit import Action, Page, Visit

_EXPLAIN = {"HX-Trigger-After-Swap": "explain"}
_COMPLETIONS_MAX = 30


def show(visit: Visit) -> Response:
    """Show the query that was worked on last; `?purpose=` and `?dataset=` begin a new one."""
    visit.session.names_until = 0
    draft = visit.session.draft or Draft()
    purpose, dataset = visit.query.get("purpose", ""), visit.query.get("dataset", "")
    if purpose and (purpose != draft.purpose or dataset):
        draft = Draft(purpose=purpose)
    return _render(visit, "query.html", opened(visit, draft, dataset=dataset))


def build(visit: Visit) -> Response:
    """Answer with the editor after something was picked that changes what else may be picked."""
    editor = edited(visit)
    return _render(visit, "query_built.html", editor, headers=_EXPLAIN)


def statement(visit: Visit) -> Response:
    """Answer with the SQL after something was picked; with the editor when the SQL was written by hand since."""
    editor = edited(visit)
    if editor.picks is None or visit.text("sql").replace("\r\n", "\n") != visit.text("picked").replace("\r\n", "\n"):
        answer = _render(visit, "query_built.html", editor, headers=_EXPLAIN)
        answer.headers["HX-Retarget"] = "#editor"
        return answer
    return _render(visit, "query_stated.html", editor, headers=_EXPLAIN)


def explain(visit: Visit) -> Response:
    """Answer with what the query would get; nothing when that was told already."""
    editor = edited(visit)
    asked = hashlib.sha256(repr((editor.draft.sql, editor.draft.purpose, editor.draft.case)).encode()).hexdigest()
    by_hand = visit.text("sql").replace("\r\n", "\n") != visit.text("picked").replace("\r\n", "\n")
    if visit.text("explained") == asked and not by_hand:
        return Response(status_code=204)
    visit.session.draft = editor.draft
    explained = told(visit, editor)
    shown = editor.picks if editor.picks else picks_of(visit.form, shelf=editor.shelf)
    return _render(
        visit,
        "query_explanation.html",
        editor,
        told=explained,
        asked=asked,
        by_hand=by_hand and not explained.mistake,
        shown=shown if shown.dataset in editor.shelf.datasets else None,
    )


def completions(visit: Visit) -> Response:
    """Answer with what may stand where the cursor is; nothing while the gateway does not answer."""
    before, text = (visit.form.get(name, "") for name in ("before", "text"))
    if not isinstance(before, str) or not isinstance(text, str):
        return JSONResponse([])
    try:
        found = complete(
            before,
            text=text,
            names=names_of(visit),
            purpose=visit.text("purpose"),
            words=visit.words,
            left=lambda column, purpose: visit.words(column.treatment_texts[purpose]),
        )
        candidates = [candidate for candidate, _ in zip(found, range(_COMPLETIONS_MAX), strict=False)]
    except RequestError:
        candidates = []
    return JSONResponse([{"text": one.text, "title": one.title, "replaces": one.replaces} for one in candidates])


def _render(
    visit: Visit,
    template: str,
    editor: Editor,
    *,
    headers: dict[str, str] | None = None,
    **values: Any,  # noqa: ANN401 - a template's
) -> Response:
    if template != "query_explanation.html":
        visit.session.draft = editor.draft
    shelf = editor.shelf
    answer = visit.render(
        template,
        editor=editor,
        draft=editor.draft,
        picks=editor.picks,
        beyond=editor.picks is None,
        shelf=shelf,
        purposes=[shelf.names.purposes()[id] for id in sorted(shelf.names.purposes())],
        purpose=shelf.purpose,
        why_not=words.why_not,
        case_form=case_form,
        say=words,
        **values,
    )
    answer.headers.update(headers or {})
    return answer


PAGES = (Page(path="/query", title=Text(zh="查询", en="Query"), show=show, group="ask", roles=ASKING),)
ACTIONS = (
    Action(method="POST", path="/query/build", call=build),
    Action(method="POST", path="/query/statement", call=statement),
    Action(method="POST", path="/query/explain", call=explain),
    Action(method="POST", path="/query/complete", call=completions),
)
