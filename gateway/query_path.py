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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NoReturn

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from catalog.vocabulary import Role
from gateway.audit import (
    AuditLog,
    record_denial,
    record_failure,
    record_intent,
    record_receipt,
)
from gateway.authenticate import TokenVerifier, authenticate
from gateway.decide import PolicyDecisionPoint, decide
from gateway.deliver import Delivered, Delivery, deliver
from gateway.errors import Bug, Denied, GatewayError
from gateway.execute import EnginePool, execute
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, Outcome
from gateway.model.cancellation import Cancellation
from gateway.model.plan import EnforcedPlan
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester
from gateway.parse import EngineParser, parse
from gateway.release import release
from gateway.resolve import resolve
from gateway.rewrite import rewrite
from gateway.scan import ConnectorChannels, ConnectorDirectory, GrantIssuer, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPath:
    """The ten stages with the parts they need; `wiring` makes it."""

    verifier: TokenVerifier
    directory: Directory
    catalogue: Catalogue
    engine_parser: EngineParser
    pdp: PolicyDecisionPoint
    log: AuditLog
    connectors: ConnectorDirectory
    channels: ConnectorChannels
    grants: GrantIssuer
    engines: EnginePool
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
        """Raise Denied, and record it, unless the requester has one of the roles."""
        if not requester.roles & set(roles):
            self.record_refusal(Denied(Reason.ROLE_MISSING), requester=requester)

    def record_refusal(
        self, error: GatewayError, *, requester: Requester, context: RequestContext | None = None
    ) -> NoReturn:
        """Record that a door refused a known requester, and raise the error."""
        record_failure(self.log, requester=requester, context=context, reason=error.reason)
        raise error

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
            decision = decide(
                resolved,
                requester=requester,
                context=context,
                pdp=self.pdp,
                catalogue=self.catalogue,
                decision_id=self.new_id(),
                deadline_seconds=self.decision_seconds_max,
            )
            return rewrite(resolved, decision=decision, catalogue=self.catalogue)
        except Denied as error:
            if resolved is None or error.decision is None:
                raise Bug("a denial without a decision") from error
            record_denial(
                self.log,
                requester=requester,
                context=context,
                sql_normalised=resolved.normalised_sql,
                decision=error.decision,
            )
            raise
        except GatewayError as error:
            self.record_refusal(error, requester=requester, context=context)

    def run(
        self,
        plan: EnforcedPlan,
        *,
        requester: Requester,
        context: RequestContext,
        seconds_max: float,
        cancellation: Cancellation,
    ) -> Iterator[bytes]:
        """Run a decided query, recorded before released, until `cancellation` stops it or `seconds_max` pass.

        Yields:
            Serialised `FlightData` messages; the last one carries the receipt.

        Raises:
            GatewayError: What was sent so far is not the whole result. The log says why, unless it is unavailable itself.
        """
        intent = record_intent(
            self.log,
            requester=requester,
            context=context,
            resolved=plan.resolved,
            decision=plan.decision,
            catalogue_revision=self.catalogue.revision,
            scans=plan.scans,
        )
        closing = _Closing(log=self.log, intent=intent, cancellation=cancellation)
        with closing, ExitStack() as streams:
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
            released = release(computed, requester=requester, context=context, intent=intent)
            yield from deliver(released, delivery=closing.delivery, receipt=closing.delivered)


class _Closing:
    """Closes an intent exactly once; as a context manager it closes on any exception with what was delivered by then."""

    def __init__(self, *, log: AuditLog, intent: AuditEntry, cancellation: Cancellation) -> None:
        self._log = log
        self._intent = intent
        self._cancellation = cancellation
        self._open = True
        self._started = time.monotonic()
        self.delivery = Delivery()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not self._open:
            return
        if self._cancellation.cancelled or isinstance(error, GeneratorExit):
            self._close(Outcome.CANCELLED, self.delivery.delivered)
        else:
            reason = error.reason if isinstance(error, GatewayError) else Reason.INTERNAL
            self._close(Outcome.FAILED, self.delivery.delivered, reason=reason)

    def delivered(self, delivered: Delivered) -> bytes:
        """Record the receipt and return what the recipient gets of it: UTF-8 JSON."""
        entry = self._close(Outcome.DELIVERED, delivered)
        receipt = {
            "entry": self._intent.entry_id,
            "entry_sha256": self._intent.sha256,
            "receipt": entry.entry_id,
            "receipt_sha256": entry.sha256,
            "rows": delivered.rows,
            "bytes": delivered.bytes_sent,
            "content_sha256": delivered.content_sha256,
        }
        return json.dumps(receipt, sort_keys=True).encode()

    def _close(self, outcome: Outcome, delivered: Delivered, *, reason: Reason | None = None) -> AuditEntry:
        self._open = False
        return record_receipt(
            self._log,
            self._intent,
            outcome=outcome,
            rows=delivered.rows,
            bytes_sent=delivered.bytes_sent,
            content_sha256=delivered.content_sha256,
            reason=reason,
            durations_micros={"run": int((time.monotonic() - self._started) * 1e6)},
        )
