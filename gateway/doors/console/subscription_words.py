"""How subscriptions and their runs are said in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.dataset import Text
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb

_NOON, _EVENING = 12 * 60, 18 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """How often a subscription runs."""

    cycle: pb.Cycle
    words: Text


CYCLES: Mapping[str, Cycle] = {
    "daily": Cycle(cycle=pb.CYCLE_DAILY, words=Text(zh="每天", en="Every day")),
    "weekly": Cycle(cycle=pb.CYCLE_WEEKLY, words=Text(zh="每周一", en="Every Monday")),
    "monthly": Cycle(cycle=pb.CYCLE_MONTHLY, words=Text(zh="每月 1 日", en="On the first of every month")),
    "hourly": Cycle(cycle=pb.CYCLE_HOURLY, words=Text(zh="每小时", en="Every hour")),
}
"""By what the form calls it."""
RUN_STATES: Mapping[pb.RunState, tuple[Text, str]] = {
    pb.RUN_STATE_RUNNING: (Text(zh="正在生成", en="running"), ""),
    pb.RUN_STATE_READY: (Text(zh="待接收", en="waits for you"), "good"),
    pb.RUN_STATE_ACKNOWLEDGED: (Text(zh="已接收", en="received"), ""),
    pb.RUN_STATE_FAILED: (Text(zh="没有完成，下次再试", en="failed, tried again next time"), "warn"),
    pb.RUN_STATE_DENIED: (Text(zh="未获批准", en="denied"), "bad"),
    pb.RUN_STATE_DISCARDED: (Text(zh="未接收，已被取代并销毁", en="not received, replaced and destroyed"), "warn"),
    pb.RUN_STATE_EXPIRED: (Text(zh="逾期未接收，已销毁", en="not received in time, destroyed"), "warn"),
}
"""What has become of a run, and the kind of its badge."""


def schedule(subscription: pb.Subscription) -> Text:
    """Return when a subscription runs, such as “每天上午 7:00”."""
    minute = subscription.minute_of_day
    if subscription.cycle == pb.CYCLE_HOURLY:
        return Text(zh=f"每小时第 {minute % 60} 分", en=f"every hour, {minute % 60} minutes past")
    cycle = next((one.words for one in CYCLES.values() if one.cycle == subscription.cycle), Text(zh="—", en="—"))
    part = "上午" if minute < _NOON else "下午" if minute < _EVENING else "晚上"
    at = f"{minute // 60}:{minute % 60:02}"
    return Text(zh=f"{cycle.zh}{part} {at}", en=f"{cycle.en[0].lower()}{cycle.en[1:]} at {at}")
