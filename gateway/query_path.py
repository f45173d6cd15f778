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

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import NoReturn

import pyarrow as pa
import structlog

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from catalog.quality import QualityRegister
from catalog.vocabulary import Role
from connectors.sdk.access_log import EntryIndex
from connectors.sdk.content_hash import HashName
from gateway.audit import (
    AuditLog,
    SubjectKey,
    named_people,
    record_audit_query,
    record_denial,
    record_failure,
    record_intent,
)
from gateway.authenticate import TokenVerifier, authenticate
from gateway.closing import Closing
from gateway.decide import PolicyDecisionPoint, decide
from gateway.deliver import Delivery, deliver
from gateway.errors import DatasetUnavailable, Denied, GatewayError, InvalidQuery, Unavailable
from gateway.execute import EnginePool, execute
from gateway.messages import Reason
from gateway.model.cancellation import Cancellation
from gateway.model.decision import Decision
from gateway.model.order import Order
from gateway.model.plan import EnforcedPlan, PreparedQuery
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester, Standing
from gateway.model.rows import RowBudget, RowShare
from gateway.parse import EngineParser, Parameter, parse, probe
from gateway.release import StatisticsLedger, release, released_schema
from gateway.resolve import parameter_types, resolve, samples
from gateway.rewrite import part_of, rewrite, split
from gateway.scan import ConnectorChannels, GrantIssuer, Replicas, scan, scan_nothing
from gateway.standing import HeldUsage, StandingFacts, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admitted:
    """An order as it is decided now."""

    order: Order
    context: RequestContext
    plan: EnforcedPlan
    rows: RowBudget
    held: HeldUsage


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
    index: EntryIndex
    """Of the log."""
    quality: QualityRegister
    """Takes note of how fresh the datasets are."""
    replicas: Replicas
    channels: ConnectorChannels
    grants: GrantIssuer
    engines: EnginePool
    statistics: StatisticsLedger
    subject_key: SubjectKey
    hash_name: HashName
    """Of the receipts' content hashes."""
    mark_secret: bytes
    """Marks in delivered text are made with it, 32 bytes."""
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
        try:
            revoked = self.standing.is_revoked(requester)
        except Unavailable as error:
            self.record_refusal(error, requester=requester)
        if revoked:
            self.record_refusal(Denied(Reason.REQUESTER_REVOKED), requester=requester)

    def record_refusal(
        self, error: GatewayError, *, requester: Requester, context: RequestContext | None = None
    ) -> NoReturn:
        """Record that a door refused a known requester, and raise the error."""
        record_failure(self.log, requester=requester, context=context, reason=error.reason)
        raise error

    def record_question(self, requester: Requester, *, action: str, filters: Mapping[str, str | int]) -> None:
        """Record that an auditor asks; while the log is stopped, only the operator's log hears of it."""
        try:
            record_audit_query(self.log, requester=requester, action=action, filters=filters)
        except Unavailable:
            structlog.get_logger().error(
                "auditor's question not in the log", requester=requester.subject, action=action
            )

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

    def bind(
        self, sql: str, *, parameters: Sequence[Parameter], requester: Requester, context: RequestContext
    ) -> ResolvedQuery:
        """Return a statement with values for its `?`, undecided. Raises InvalidQuery, which is recorded."""
        try:
            return self._resolved(sql, parameters)
        except GatewayError as error:
            self._refuse(error, resolved=None, requester=requester, context=context)

    def prepare(self, sql: str, *, requester: Requester, context: RequestContext) -> PreparedQuery:
        """Decide a statement as `plan` does, with samples for the values of its `?`. Raises like `plan`."""
        resolved: ResolvedQuery | None = None
        try:
            probes = probe(sql)
            types = parameter_types(self._resolved(sql, probes), probes=probes, catalogue=self.catalogue)
            resolved = self._resolved(sql, samples(types))
            plan = self._plan(resolved, requester=requester, context=context, sampled=True)
            return PreparedQuery(parameter_types=types, plan=plan)
        except GatewayError as error:
            nobody = resolved and replace(resolved, source_filters=())  # samples name no people
            self._refuse(error, resolved=nobody, requester=requester, context=context)

    def _resolved(self, sql: str, parameters: Sequence[Parameter]) -> ResolvedQuery:
        parsed = parse(sql, engine_parser=self.engine_parser, parameters=parameters)
        return resolve(parsed, catalogue=self.catalogue)

    def split(self, plan: EnforcedPlan) -> Mapping[str, EnforcedPlan]:
        """Return the parts of a plan's result by their keys; none when it cannot be split."""
        return split(plan, catalogue=self.catalogue)

    def _plan(
        self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext, sampled: bool = False
    ) -> EnforcedPlan:
        standing = self.standing.collect(resolved, requester=requester, context=context, sampled=sampled)
        decision = self._decide(resolved, requester=requester, context=context, standing=standing)
        plan = rewrite(resolved, decision=decision, catalogue=self.catalogue)
        if context.partial and plan.statistic is not None:
            raise InvalidQuery(Reason.PARTIAL_REFUSED)
        return plan

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

    def _ask_again(
        self, plan: EnforcedPlan, *, requester: Requester, context: RequestContext, closing: Closing
    ) -> None:
        """Raise unless the running plan would be decided the same way now, and nobody stopped its connectors."""
        self.replicas.require_not_suspended(closing.scans)
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
                people=self._named_people(resolved),
            )
            raise error
        self.record_refusal(error, requester=requester, context=context)

    def run(self, order: Order) -> Iterator[bytes]:
        """Deliver a query, decided anew and recorded before released, until it is stopped or decided otherwise.

        Yields:
            Serialised `FlightData` messages; the last one carries the receipt.

        Raises:
            GatewayError: What was sent so far is not the whole result. The log says why, unless it is unavailable itself.
        """
        delivery = Delivery(hash_name=self.hash_name)
        admitted = self._admit(order)
        plan, context = admitted.plan, admitted.context
        with ExitStack() as open_parts:
            open_parts.callback(lambda: admitted.held.settle(rows=delivery.rows))
            intent = record_intent(
                self.log,
                requester=order.requester,
                context=context,
                plan=plan,
                catalogue_revision=self.catalogue.revision,
                people=self._named_people(plan.resolved),
            )
            expires_at = plan.obligations.expires_at(received_at=context.time)
            closing = Closing(
                log=self.log, intent=intent, cancellation=order.cancellation, delivery=delivery, expires_at=expires_at
            )
            open_parts.enter_context(closing)
            open_parts.callback(lambda: self.quality.saw((scan.dataset, scan.as_of) for scan in closing.scans))
            ask_again = partial(self._ask_again, plan, requester=order.requester, context=context, closing=closing)
            open_parts.enter_context(self.watch.running(order.cancellation, ask_again=ask_again))
            yield from self._stream(admitted, closing=closing)

    def _stream(self, admitted: _Admitted, *, closing: Closing) -> Iterator[bytes]:
        """Yield the result. Until its first rows are there, a connector that fails is replaced by a replica.

        Without any, and when the requester takes a partial answer, its dataset is missing.
        """
        failed: set[str] = set()
        missing: set[str] = set()
        while True:
            rows = admitted.rows.share(admitted.plan.rows_max)
            messages = self._attempt(admitted, closing=closing, rows=rows, failed=failed, missing=missing)
            try:
                schema, first = next(messages), next(messages)
            except DatasetUnavailable as error:
                rows.give_back()
                if admitted.order.cancellation.cancelled:
                    raise
                if error.instance_id:
                    failed.add(error.instance_id)
                elif admitted.context.partial:
                    missing.add(error.dataset)
                else:
                    raise
            else:
                yield from chain((schema, first), messages)
                return
            finally:
                messages.close()

    def _attempt(
        self,
        admitted: _Admitted,
        *,
        closing: Closing,
        rows: RowShare,
        failed: Collection[str],
        missing: Collection[str],
    ) -> Generator[bytes]:
        """Yield the schema, batches, and at last the receipt."""
        plan, order = admitted.plan, admitted.order
        with ExitStack() as streams:
            scanned = scan(
                plan,
                requester=order.requester,
                context=admitted.context,
                catalogue=self.catalogue,
                replicas=self.replicas,
                grants=self.grants,
                nonce=self.new_nonce(),
                seconds_max=order.seconds_max,
                failed=failed,
                missing=missing,
            )
            closing.scans = (*closing.scans, *scanned.received)
            streams.callback(scanned.cancel)
            order.cancellation.add(scanned.cancel)
            computed = execute(
                plan,
                scanned=scanned,
                engines=self.engines,
                seconds_max=order.seconds_max,
                cancellation=order.cancellation,
            )
            streams.callback(computed.stream.cancel)
            released = release(
                computed,
                requester=order.requester,
                context=admitted.context,
                intent=closing.intent,
                catalogue=self.catalogue,
                ledger=self.statistics,
                mark_secret=self.mark_secret,
                rows=rows,
                missing=scanned.missing,
            )
            leaving = order.narrow(released)
            yield from closing.while_allowed(deliver(leaving, delivery=closing.delivery, receipt=closing.delivered))

    def describe(self, plan: EnforcedPlan, *, seconds_max: float, cancellation: Cancellation) -> pa.Schema:
        """Return the columns of a plan's result, without metadata: it is run over tables without rows.

        Raises:
            GatewayError: The statement cannot be run.
        """
        computed = execute(
            plan,
            scanned=scan_nothing(plan),
            engines=self.engines,
            seconds_max=seconds_max,
            cancellation=cancellation,
        )
        for _ in computed.stream.batches:
            pass
        return released_schema(plan, computed=computed.stream.schema)

    def _named_people(self, resolved: ResolvedQuery) -> Mapping[str, tuple[str, ...]]:
        return named_people(resolved, catalogue=self.catalogue, key=self.subject_key)

    def _admit(self, order: Order) -> _Admitted:
        """Return the plan as it is decided now, with its share of the quota; record why there is none."""
        context = self._now(order.context)
        try:
            plan = self._plan(order.resolved, requester=order.requester, context=context)
            plan = part_of(plan, key=order.part, catalogue=self.catalogue)
            rows = order.rows or RowBudget(plan.rows_max)
            held = self.standing.usage.hold(
                plan.obligations,
                requester=order.requester,
                purpose=context.purpose,
                rows=rows,
                lookups=sum(len(planned.lookup_values) for planned in plan.scans),
            )
            return _Admitted(order=order, context=context, plan=plan, rows=rows, held=held)
        except GatewayError as error:
            self._refuse(error, resolved=order.resolved, requester=order.requester, context=context)
