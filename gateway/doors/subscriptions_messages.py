"""Subscriptions and their runs as messages."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.governance import GovernanceRefused
from catalog.subscriptions import Cycle, Run, RunState, Subscription
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb

_MINUTES_OF_A_DAY = 1_440
_CYCLES = {
    Cycle.HOURLY: pb.CYCLE_HOURLY,
    Cycle.DAILY: pb.CYCLE_DAILY,
    Cycle.WEEKLY: pb.CYCLE_WEEKLY,
    Cycle.MONTHLY: pb.CYCLE_MONTHLY,
}
_STATES = {
    RunState.RUNNING: pb.RUN_STATE_RUNNING,
    RunState.READY: pb.RUN_STATE_READY,
    RunState.ACKNOWLEDGED: pb.RUN_STATE_ACKNOWLEDGED,
    RunState.FAILED: pb.RUN_STATE_FAILED,
    RunState.DENIED: pb.RUN_STATE_DENIED,
    RunState.DISCARDED: pb.RUN_STATE_DISCARDED,
    RunState.EXPIRED: pb.RUN_STATE_EXPIRED,
}
_READ_CYCLES = {message: cycle for cycle, message in _CYCLES.items()}


def read_schedule(request: pb.CreateSubscriptionRequest) -> tuple[Cycle, int]:
    """Return how often and when a subscription runs. Raises GovernanceRefused when it is not said."""
    cycle = _READ_CYCLES.get(request.cycle)
    if cycle is None or not 0 <= request.minute_of_day < _MINUTES_OF_A_DAY:
        raise GovernanceRefused(
            "请写明周期（每时、每日、每周或每月）与时刻",
            "say how often (hourly, daily, weekly or monthly) and at what time",
        )
    return cycle, request.minute_of_day


def subscription_message(subscription: Subscription, *, sql: str, runs: Iterable[Run] = ()) -> pb.Subscription:
    """Return the message of a subscription with its query as it may be shown, and its runs."""
    return pb.Subscription(
        id=subscription.id,
        subject=subscription.subject,
        office=subscription.office,
        purpose=subscription.purpose,
        case_number=subscription.case_number,
        sql=sql,
        cycle=_CYCLES[subscription.cycle],
        minute_of_day=subscription.minute_of_day,
        key_columns=subscription.key_columns,
        created_at=subscription.created_at,
        next_at=subscription.next_at,
        stopped_at=subscription.stopped_at,
        stopped_because=pb.Text(zh=subscription.stopped_zh, en=subscription.stopped_en),
        runs=map(run_message, runs),
    )


def run_message(run: Run) -> pb.Run:
    """Return the message of a run."""
    return pb.Run(
        id=run.id,
        started_at=run.started_at,
        state=_STATES[run.state],
        entry=run.entry,
        rows=run.rows,
        builds_on=run.builds_on,
        expires_at=run.expires_at,
        reason=run.reason,
    )
