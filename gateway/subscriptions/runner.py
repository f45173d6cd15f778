"""One run: decided anew, on the path of every query, as the requester who made the subscription."""

from __future__ import annotations

import json
from dataclasses import replace

from catalog.store import RegistryUnavailable
from catalog.subscriptions import Run, RunState, Subscription, next_time
from gateway.audit import record_failure
from gateway.authenticate import standing_requester
from gateway.errors import Bug, Denied, GatewayError, Unauthenticated, Unavailable
from gateway.model.cancellation import Cancellation
from gateway.model.order import Order
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import ReleasableResult
from gateway.query_path import QueryPath
from gateway.subscriptions.allowed import CHANNEL, terms
from gateway.subscriptions.changes import Comparison, Hashes
from gateway.subscriptions.custody import reason_code, words
from gateway.subscriptions.parts import SubscriptionParts
from gateway.subscriptions.spool import HASHES, RESULT, SpoolDamaged
from sharing_stubs.arrow.flight import flight_pb2

_QUOTA = "QUOTA_EXCEEDED"
"""A denial for today only."""


class SubscriptionRunner:
    """Runs subscriptions.

    Args:
        path: The path of one query.
        parts: What subscriptions are made of.
    """

    def __init__(self, *, path: QueryPath, parts: SubscriptionParts) -> None:
        self._path = path
        self._store = parts.store
        self._custody = parts.custody
        self._spool = parts.spool
        self._parts = parts

    def run(self, subscription: Subscription, *, cancellation: Cancellation) -> None:
        """Run a subscription that is due, unless another gateway does.

        A denial stops it; what fails is tried again at the next time.

        Raises:
            RegistryUnavailable: The database is lost.
            Unavailable: The log cannot be written.
        """
        now = int(self._path.clock_seconds())
        next_at = next_time(subscription.cycle, minute_of_day=subscription.minute_of_day, after=now)
        run = Run(id=self._path.new_id(), subscription=subscription.id, started_at=now, builds_on="")
        if not self._store.begin(run, subscription=subscription, next_at=next_at):
            return
        try:
            done = self._done(run, subscription=subscription, cancellation=cancellation)
        except RegistryUnavailable:
            raise
        except GatewayError as error:
            self._end(run, subscription=subscription, error=error)
        except Exception as error:  # noqa: BLE001 - whatever happens, the run does not stay as it is
            self._end(run, subscription=subscription, error=Bug(type(error).__name__))
        else:
            self._store.settle(done, was=RunState.RUNNING)

    def _done(self, run: Run, *, subscription: Subscription, cancellation: Cancellation) -> Run:
        """Return the run as it stands with its result, which is in the spool."""
        context = RequestContext(
            purpose=subscription.purpose, case=subscription.case_number, channel=CHANNEL, time=run.started_at
        )
        requester = self._requester(subscription, context=context)
        try:
            sql = self._parts.statement(subscription)
        except Unavailable as error:
            self._path.record_refusal(error, requester=requester, context=context)
        making = _Making(self._comparison(run, subscription=subscription) if subscription.key_columns else None)
        order = Order(
            resolved=self._path.plan(sql, requester=requester, context=context).resolved,
            requester=requester,
            context=context,
            seconds_max=self._path.query_seconds_max,
            cancellation=cancellation,
            narrow=making.narrow,
        )
        last = b""
        with self._spool.writing(run.id, kind=RESULT) as write:
            for last in self._path.run(order):
                try:
                    write(last)
                except GatewayError as error:
                    cancellation.cancel(error)  # the receipt says why
                    raise
        if making.comparison is not None:
            with self._spool.writing(run.id, kind=HASHES) as write:
                for piece in making.comparison.after.pieces():
                    write(piece)
        receipt = json.loads(flight_pb2.FlightData.FromString(last).app_metadata)
        return replace(
            run,
            state=RunState.READY,
            builds_on=making.comparison.builds_on if making.comparison else "",
            entry=receipt["entry"],
            rows=receipt["rows"],
            expires_at=making.expires_at,
            terms=making.terms,
        )

    def _requester(self, subscription: Subscription, *, context: RequestContext) -> Requester:
        """Return as whom it runs. Raises Unauthenticated when that requester is gone or of another office now."""
        try:
            return standing_requester(
                subscription.subject,
                office=subscription.office,
                acting=f"subscription:{subscription.id}",
                directory=self._path.directory,
                catalogue=self._path.catalogue,
            )
        except Unauthenticated as error:
            record_failure(self._path.log, requester=None, context=context, reason=error.reason)
            raise

    def _comparison(self, run: Run, *, subscription: Subscription) -> Comparison:
        try:
            before = Hashes.read(self._spool.pieces(subscription.acknowledged, kind=HASHES))
        except SpoolDamaged:  # nothing was acknowledged yet, or it is lost: the whole dataset comes
            before = None
        return Comparison(
            subscription=subscription.id,
            run=run.id,
            key_columns=subscription.key_columns,
            hash_key=self._parts.sealing.hash_key(subscription.id),
            builds_on=subscription.acknowledged,
            before=before,
        )

    def _end(self, run: Run, *, subscription: Subscription, error: GatewayError) -> None:
        denied = isinstance(error, Denied | Unauthenticated) and reason_code(error) != _QUOTA
        state = RunState.DENIED if denied else RunState.FAILED
        self._store.settle(replace(run, state=state, reason=reason_code(error)), was=RunState.RUNNING)
        if denied:
            self._custody.stop(subscription, requester=None, because=words(error))


class _Making:
    """Takes note of what the result was decided on while it is made."""

    def __init__(self, comparison: Comparison | None) -> None:
        self.comparison = comparison
        self.terms = ""
        self.expires_at = 0

    def narrow(self, released: ReleasableResult) -> ReleasableResult:
        """Return the changes, or the whole result."""
        self.terms = terms(released.plan.decision)
        self.expires_at = int((released.stream.schema.metadata or {})[b"sharing.expires_at"])
        return self.comparison.changes(released) if self.comparison else released
