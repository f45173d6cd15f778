"""订阅: queries that the gateway runs by itself, and whose results wait to be received."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
from starlette.responses import Response

from catalog.dataset import Text
from gateway.client import InvalidRequest, RequestError
from gateway.client.catalogue_names import CatalogueNames
from gateway.client.connection import OnCall
from gateway.client.errors import ErrorReason
from gateway.client.result import OnProgress, Result
from gateway.client.subscriptions import Subscriptions
from gateway.doors.console.asking.result_columns import result_columns
from gateway.doors.console.draft import Draft
from gateway.doors.console.names import Names, names_of
from gateway.doors.console.reasons import reason_words
from gateway.doors.console.roles import OFFICE
from gateway.doors.console.runs.results import Refused
from gateway.doors.console.runs.run import Question
from gateway.doors.console.saved_queries import SavedProblem
from gateway.doors.console.subscription_words import CYCLES, RUN_STATES, schedule
from gateway.doors.console.visit import Action, Page, Visit, when
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb

_CHANGED = {"HX-Trigger": "subscriptions"}
"""Has the page fetch the list again."""
_OWN, _DRAFT = "own", "draft"
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_NOTHING_WAITS = {
    "message_zh": "没有待接收的结果：可能已被接收、已被新一期取代，或订阅已停止。",
    "message_en": "Nothing waits: it was received, a newer run took its place, or the subscription was stopped.",
    "remedy_zh": "请回到“订阅”页查看最近一期的状态。",
    "remedy_en": "See on the page “Subscriptions” how the last run stands.",
}
_NOTE = Text(
    zh="这是订阅的一期结果。下载成文件后才算接收，网关随即销毁它那一份；只看不下载，它会继续等您。",
    en="A run of a subscription. It is received once you download it, and the gateway destroys its copy; until then it waits.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """The run of a subscription that waits, as the source of a result: nothing is asked anew."""

    subscriptions: Subscriptions
    id: str

    def query(
        self, sql: str, *, purpose: str, case: str, partial: bool, on_progress: OnProgress, on_call: OnCall
    ) -> Result:
        arriving = self.subscriptions.open(self.id, on_progress=on_progress, on_call=on_call)
        if arriving is None:
            reason = ErrorReason(code="NOTHING_WAITS", texts=_NOTHING_WAITS)
            raise InvalidRequest(grpc.StatusCode.FAILED_PRECONDITION, _NOTHING_WAITS["message_en"], (reason,))
        return arriving.result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A subscription as the page shows it."""

    about: pb.Subscription
    title: str
    purpose: str
    schedule: Text
    waiting: pb.Run | None
    is_own: bool
    is_over: bool
    """The requester stopped it, and may look at it no more."""
    office: str
    key: tuple[str, ...]
    """Titles of the columns by which its changes are told; empty when it brings the whole list."""


def show(visit: Visit) -> Response:
    """Show the subscriptions that the requester may see, and the form for a new one to who may make one."""
    chosen = visit.query.get("saved", "")
    may_create = bool(OFFICE & set(visit.session.requester.roles))
    form = _form(visit, chosen=chosen) if may_create else {}
    visit.session.saved_titles = None
    return visit.render("subscriptions.html", may_create=may_create, form=form, **_listed(visit))


def _list(visit: Visit) -> Response:
    return visit.render("subscriptions_list.html", **_listed(visit))


def _choose(visit: Visit) -> Response:
    return visit.render("subscription_chosen.html", form=_form(visit, chosen=visit.text("saved")))


def _create(visit: Visit) -> Response:
    try:
        query = _query(visit)
        at = _TIME.fullmatch(visit.text("at"))
        cycle = CYCLES.get(visit.text("cycle"))
        if at is None or cycle is None:
            raise SavedProblem("请选择多久一次和几点。", "Choose how often, and at what time.")
        keys = _keys(visit)
        changes = visit.text("mode") == "changes"
        if changes and not keys:
            raise SavedProblem(
                "只接收变化，须选择用哪几列区分每一行，例如户编号。",
                "For changes only, choose the columns that tell one row from another, such as the household number.",
            )
    except SavedProblem as problem:
        return visit.render("notice.html", problem=problem.text)
    minute = int(at[1]) * 60 + int(at[2])
    request = pb.CreateSubscriptionRequest(
        sql=query.sql, cycle=cycle.cycle, minute_of_day=minute, key_columns=keys if changes else []
    )
    made = Subscriptions(visit.connection).create(request, purpose=query.purpose, case=query.case)
    answer = visit.render("subscription_made.html", schedule=schedule(made))
    answer.headers.update(_CHANGED)
    return answer


def _receive(visit: Visit) -> Response:
    """Lead to the result of the run that waits. It is received, for the gateway, once a file of it was taken along."""
    subscriptions = Subscriptions(visit.connection)
    shown = next((one for one in _shown(visit) if one.about.id == visit.names["id"]), None)
    if shown is None or shown.waiting is None:
        return _list(visit)
    about, run = shown.about, shown.waiting
    title = f"{shown.title} {when(run.started_at)[:16]}"
    question = Question(sql=about.sql, purpose=about.purpose, case=about.case_number, title=title)
    try:
        result = visit.session.results.start(
            _Waiting(subscriptions=subscriptions, id=about.id),
            question,
            taken=lambda: _acknowledge(subscriptions, about.id, run=run.id),
            note=_NOTE,
        )
    except Refused as refused:
        return visit.render("subscriptions_list.html", problem=refused.text, **_listed(visit))
    return visit.go(f"/results/{result.id}")


def _stop(visit: Visit) -> Response:
    Subscriptions(visit.connection).stop(visit.names["id"])
    done = Text(zh="已停止。待接收的结果已销毁。", en="Stopped. What waited is destroyed.")
    return visit.render("subscriptions_list.html", done=done, **_listed(visit))


def _acknowledge(subscriptions: Subscriptions, id: str, *, run: str) -> None:
    with suppress(RequestError, ValueError):  # the run waits on, and is received again: gateway or session were gone
        subscriptions.acknowledge(id, run=run)


def _keys(visit: Visit) -> list[str]:
    """Return the columns that were ticked, or typed where they could not be offered."""
    typed = re.split(r"[\s,，、;；]+", visit.text("keys"))
    return [str(key) for key in visit.form.getlist("key")] or [key for key in typed if key]


def _query(visit: Visit) -> Draft:
    """Return what the form chose to subscribe to. Raises SavedProblem."""
    chosen = visit.text("saved")
    if chosen == _OWN:
        query = Draft(sql=visit.text("sql"), purpose=visit.text("purpose"), case=visit.text("case"))
    elif chosen == _DRAFT and visit.session.draft is not None:
        query = visit.session.draft
    else:
        query = visit.saved.query(chosen)
    if not query.sql:
        raise SavedProblem("请写好要定期查询的内容。", "Write the query that is to run regularly.")
    if not query.purpose:
        raise SavedProblem("请选择用途。", "Choose a purpose.")
    return query


def _form(visit: Visit, *, chosen: str) -> dict[str, Any]:
    """Return what the form for a new subscription shows."""
    saved = {one.id: one.query for one in visit.saved.all() if one.query is not None}
    draft = visit.session.draft
    queries = saved | ({_DRAFT: draft} if draft is not None and draft.sql else {})
    if chosen not in queries:
        chosen = _OWN if chosen == _OWN else next(iter(queries), _OWN)
    query, names = queries.get(chosen), names_of(visit)
    return {
        "saved": saved,
        "draft": queries.get(_DRAFT),
        "chosen": chosen,
        "query": query,
        "columns": result_columns(query.sql, names=names) if query else {},
        "purposes": names.purposes(),
        "cycles": CYCLES,
    }


def _listed(visit: Visit) -> dict[str, Any]:
    shown = _shown(visit)
    running = any(run.state == pb.RUN_STATE_RUNNING for one in shown for run in one.about.runs[:1])
    fresh = any(not one.about.runs and not one.about.stopped_at for one in shown)
    return {"shown": shown, "states": RUN_STATES, "reason_words": reason_words, "running": running or fresh}


def _saved_titles(visit: Visit) -> Mapping[str, str]:
    """Return the titles of saved queries by statement, as the page showed them: a list that renews itself decrypts nothing."""
    if visit.session.saved_titles is None:
        saved = visit.saved.all()
        visit.session.saved_titles = {one.query.sql: one.query.title for one in saved if one.query is not None}
    return visit.session.saved_titles


def _shown(visit: Visit) -> list[_Shown]:
    titles, known, subject = _saved_titles(visit), names_of(visit), visit.session.subject
    names = Names(visit, known=known)
    return [
        _Shown(
            about=one,
            title=titles.get(one.sql) or names.purpose(one.purpose),
            purpose=names.purpose(one.purpose),
            schedule=schedule(one),
            waiting=next((run for run in one.runs if run.state == pb.RUN_STATE_READY), None),
            is_own=one.subject == subject,
            is_over=one.subject == subject and bool(one.stopped_at) and subject in one.stopped_because.en,
            office="" if one.subject == subject else names.office(one.office),
            key=_key_titles(visit, one, known=known),
        )
        for one in sorted(Subscriptions(visit.connection).all(), key=lambda one: bool(one.stopped_at))
    ]


def _key_titles(visit: Visit, subscription: pb.Subscription, *, known: CatalogueNames) -> tuple[str, ...]:
    titles = result_columns(subscription.sql, names=known) if subscription.key_columns else {}
    return tuple(visit.words(titles[name]) if name in titles else name for name in subscription.key_columns)


PAGES = (
    Page(
        path="/subscriptions",
        title=Text(zh="订阅", en="Subscriptions"),
        show=show,
        group="ask",
        roles=OFFICE | {"administrator", "auditor"},
    ),
)
ACTIONS = (
    Action(method="GET", path="/subscriptions/list", call=_list, live=True),
    Action(method="POST", path="/subscriptions/query", call=_choose),
    Action(method="POST", path="/subscriptions", call=_create),
    Action(method="POST", path="/subscriptions/{id}/receive", call=_receive),
    Action(method="POST", path="/subscriptions/{id}/stop", call=_stop),
)
