"""What the page about the use of data says of numbers."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any

from catalog.dataset import Text
from gateway.doors.console.use import DAYS, Breakdown, breakdown_of, timeline
from gateway.doors.console.visit import Language, render
from sharing_stubs.sharing.audit.v1 import audit_pb2

OFFICE = Text(zh="单位", en="Office")


def group(value: str, *, accesses: int = 0, denials: int = 0) -> audit_pb2.GroupCounts:
    return audit_pb2.GroupCounts(values=[value], titles=[audit_pb2.Text()], accesses=accesses, denials=denials)


def breakdown(*groups: audit_pb2.GroupCounts, groups_total: int) -> Breakdown:
    visit: Any = SimpleNamespace(words=lambda text: text.zh)
    counts = audit_pb2.GroupedCounts(groups=groups, groups_total=groups_total)
    return breakdown_of(visit, counts, dimension=audit_pb2.DIMENSION_OFFICE, title=OFFICE, label=OFFICE, linked=False)


def drawn(total: audit_pb2.GroupCounts, *breakdowns: Breakdown, language: Language = "zh") -> str:
    shown = {"own": True, "days": 1, "all_days": DAYS, "dataset": "", "datasets": [], "timeline": []}
    requester = SimpleNamespace(display_name="", office_title=OFFICE)
    visit = SimpleNamespace(session=SimpleNamespace(requester=requester), navigation=[], path="/use")
    return render("use.html", language=language, visit=visit, total=total, breakdowns=breakdowns, **shown)


def test_a_query_is_one_that_was_asked() -> None:
    """Allowed or denied; who asked nothing has no line."""
    found = breakdown(group("a", accesses=1), group("b", accesses=2, denials=3), group("c"), groups_total=3)
    assert [(line.name, line.queries, line.denials) for line in found.lines] == [("b", 5, 3), ("a", 1, 0)]
    assert (found.total, found.compared) == (2, 2)
    day = datetime.date(2026, 1, 31)
    assert timeline([group("2026-01-31", accesses=2, denials=3)], since=day, days=2) == [
        ("2026-01-31", 5, 3),
        ("2026-02-01", 0, 0),
    ]


def test_requesters_are_those_of_all_queries() -> None:
    """However many lines are shown, and whoever asks through two offices."""
    total = audit_pb2.GroupCounts(accesses=4, denials=2, requesters=1234)
    shown = drawn(total, breakdown(group("a", accesses=6), groups_total=1))
    for words in ('"figure">6<', "其中获准 4", '"figure">1,234<', "其中被拒"):
        assert words in shown
    assert "of them allowed" in drawn(total, language="en")
    single = drawn(audit_pb2.GroupCounts(accesses=1, requesters=1, rows=1), language="en")
    for words in (">query, 1 of them allowed<", ">row sent<", ">requester<"):
        assert words in single


def test_a_bar_stands_beside_the_queries_that_it_shows() -> None:
    """Those that were denied are another colour of it; where none was, there is none."""
    shown = drawn(
        audit_pb2.GroupCounts(accesses=5, denials=1),
        breakdown(group("a", accesses=3, denials=1), group("b", accesses=2), groups_total=2),
    )
    first, second = shown[shown.index("<tbody>") :].split("</tr>")[:2]
    queries, _, rest = first.partition("<svg")
    assert 'class="number">4<' in queries
    assert 'class="number">1<' in rest
    assert 'class="denied" width="25.0%"' in rest
    assert "denied" not in second


def test_a_cut_is_told() -> None:
    """Many lines are cut by the page, very many by the gateway."""
    total = audit_pb2.GroupCounts(accesses=40)
    groups = [group(str(number), accesses=1) for number in range(20)]
    many, too_many = breakdown(*groups, groups_total=20), breakdown(*groups, groups_total=1_500)
    assert "共 20 项，显示查询最多的 12 项" in drawn(total, many)
    assert "只比较" not in drawn(total, many)
    assert "共 1,500 项" in drawn(total, too_many)
    assert "only the 20 with the most entries were compared" in drawn(total, too_many, language="en")
