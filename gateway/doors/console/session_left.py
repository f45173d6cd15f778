"""Says a minute before that the session will end, and keeps it open for somebody who is there."""

from __future__ import annotations

from starlette.responses import Response

from gateway.doors.console.visit import Action, Page, Visit

_TOLD_SECONDS = 80
"""A page asks every 20 s, so that somebody has a minute to read it."""


def _show(visit: Visit) -> Response:
    session = visit.session
    left = session.over_at - visit.now
    return visit.render("session_left.html", left=left <= _TOLD_SECONDS, idle=session.over_at < session.ends_at)


PAGES: tuple[Page, ...] = ()
ACTIONS = (
    Action(method="GET", path="/session", call=_show, live=True),
    Action(method="POST", path="/session", call=_show),
)
