"""Subscriptions (订阅): saved queries, when they run, and what has become of their runs."""

from catalog.subscriptions.records import Cycle, Run, RunState, Subscription
from catalog.subscriptions.schedule import SHANGHAI, next_time
from catalog.subscriptions.store import SubscriptionStore

__all__ = ["SHANGHAI", "Cycle", "Run", "RunState", "Subscription", "SubscriptionStore", "next_time"]
