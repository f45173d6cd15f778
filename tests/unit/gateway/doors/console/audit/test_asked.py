from __future__ import annotations

import pytest

from catalog.dataset import Text
from gateway.doors.console.audit.asked import words_of

TITLES = {("office", "310101002"): Text(zh="南京东路街道", en="Nanjing East Road")}
MIDNIGHT = 1_792_771_200
"""2026-10-24 in the city."""


@pytest.mark.parametrize(
    ("filters", "zh", "en"),
    [
        (
            {"entries_max": 51, "from_time": MIDNIGHT, "until_time": MIDNIGHT + 31 * 86_400},
            "时段 2026-10-24 至 2026-11-23；至多 51 条",
            "from 2026-10-24 until 2026-11-23; at most 51 entries",
        ),
        (
            {"from_time": MIDNIGHT + 60, "entries_max": 1},
            "2026-10-24 00:01:00 起；至多 1 条",
            "from 2026-10-24 00:01:00; at most 1 entry",
        ),
        ({"until_time": 1 << 62}, f"至 {1 << 62}", f"until {1 << 62}"),
        (
            {"office": "310101002", "kind": "denial", "person": "st1.x"},
            "单位：南京东路街道；类别：拒绝；人员标记：st1.x",
            "Office: Nanjing East Road; Kind: Denial; Person's token: st1.x",
        ),
        (
            {"groupings": "kind; office, day; total"},
            "按类别、单位、日期、总数计数",
            "counted by kind, office, day, total",
        ),
        ({"for_data_subject": False, "by_active_policy": True}, "按现行策略", "by today's policy"),
        ({"novel": [1]}, "novel：[1]", "novel: [1]"),
    ],
)
def test_what_was_asked_is_told_in_words(filters, zh, en):
    """An auditor reads days, titles and numbers; what has no words stands as it is, and no number stops the page."""
    assert words_of(filters, titles=TITLES) == Text(zh=zh, en=en)
