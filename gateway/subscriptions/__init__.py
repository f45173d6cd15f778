"""Subscriptions: run on schedule as their requester, compared with what the recipient keeps, and kept until they are pulled."""

from gateway.subscriptions.allowed import CHANNEL, require_still_allowed
from gateway.subscriptions.changes import check_key
from gateway.subscriptions.parts import SubscriptionParts
from gateway.subscriptions.schedule import SubscriptionSchedule
from gateway.subscriptions.sealing import Sealing
from gateway.subscriptions.spool import Spool, SpoolDamaged

__all__ = [
    "CHANNEL",
    "Sealing",
    "Spool",
    "SpoolDamaged",
    "SubscriptionParts",
    "SubscriptionSchedule",
    "check_key",
    "require_still_allowed",
]
