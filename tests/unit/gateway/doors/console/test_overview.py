"""What the overview says of numbers."""

from __future__ import annotations

import pytest

from gateway.doors.console.overview import ago, checkpoint, hours, running
from sharing_stubs.sharing.audit.v1 import audit_pb2
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
