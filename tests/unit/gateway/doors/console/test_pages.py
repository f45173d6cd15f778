"""What stands around every page: whom the navigation offers what, and who is signed in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from catalog.dataset import Text
from gateway.doors.console.pages import navigation
from gateway.doors.console.visit import Language, render


@pytest.mark.parametrize(("role", "asks"), [("clerk", True), ("analyst", True), ("auditor", True), ("steward", False)])
def test_results_are_offered_to_who_may_query(role: str, asks: bool) -> None:
    """A page that only a query fills is no dead end for somebody who has none."""
    offered = {page.path for group in navigation([role]) for page in group.pages}
    assert "/datasets" in offered
    assert (offered & {"/query", "/results", "/saved", "/reports"} == set()) is not asks
    assert ("/query" in offered) is ({"/results", "/saved", "/reports"} <= offered)


@pytest.mark.parametrize(
    ("name", "language", "shown"),
    [
        ("南京东路街道 办事员", "zh", False),
        ("南京东路街道 办事员", "en", True),
        ("王小明", "zh", True),
    ],
)
def test_the_office_is_said_once(name: str, language: Language, shown: bool) -> None:
    """A name that begins with it says it already."""
    requester = SimpleNamespace(display_name=name, office_title=Text(zh="南京东路街道", en="Nanjing East Road"))
    visit = SimpleNamespace(session=SimpleNamespace(requester=requester), path="/overview", navigation=())
    assert ('class="office"' in render("page.html", language=language, visit=visit)) is shown
