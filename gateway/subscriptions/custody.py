"""What waits is kept no longer than it may be, and a subscription that is over leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from catalog.dataset import Text
from catalog.subscriptions import Run, RunState, Subscription, SubscriptionStore
from gateway.audit import AuditLog, record_governance
from gateway.errors import Denied, GatewayError
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.subscriptions.spool import Spool


class Custody:
    """Ends runs and subscriptions. Every step is recorded before it takes effect.

    Methods raise Unavailable when the log cannot be written, and RegistryUnavailable when the database is lost.

    Args:
        store: Subscriptions and runs.
        spool: What is kept of them.
        log: Where it is recorded.
        clock_seconds: Seconds since 1970-01-01 UTC.
        run_seconds_max: A run that is not done after so long is given up: its gateway did not live to end it.
    """

    def __init__(
        self,
        store: SubscriptionStore,
        *,
        spool: Spool,
        log: AuditLog,
        clock_seconds: Callable[[], float],
        run_seconds_max: float,
    ) -> None:
        self._store = store
        self._spool = spool
        self._log = log
        self._clock_seconds = clock_seconds
        self._run_seconds_max = run_seconds_max

    def record(
        self, action: str, *, subscription: Subscription, requester: Requester | None, facts: Mapping[str, Any]
    ) -> None:
        """Record a step of a subscription.

        Args:
            action: What is done: `subscription_create`, `subscription_pull` and so on.
            subscription: Which.
            requester: Who does it; None for the gateway itself.
            facts: About it.
        """
        about = {"subject": subscription.subject, "office": subscription.office, "sql": subscription.sql_normalised}
        record_governance(
            self._log,
            requester=requester,
            action=action,
            target=subscription.id,
            facts={**about, **facts},
            purpose=subscription.purpose,
        )

    def stop(self, subscription: Subscription, *, requester: Requester | None, because: Text) -> Subscription:
        """Stop a subscription, destroy what waits, and return it as it stands."""
        stopped = replace(
            subscription,
            next_at=0,
            stopped_at=int(self._clock_seconds()),
            stopped_zh=because.zh,
            stopped_en=because.en,
        )
        facts = {"because": because.en}
        record = partial(self.record, subscription=stopped, requester=requester, facts=facts)
        if not self._store.stop(stopped, witness=partial(record, "subscription_stop")):
            return subscription
        self.sweep()
        return stopped

    def deny(self, subscription: Subscription, run: Run, *, error: Denied) -> None:
        """Destroy a result that is not allowed any more; when the policy says so, the subscription stops."""
        denied = replace(run, state=RunState.DENIED, reason=reason_code(error))
        self._destroy(denied, subscription=subscription, because=denied.reason)
        if error.decision is not None:
            self.stop(subscription, requester=None, because=words(error))
        self.sweep()

    def lose(self, subscription: Subscription, run: Run) -> None:
        """Destroy a result that cannot be opened; the next run makes it anew."""
        lost = replace(run, state=RunState.FAILED, reason=Reason.RUN_LOST)
        self._destroy(lost, subscription=subscription, because=lost.reason)
        self.sweep()

    def sweep(self) -> None:
        """Destroy what has expired, and every file that belongs to nothing any more; give up runs that nobody ends."""
        now = int(self._clock_seconds())
        subscriptions = {subscription.id: subscription for subscription in self._store.all()}
        for run in self._store.expired(now):
            expired = replace(run, state=RunState.EXPIRED)
            self._destroy(expired, subscription=subscriptions[run.subscription], because="expired")
        for run in self._store.running_since(now - int(self._run_seconds_max)):
            given_up = replace(run, state=RunState.FAILED, reason=Reason.RUN_LOST)
            self._store.settle(given_up, was=RunState.RUNNING)
        files = self._spool.files()  # first: what is written from now on belongs to a run that is stored then
        kept = self._store.kept()
        self._spool.destroy_but(files, results=kept.results, hashes=kept.hashes)

    def _destroy(self, run: Run, *, subscription: Subscription, because: str) -> None:
        """Store a run whose result waited as it stands now."""
        facts = {"run": run.id, "because": because}
        record = partial(self.record, subscription=subscription, requester=None, facts=facts)
        self._store.settle(run, was=RunState.READY, witness=partial(record, "subscription_destroy"))


def reason_code(error: GatewayError) -> str:
    """Return the code that a person is told: of a denial its first."""
    if isinstance(error, Denied) and error.decision is not None and error.decision.denials:
        return error.decision.denials[0].code
    return str(error.reason)


def words(error: GatewayError) -> Text:
    """Return what happened and what to do next."""
    told = error.message, error.remedy
    if isinstance(error, Denied) and error.decision is not None and error.decision.denials:
        told = error.decision.denials[0].message, error.decision.denials[0].remedy
    return Text(zh=f"{told[0].zh}{told[1].zh}", en=f"{told[0].en} {told[1].en}")
