from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catalog.dataset import Text
from connectors.sdk.tlog import LogWriter
from gateway.doors.console.audit import entry
from gateway.doors.console.audit.work import AuditWork
from gateway.doors.console.visit import render
from tests.unit.gateway.doors.console.audit.test_proving import NAME, SIGNING

REQUESTER = {"subject": "auditor", "office": "o", "roles": ["auditor"], "clearance": "general-2", "token_id": "t"}


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that shows the page of an entry, as text."""

    def show(kind: str, body: dict[str, Any], *, language: str = "zh") -> str:
        with LogWriter.open(
            tmp_path / "log",
            signing_key=SIGNING,
            name=NAME,
            clock_micros=lambda: 1_700_000_000_000_000,
            new_entry_id=lambda: "one",
        ) as log:
            evidence = log.evidence(log.append(kind, body))
        monkeypatch.setattr(entry, "_evidence", lambda visit, entry_id: evidence)
        monkeypatch.setattr(entry, "_outcomes", lambda visit, intent: [])
        visit = SimpleNamespace(
            names={"entry": "one"},
            path="/log/one",
            navigation=(),
            session=SimpleNamespace(
                audit=AuditWork(titles={("office", "o"): Text(zh="街道", en="Street")}),
                requester=SimpleNamespace(display_name="", office_title=Text(zh="局", en="Office")),
            ),
        )
        visit.render = lambda template, **values: render(template, language=language, visit=visit, **values)
        return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", entry.show(visit)))

    return show


def test_a_question_to_the_log_is_told_in_words(shown) -> None:
    """What was asked and the asker's grade are words, and what was done is said once."""
    body = {"requester": REQUESTER, "action": "search", "filters": {"entries_max": 51, "office": "o"}}
    page = shown("audit_query", body)
    assert "所问 至多 51 条；单位：街道" in page
    assert "权限级别 一般数据2级" in page
    assert page.count("检索日志") == 1
    assert "结果与期限" not in page


def test_terms_are_told_with_their_numbers(shown) -> None:
    """Of a query the page says how long and for whom, in the singular where it is one."""
    terms = {"rows_max": 10, "retention_days": 1, "onward_sharing": False, "agreements": []}
    page = shown("intent", {"requester": REQUESTER, "obligations": terms}, language="en")
    assert "Kept for 1 day " in page
    assert "Pass on not allowed" in page
    assert "Result Allowed" in page
