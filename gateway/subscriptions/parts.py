"""What subscriptions are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from catalog.subscriptions import Subscription, SubscriptionStore
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.query_path import QueryPath
from gateway.subscriptions.custody import Custody
from gateway.subscriptions.sealing import NotSealed, Sealing
from gateway.subscriptions.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionParts:
    """What subscriptions are made of."""

    store: SubscriptionStore
    spool: Spool
    sealing: Sealing
    custody: Custody

    @classmethod
    def make(cls, store: SubscriptionStore, *, path: QueryPath, directory: Path, sealing: Sealing) -> Self:
        """Return them for a path and a directory of results. Raises OSError when the directory cannot be made."""
        spool = Spool(directory, sealing=sealing)
        custody = Custody(
            store,
            spool=spool,
            log=path.log,
            clock_seconds=path.clock_seconds,
            run_seconds_max=2 * path.query_seconds_max,
        )
        return cls(store=store, spool=spool, sealing=sealing, custody=custody)

    def statement(self, subscription: Subscription) -> str:
        """Return the query of a subscription. Raises Unavailable when it was sealed with another secret."""
        try:
            return self.sealing.open_text(subscription.sealed_sql, name=subscription.id)
        except NotSealed as error:
            raise Unavailable(Reason.SUBSCRIPTION_LOST, internal=subscription.id) from error
