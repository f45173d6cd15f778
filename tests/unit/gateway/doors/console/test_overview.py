"""What the overview says of numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.doors.console.overview import SHOWN_MAX, ago, checkpoint, hours, running
from gateway.doors.console.visit import Language, render
from sharing_stubs.sharing.audit.v1 import audit_pb2
from sharing_stubs.sharing.catalog.v1 import catalog_pb2
from sharing_stubs.sharing.registry.v1 import registry_pb2

MIDNIGHT = 1_700_000_000
ACTIVE = registry_pb2.REGISTRATION_STATE_ACTIVE


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0.4, "刚刚", "just now"),
        (1, "1 秒前", "1 second ago"),
        (59.9, "59 秒前", "59 seconds ago"),
        (60, "1 分钟前", "1 minute ago"),
        (7_199, "1 小时前", "1 hour ago"),
        (200_000, "2 天前", "2 days ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, zh: str, en: str) -> None:
    """Rounded down."""
    assert (ago(seconds).zh, ago(seconds).en) == (zh, en)


def test_a_checkpoint_tells_its_age_and_its_witnesses() -> None:
    """Witnesses only where there are any."""
    log = audit_pb2.LogState(published_micros=MIDNIGHT * 1_000_000)
    assert checkpoint(log, now=MIDNIGHT + 5).zh == "签名检查点 5 秒前"
    assert checkpoint(log, now=MIDNIGHT - 5).en == "signed checkpoint just now"
    log.witnesses, log.cosigned = 3, 2
    assert checkpoint(log, now=MIDNIGHT + 5).en == "signed checkpoint 5 seconds ago, cosigned 2/3"


def test_only_hours_that_have_begun_are_shown() -> None:
    """What is still to come has no numbers."""
    counts = [audit_pb2.UseCounts(queries=hour, denials=1, rows=9) for hour in range(24)]
    numbers = audit_pb2.GetOverviewResponse(since=MIDNIGHT, hours=counts)
    assert hours(numbers, now=MIDNIGHT) == [("00:00", 1, 1, 9)]
    assert hours(numbers, now=MIDNIGHT + 2 * 3_600)[-1] == ("02:00", 3, 1, 9)
    assert len(hours(numbers, now=MIDNIGHT + 86_399)) == 24
    assert len(hours(numbers, now=MIDNIGHT + 2 * 86_400)) == 24


def test_a_connector_runs_that_is_active_and_whose_lease_holds() -> None:
    """A withdrawn one is not counted at all."""
    alive = registry_pb2.Instance(lease_expires_at=MIDNIGHT + 1)
    gone = registry_pb2.Instance(lease_expires_at=MIDNIGHT)
    registrations = [
        registry_pb2.Registration(state=ACTIVE, instances=[gone, alive]),
        registry_pb2.Registration(state=ACTIVE, instances=[gone]),
        registry_pb2.Registration(state=registry_pb2.REGISTRATION_STATE_SUSPENDED, instances=[alive]),
        registry_pb2.Registration(state=registry_pb2.REGISTRATION_STATE_WITHDRAWN, instances=[alive]),
    ]
    assert running(registrations, now=MIDNIGHT) == (1, 3)


def test_a_department_counts_its_own_connectors() -> None:
    """Those of others stand on no page that is headed by its name."""
    alive = registry_pb2.Instance(lease_expires_at=MIDNIGHT + 1)
    registrations = [
        registry_pb2.Registration(state=ACTIVE, department=department, instances=instances)
        for department, instances in (("housing", [alive]), ("housing", []), ("health", [alive]), ("", [alive]))
    ]
    assert running(registrations, now=MIDNIGHT, department="housing") == (1, 2)
    assert running(registrations, now=MIDNIGHT) == (3, 4)


def drawn(numbers: audit_pb2.GetOverviewResponse, *, language: Language = "zh", **changes: Any) -> str:
    """Return what the page shows of numbers."""
    seen: dict[str, Any] = {
        "visit": SimpleNamespace(now=MIDNIGHT + 3_600),
        "live": True,
        "numbers": numbers,
        "scope": SimpleNamespace(zh="全市", en="The whole city"),
        "is_city": True,
        "is_department": False,
        "hours": hours(numbers, now=MIDNIGHT + 3_600),
        "connectors": (5, 6),
        "checkpoint": checkpoint(numbers.log, now=MIDNIGHT + 3_600),
        "shown_max": SHOWN_MAX,
        "offered": {"/datasets"},
    }
    datasets: dict[str, Any] = {"datasets": [], "late": [], "absent": [], "unseen": []}
    return render("overview_numbers.html", language=language, **seen | datasets | changes)


def of_the_day(**changes: Any) -> audit_pb2.GetOverviewResponse:
    return audit_pb2.GetOverviewResponse(since=MIDNIGHT, hours=[audit_pb2.UseCounts() for _ in range(24)], **changes)


def test_a_stopped_log_is_told_first_with_what_to_do() -> None:
    """In both languages; a log that goes on is not spoken of."""
    stopped = of_the_day(log=audit_pb2.LogState(stopped=True))
    assert "访问日志已停止" in drawn(stopped)
    assert "Tell the gateway&#39;s administrator" in drawn(stopped, language="en")
    assert "访问日志已停止" not in drawn(of_the_day())


def test_late_and_missing_datasets_are_named() -> None:
    """With as of when their data is and when it was due, or why they cannot be had."""
    late = catalog_pb2.DatasetSummary(
        name="housing.lease",
        title=catalog_pb2.Text(zh="租赁", en="Leases"),
        available=True,
        freshness=catalog_pb2.Freshness(as_of=MIDNIGHT, due_at=MIDNIGHT + 60, late=True),
    )
    absent = catalog_pb2.DatasetSummary(
        name="health.vaccination",
        title=catalog_pb2.Text(zh="<b>接种</b>", en="Vaccinations"),
        unavailable_because=catalog_pb2.Text(zh="连接器不在线", en="no connector"),
    )
    shown = drawn(of_the_day(), datasets=[late, absent], late=[late], absent=[absent], unseen=[absent])
    for words in ("租赁", "逾期", "2023-11-15 06:13:20", "连接器不在线", "数据时间未知", "/datasets/housing.lease"):
        assert words in shown
    assert "<b>" not in shown, "titles are text"


def test_datasets_of_unknown_time_are_not_called_fine() -> None:
    """They are counted apart."""
    seen, unseen = (catalog_pb2.DatasetSummary(name=name, available=True) for name in ("a.a", "b.b"))
    shown = drawn(of_the_day(), datasets=[seen, unseen], unseen=[unseen])
    assert "1 个数据集都在承诺的期限内" in shown
    assert "还有 1 个数据集没有被查询或检查过" in shown
    assert "承诺的期限" not in drawn(of_the_day(), datasets=[unseen], unseen=[unseen])


def test_how_much_the_log_holds_is_shown_to_who_sees_the_city() -> None:
    """Everybody else sees that every query is recorded, as long as it is."""
    numbers = of_the_day(log=audit_pb2.LogState(entries=77_777, published_micros=MIDNIGHT * 1_000_000))
    assert "77,777" in drawn(numbers)
    assert "签名检查点 1 小时前" in drawn(numbers)
    shown = drawn(numbers, is_city=False)
    assert "访问日志条目" not in shown
    assert "77,777" not in shown
    assert "签名检查点" not in shown
    assert "每次查询都有记录" in shown
    numbers.log.stopped = True
    assert "每次查询都有记录" not in drawn(numbers, is_city=False)


def test_queries_are_those_that_were_asked() -> None:
    """In the card and in every table."""
    counts = audit_pb2.UseCounts(queries=3, denials=2)
    shown = drawn(of_the_day(total=counts, purposes=[audit_pb2.NamedCounts(id="p", counts=counts)]))
    assert "其中获准 3" in shown
    assert '<td class="number">5</td><td class="number">2</td>' in shown


def test_only_the_first_of_many_are_shown() -> None:
    """And how many more there are; whoever the catalogue does not know is called so."""
    counted = [
        audit_pb2.NamedCounts(
            id=str(place), title=audit_pb2.Text(zh=f"用途{place}", en=""), counts=audit_pb2.UseCounts(queries=1)
        )
        for place in range(SHOWN_MAX + 3)
    ]
    unknown = audit_pb2.NamedCounts(counts=audit_pb2.UseCounts(denials=9))
    shown = drawn(of_the_day(total=audit_pb2.UseCounts(queries=13, denials=9), purposes=[unknown, *counted]))
    assert "未选用途，或用途不在目录中" in shown
    assert f"用途{SHOWN_MAX - 2}" in shown
    assert f"用途{SHOWN_MAX - 1}" not in shown
    assert "另有 4 个" in shown
