"""The frame around every page."""

from __future__ import annotations

from types import SimpleNamespace

from catalog.dataset import Text
from gateway.doors.console.visit import render


def test_the_frame_names_the_requester_and_leaves_the_pages_names_alone() -> None:
    """A connector's name stays its own below the name of who looks at it."""
    requester = SimpleNamespace(display_name="网关管理员", office_title=Text(zh="市大数据中心", en="Data centre"))
    shown = render(
        "connector.html",
        language="zh",
        visit=SimpleNamespace(session=SimpleNamespace(requester=requester), navigation=[], path="/connectors", now=0),
        department="health",
        name="main",
        department_name="卫生健康委",
        registration=SimpleNamespace(state=0, changed_at=0, changed_by="", reason="", instances=[], datasets=[]),
        states={0: (Text(zh="正在提供数据", en="Serving"), "good")},
        **dict.fromkeys(("registry_names", "problem", "error", "done", "ended"), None),
        **dict.fromkeys(("history", "offered"), ()),
    )
    assert "网关管理员" in shown
    assert "<h1>卫生健康委 · main</h1>" in shown
    assert 'hx-get="/-/connector-state/health/main"' in shown
