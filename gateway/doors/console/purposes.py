"""用途: for what the requester may ask for data, and what each purpose needs."""

from __future__ import annotations

from starlette.responses import Response

from catalog.dataset import Text
from gateway.doors.console.asking import words
from gateway.doors.console.asking.editor import case_form
from gateway.doors.console.names import Names, names_of
from gateway.doors.console.roles import ASKING
from gateway.doors.console.visit import Action, Page, Visit


def show(visit: Visit) -> Response:
    """Show the purposes that may be declared; those that can be used now first."""
    visit.session.names_until = 0
    names = names_of(visit)
    purposes = [(purpose, words.why_not(purpose)) for _, purpose in sorted(names.purposes().items())]
    return visit.render(
        "purposes.html",
        purposes=sorted(purposes, key=lambda one: one[1] is not None),
        names=Names(visit, known=names),
        case_form=case_form,
    )


PAGES = (Page(path="/purposes", title=Text(zh="用途", en="Purposes"), show=show, group="ask", roles=ASKING),)
ACTIONS: tuple[Action, ...] = ()
