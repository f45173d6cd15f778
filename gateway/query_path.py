"""The path of one query, stage by stage. Every door goes through here and nowhere else.

credentials → authenticate → Requester
SQL         → parse        → ParsedQuery
            → resolve      → ResolvedQuery
            → decide       → Decision
            → rewrite      → EnforcedPlan
            → audit        → AuditEntry (durable before anything is read)
            → scan         → ScannedTables
            → execute      → ComputedResult
            → release      → ReleasableResult
            → deliver      → Arrow stream; its last message is the receipt
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from catalog.vocabulary import Role
from gateway.audit import (
    AuditLog,
    record_administration,
    record_denial,
    record_failure,
    record_intent,
    record_receipt,
)
from gateway.authenticate import TokenVerifier, authenticate, office_requester
from gateway.decide import PolicyDecisionPoint, decide
from gateway.deliver import Delivered, Delivery, deliver
from gateway.errors import Denied, GatewayError
from gateway.execute import EnginePool, execute
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, Outcome
from gateway.model.cancellation import Cancellation
from gateway.model.decision import Decision, Denial
from gateway.model.plan import EnforcedPlan
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester, Standing
from gateway.parse import EngineParser, parse
from gateway.release import StatisticsLedger, release
from gateway.resolve import resolve
from gateway.rewrite import rewrite
from gateway.scan import ConnectorChannels, ConnectorDirectory, GrantIssuer, scan
from gateway.standing import HeldUsage, StandingFacts, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPath:
    """The ten stages with the parts they need; `wiring` makes it."""

    verifier: TokenVerifier
    directory: Directory
    catalogue: Catalogue
    engine_parser: EngineParser
    standing: StandingFacts
    pdp: PolicyDecisionPoint
    watch: Watch
    log: AuditLog
    connectors: ConnectorDirectory
    channels: ConnectorChannels
    grants: GrantIssuer
    engines: EnginePool
    statistics: StatisticsLedger
    clock_seconds: Callable[[], float]
    new_id: Callable[[], str]
    new_nonce: Callable[[], bytes]
    decision_seconds_max: float
    query_seconds_max: float

    def authenticate(self, authorization: str | None) -> Requester:
        """Return who asks. Raises Unauthenticated; a refused credential is recorded."""
        try:
            return authenticate(
                authorization, verifier=self.verifier, directory=self.directory, catalogue=self.catalogue
            )
        except GatewayError as error:
            record_failure(self.log, requester=None, context=None, reason=error.reason)
            raise

    def require_role(self, requester: Requester, *roles: Role) -> None:
        """Raise Denied, and record it, unless the requester has one of the roles and is not revoked."""
        if not requester.roles & set(roles):
            self.record_refusal(Denied(Reason.ROLE_MISSING), requester=requester)
        if self.standing.is_revoked(requester):
            self.record_refusal(Denied(Reason.REQUESTER_REVOKED), requester=requester)

    def record_refusal(
        self, error: GatewayError, *, requester: Requester, context: RequestContext | None = None
    ) -> NoReturn:
        """Record that a door refused a known requester, and raise the error."""
        record_failure(self.log, requester=requester, context=context, reason=error.reason)
        raise error

    def as_office(self, administrator: Requester, *, office: str, role: str, context: RequestContext) -> Requester:
        """Return who stands for an office in an explanation; recorded before anything is explained. Never run such a plan.

        Raises:
            Denied: The requester is no administrator.
            InvalidQuery: The directory has nobody of the office.
        """
        self.require_role(administrator, Role.ADMINISTRATOR)
        try:
            seen_as = office_requester(
                administrator, office=office, role=role, directory=self.directory, catalogue=self.catalogue
            )
        except GatewayError as error:
            self.record_refusal(error, requester=administrator, context=context)
        record_administration(self.log, requester=administrator, context=context, action="explain", seen_as=seen_as)
        return seen_as

    def plan(self, sql: str, *, requester: Requester, context: RequestContext) -> EnforcedPlan:
        """Decide a query without touching data. A denial or failure is recorded before it is raised.

        Raises:
            InvalidQuery: The SQL cannot be served as it stands.
            Denied: The policy says no; the error carries the decision.
            Unavailable: Not knowing is denying.
        """
        resolved: ResolvedQuery | None = None
        try:
            resolved = resolve(parse(sql, engine_parser=self.engine_parser), catalogue=self.catalogue)
            return self._plan(resolved, requester=requester, context=context)
        except GatewayError as error:
            self._refuse(error, resolved=resolved, requester=requester, context=context)

    def _plan(self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext) -> EnforcedPlan:
        standing = self.standing.collect(resolved, requester=requester, context=context)
        decision = self._decide(resolved, requester=requester, context=context, standing=standing)
        return rewrite(resolved, decision=decision, catalogue=self.catalogue)

    def _decide(
        self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext, standing: Standing
    ) -> Decision:
        return decide(
            resolved,
            requester=requester,
            context=context,
            standing=standing,
            pdp=self.pdp,
            catalogue=self.catalogue,
            decision_id=self.new_id(),
            deadline_seconds=self.decision_seconds_max,
        )

    def _ask_again(self, plan: EnforcedPlan, *, requester: Requester, context: RequestContext) -> None:
        """Raise unless the running plan would be decided the same way now."""
        context = self._now(context)
        standing = self.standing.collect_again(
            plan.decision.standing, resolved=plan.resolved, requester=requester, context=context
        )
        decision = self._decide(plan.resolved, requester=requester, context=context, standing=standing)
        if not decision.allow:
            raise Denied(Reason.ACCESS_REVOKED, decision=decision)
        if not decision.releases_as(plan.decision):
            raise Denied(Reason.ACCESS_REVOKED)

    def _now(self, context: RequestContext) -> RequestContext:
        return replace(context, time=int(self.clock_seconds()))

    def _refuse(
        self,
        error: GatewayError,
        *,
        resolved: ResolvedQuery | None,
        requester: Requester,
        context: RequestContext,
    ) -> NoReturn:
        """Record a denial with its reasons, or a failure, and raise it."""
        if isinstance(error, Denied) and error.decision is not None and resolved is not None:
            record_denial(
                self.log,
                requester=requester,
                context=context,
                sql_normalised=resolved.normalised_sql,
                decision=error.decision,
            )
            raise error
        self.record_refusal(error, requester=requester, context=context)

    def run(
        self,
        resolved: ResolvedQuery,
        *,
        requester: Requester,
        context: RequestContext,
        seconds_max: float,
        cancellation: Cancellation,
    ) -> Iterator[bytes]:
        """Run a query that was planned before, decided anew and recorded before released.

        Until `cancellation` stops it, it is decided otherwise, or `seconds_max` pass.

        Yields:
            Serialised `FlightData` messages; the last one carries the receipt.

        Raises:
            GatewayError: What was sent so far is not the whole result. The log says why, unless it is unavailable itself.
        """
        delivery, context = Delivery(), self._now(context)
        plan, held = self._admit(resolved, requester=requester, context=context)
        with ExitStack() as open_parts:
            open_parts.callback(lambda: held.settle(rows=delivery.rows))
            intent = record_intent(
                self.log,
                requester=requester,
                context=context,
                resolved=plan.resolved,
                decision=plan.decision,
                catalogue_revision=self.catalogue.revision,
                scans=plan.scans,
            )
            closing = _Closing(log=self.log, intent=intent, cancellation=cancellation, delivery=delivery)
            open_parts.enter_context(closing)
            ask_again = partial(self._ask_again, plan, requester=requester, context=context)
            open_parts.enter_context(self.watch.running(cancellation, ask_again=ask_again))
            yield from self._stream(
                plan,
                requester=requester,
                context=context,
                seconds_max=seconds_max,
                cancellation=cancellation,
                closing=closing,
                streams=open_parts,
            )

    def _stream(
        self,
        plan: EnforcedPlan,
        *,
        requester: Requester,
        context: RequestContext,
        seconds_max: float,
        cancellation: Cancellation,
        closing: _Closing,
        streams: ExitStack,
    ) -> Iterator[bytes]:
        scanned = scan(
            plan,
            requester=requester,
            context=context,
            catalogue=self.catalogue,
            directory=self.connectors,
            channels=self.channels,
            grants=self.grants,
            nonce=self.new_nonce(),
            seconds_max=seconds_max,
        )
        streams.callback(scanned.cancel)
        cancellation.add(scanned.cancel)
        computed = execute(
            plan, scanned=scanned, engines=self.engines, seconds_max=seconds_max, cancellation=cancellation
        )
        streams.callback(computed.stream.cancel)
        released = release(
            computed,
            requester=requester,
            context=context,
            intent=closing.intent,
            catalogue=self.catalogue,
            ledger=self.statistics,
        )
        yield from closing.while_allowed(deliver(released, delivery=closing.delivery, receipt=closing.delivered))

    def _admit(
        self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext
    ) -> tuple[EnforcedPlan, HeldUsage]:
        """Return the plan as it is decided now, with its share of the quota; record why there is none."""
        try:
            plan = self._plan(resolved, requester=requester, context=context)
            held = self.standing.usage.hold(
                plan.obligations,
                requester=requester,
                purpose=context.purpose,
                lookups=sum(len(planned.lookup_values) for planned in plan.scans),
            )
            return plan, held
        except GatewayError as error:
            self._refuse(error, resolved=resolved, requester=requester, context=context)


class _Closing:
    """Closes an intent exactly once; as a context manager it closes on any exception with what was delivered by then."""

    def __init__(self, *, log: AuditLog, intent: AuditEntry, cancellation: Cancellation, delivery: Delivery) -> None:
        self._log = log
        self.intent = intent
        self._cancellation = cancellation
        self.delivery = delivery
        self._open = True
        self._started = time.monotonic()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not self._open:
            return
        delivered, cause = self.delivery.delivered, self._cancellation.cause
        if isinstance(cause, GatewayError):
            decision = cause.decision if isinstance(cause, Denied) else None
            self._close(
                Outcome.REVOKED if isinstance(cause, Denied) else Outcome.FAILED,
                delivered,
                reason=cause.reason,
                denials=decision.denials if decision else (),
            )
            if isinstance(error, GatewayError):
                raise cause from error
        elif self._cancellation.cancelled or isinstance(error, GeneratorExit):
            self._close(Outcome.CANCELLED, delivered)
        else:
            reason = error.reason if isinstance(error, GatewayError) else Reason.INTERNAL
            self._close(Outcome.FAILED, delivered, reason=reason)

    def while_allowed(self, messages: Iterator[bytes]) -> Iterator[bytes]:
        """Yield messages until the query is stopped for a cause, which is raised."""
        for message in messages:
            if self._open and self._cancellation.cause is not None:
                raise self._cancellation.cause
            yield message

    def delivered(self, delivered: Delivered) -> bytes:
        """Record the receipt and return what the recipient gets of it: UTF-8 JSON."""
        entry = self._close(Outcome.DELIVERED, delivered)
        receipt = {
            "entry": self.intent.entry_id,
            "entry_sha256": self.intent.sha256,
            "receipt": entry.entry_id,
            "receipt_sha256": entry.sha256,
            "rows": delivered.rows,
            "bytes": delivered.bytes_sent,
            "content_sha256": delivered.content_sha256,
        }
        return json.dumps(receipt, sort_keys=True).encode()

    def _close(
        self,
        outcome: Outcome,
        delivered: Delivered,
        *,
        reason: Reason | None = None,
        denials: Sequence[Denial] = (),
    ) -> AuditEntry:
        self._open = False
        return record_receipt(
            self._log,
            self.intent,
            outcome=outcome,
            rows=delivered.rows,
            bytes_sent=delivered.bytes_sent,
            content_sha256=delivered.content_sha256,
            reason=reason,
            denials=denials,
            durations_micros={"run": int((time.monotonic() - self._started) * 1e6)},
        )
