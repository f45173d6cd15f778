"""SubscriptionsService: saved queries, and the results that wait. Every step is in the log before it takes effect."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import grpc

from catalog.dataset import Text
from catalog.governance import GovernanceRefused
from catalog.store import RegistryUnavailable
from catalog.subscriptions import Run, RunState, Subscription
from catalog.vocabulary import OVERSIGHT, Role
from gateway.doors.asked import asked_by
from gateway.doors.call import request_context, seconds_left
from gateway.doors.subscriptions_messages import read_schedule, run_message, subscription_message
from gateway.errors import Denied, GatewayError, InvalidQuery, TooLarge, Unavailable
from gateway.messages import Reason
from gateway.model.audit import Outcome
from gateway.model.cancellation import Cancellation
from gateway.model.plan import EnforcedPlan
from gateway.model.requester import RequestContext, Requester
from gateway.query_path import QueryPath
from gateway.subscriptions import (
    CHANNEL,
    SpoolDamaged,
    SubscriptionParts,
    check_key,
    require_still_allowed,
)
from gateway.subscriptions.custody import reason_code
from gateway.subscriptions.spool import RESULT
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2 as pb
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2_grpc

_OFFICE = (Role.CLERK, Role.ANALYST)


class SubscriptionsDoor(subscriptions_pb2_grpc.SubscriptionsServiceServicer):
    """Offices subscribe and pull.

    Args:
        path: The path of one query.
        parts: What subscriptions are made of.
        pulls_max: Results pulled at the same time.
    """

    def __init__(self, *, path: QueryPath, parts: SubscriptionParts, pulls_max: int) -> None:
        self._path = path
        self._asked = partial(asked_by, path)
        self._store = parts.store
        self._spool = parts.spool
        self._custody = parts.custody
        self._parts = parts
        self._pulls = threading.BoundedSemaphore(pulls_max)

    def CreateSubscription(  # noqa: N802
        self, request: pb.CreateSubscriptionRequest, context: grpc.ServicerContext
    ) -> pb.CreateSubscriptionResponse:
        """Store a query that is allowed now."""
        with self._asked(context, *_OFFICE) as requester:
            cycle, minute_of_day = read_schedule(request)
            declared = request_context(context, channel=CHANNEL, now=self._path.clock_seconds())
            plan = self._path.plan(request.sql, requester=requester, context=declared)
            self._check(plan, request=request, requester=requester, context=declared)
            id = self._path.new_id()
            subscription = Subscription(
                id=id,
                subject=requester.subject,
                office=requester.office,
                sealed_sql=self._parts.sealing.seal_text(request.sql, name=id),
                sql_normalised=plan.resolved.normalised_sql,
                purpose=declared.purpose,
                case_number=declared.case,
                cycle=cycle,
                minute_of_day=minute_of_day,
                key_columns=tuple(request.key_columns),
                created_at=declared.time,
                next_at=declared.time,
            )
            facts = {"cycle": cycle, "minute_of_day": minute_of_day, "key_columns": subscription.key_columns}
            record = partial(self._custody.record, subscription=subscription, requester=requester, facts=facts)
            self._store.create(subscription, witness=partial(record, "subscription_create"))
            return pb.CreateSubscriptionResponse(subscription=subscription_message(subscription, sql=request.sql))
        raise AssertionError

    def ListSubscriptions(  # noqa: N802
        self, request: pb.ListSubscriptionsRequest, context: grpc.ServicerContext
    ) -> pb.ListSubscriptionsResponse:
        """List the subscriptions that concern the requester."""
        with self._asked(context, *_OFFICE, *OVERSIGHT) as requester:
            sees_all = not requester.roles.isdisjoint(OVERSIGHT)
            messages = [
                subscription_message(one, sql=self._sql_for(requester, one), runs=self._store.runs(one.id))
                for one in self._store.all()
                if sees_all or _is_of(one, requester)
            ]
            return pb.ListSubscriptionsResponse(subscriptions=messages)
        raise AssertionError

    def PullRun(  # noqa: N802
        self, request: pb.PullRunRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.PullRunResponse]:
        """Send the result that waits, when it is still allowed."""
        with self._asked(context, *_OFFICE) as requester:
            subscription = self._own(request.subscription, requester=requester)
            self._custody.sweep()
            run = self._store.ready(subscription.id)
            if run is None:
                return
            try:
                self._ask_again(subscription, run, requester=requester)
                yield from self._delivered(subscription, run, requester=requester, context=context)
            except Denied as error:
                self._custody.deny(subscription, run, error=error)
                raise
            except SpoolDamaged as error:
                self._custody.lose(subscription, run)
                self._path.record_refusal(Unavailable(Reason.RUN_LOST, internal=str(error)), requester=requester)

    def AcknowledgeRun(  # noqa: N802
        self, request: pb.AcknowledgeRunRequest, context: grpc.ServicerContext
    ) -> pb.AcknowledgeRunResponse:
        """Take note that a result is kept, and destroy ours."""
        with self._asked(context, *_OFFICE) as requester:
            subscription = self._own(request.subscription, requester=requester)
            run = next((run for run in self._store.runs(subscription.id) if run.id == request.run), None)
            if run is None:
                raise GovernanceRefused(f"没有第 {request.run} 期", f"there is no run '{request.run}'")
            if run.id != subscription.acknowledged:  # else the answer to an earlier call was lost
                run = replace(run, state=RunState.ACKNOWLEDGED)
                facts = {"run": run.id, "entry": run.entry}
                record = partial(self._custody.record, subscription=subscription, requester=requester, facts=facts)
                self._store.acknowledge(run, witness=partial(record, "subscription_acknowledge"))
                self._custody.sweep()
            return pb.AcknowledgeRunResponse(run=run_message(run))
        raise AssertionError

    def StopSubscription(  # noqa: N802
        self, request: pb.StopSubscriptionRequest, context: grpc.ServicerContext
    ) -> pb.StopSubscriptionResponse:
        """End a subscription."""
        with self._asked(context, *_OFFICE, Role.ADMINISTRATOR) as requester:
            subscription = self._own(
                request.subscription, requester=requester, or_anybodys=Role.ADMINISTRATOR in requester.roles
            )
            because = Text(zh=f"由 {requester.subject} 停止", en=f"stopped by {requester.subject}")
            stopped = self._custody.stop(subscription, requester=requester, because=because)
            sql = self._sql_for(requester, stopped)
            return pb.StopSubscriptionResponse(subscription=subscription_message(stopped, sql=sql))
        raise AssertionError

    def _check(
        self,
        plan: EnforcedPlan,
        *,
        request: pb.CreateSubscriptionRequest,
        requester: Requester,
        context: RequestContext,
    ) -> None:
        if any(scan.lookup_column for scan in plan.scans):
            raise GovernanceRefused(
                "逐人核查的查询不能订阅：请在需要时查询",
                "looking somebody up cannot be subscribed to; ask when you need it",
            )
        try:
            if request.key_columns:
                check_key(plan, key_columns=tuple(request.key_columns))
        except InvalidQuery as error:
            self._path.record_refusal(error, requester=requester, context=context)

    def _ask_again(self, subscription: Subscription, run: Run, *, requester: Requester) -> None:
        """Raise unless the result waits and may be had now; what is raised is recorded."""
        now = int(self._path.clock_seconds())
        context = RequestContext(purpose=subscription.purpose, case=subscription.case_number, channel=CHANNEL, time=now)
        try:
            waiting = self._store.ready(subscription.id)
            if waiting is None or waiting.id != run.id or waiting.expires_at <= now:
                raise Denied(Reason.ACCESS_REVOKED)
            sql = self._parts.statement(subscription)
        except GatewayError as error:
            self._path.record_refusal(error, requester=requester, context=context)
        except RegistryUnavailable as error:
            lost = Unavailable(Reason.REGISTRY_UNAVAILABLE, internal=str(error))
            self._path.record_refusal(lost, requester=requester, context=context)
        require_still_allowed(sql, as_decided=run.terms, path=self._path, requester=requester, context=context)

    def _delivered(
        self, subscription: Subscription, run: Run, *, requester: Requester, context: grpc.ServicerContext
    ) -> Iterator[pb.PullRunResponse]:
        """Yield a result; its beginning and, however it comes about, its end are recorded."""
        record = partial(self._custody.record, subscription=subscription, requester=requester)
        ask_again = partial(self._ask_again, subscription, run, requester=requester)
        about = {"run": run.id, "entry": run.entry}
        cancellation, bytes_sent = Cancellation(), 0
        with self._stream(context, requester=requester), self._path.watch.running(cancellation, ask_again=ask_again):
            record("subscription_pull", facts=about)
            end: dict[str, str | int] = {"outcome": Outcome.CANCELLED}
            try:
                yield pb.PullRunResponse(run=run_message(run))
                for message in self._spool.pieces(run.id, kind=RESULT):
                    if cancellation.cause is not None:
                        raise cancellation.cause
                    yield pb.PullRunResponse(flight_data=message)
                    bytes_sent += len(message)
                end = {"outcome": Outcome.DELIVERED, "rows": run.rows}
            except GatewayError as error:
                end = {"outcome": Outcome.REVOKED if isinstance(error, Denied) else Outcome.FAILED}
                end["because"] = reason_code(error)
                raise
            except SpoolDamaged:
                end = {"outcome": Outcome.FAILED, "because": Reason.RUN_LOST}
                raise
            finally:
                record("subscription_pull_end", facts={**about, **end, "bytes_sent": bytes_sent})

    @contextmanager
    def _stream(self, context: grpc.ServicerContext, *, requester: Requester) -> Iterator[None]:
        """Hold one of the streams; a reader who stalls is cut off."""
        if not self._pulls.acquire(blocking=False):
            self._path.record_refusal(TooLarge(Reason.BUSY), requester=requester)
        seconds = seconds_left(context, seconds_max=self._path.query_seconds_max)
        end_of_time = threading.Timer(seconds + 1, context.cancel)
        try:
            end_of_time.start()
            yield
        finally:
            end_of_time.cancel()
            self._pulls.release()

    def _own(self, id: str, *, requester: Requester, or_anybodys: bool = False) -> Subscription:
        for one in self._store.all():
            if one.id == id and (or_anybodys or _is_of(one, requester)):
                return one
        raise GovernanceRefused(
            f"没有您的订阅“{id}”；您的订阅列在“订阅”中",
            f"you have no subscription '{id}'; Subscriptions lists those that you have",
        )

    def _sql_for(self, requester: Requester, subscription: Subscription) -> str:
        """Return the query: without its literals for others, and after a change of the gateway's secret."""
        if not _is_of(subscription, requester):
            return subscription.sql_normalised
        try:
            return self._parts.statement(subscription)
        except Unavailable:
            return subscription.sql_normalised


def _is_of(subscription: Subscription, requester: Requester) -> bool:
    return (subscription.subject, subscription.office) == (requester.subject, requester.office)
