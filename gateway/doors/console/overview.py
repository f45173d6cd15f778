"""一屏观天下: today at a glance."""

from __future__ import annotations

from starlette.responses import Response

from catalog.dataset import Text
from gateway.doors.console.visit import Action, Page, Visit


def show(visit: Visit) -> Response:
    """Show the page."""
    return visit.render("overview.html")


PAGES = (Page(path="/overview", title=Text(zh="一屏观天下", en="Overview"), show=show, group="overview"),)
ACTIONS: tuple[Action, ...] = ()
