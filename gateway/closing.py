"""Close an intent exactly once, whatever happens to its delivery. Not a stage: `query_path` wraps the delivery in it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from gateway.audit import AuditLog, recipients_receipt, record_receipt
from gateway.deliver import Delivered, Delivery
from gateway.errors import Cancelled, Denied, GatewayError
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, Outcome
from gateway.model.cancellation import Cancellation
from gateway.model.decision import Denial
from gateway.model.result import ReceivedScan

_OUTCOMES: Mapping[type[GatewayError], Outcome] = {Denied: Outcome.REVOKED, Cancelled: Outcome.CANCELLED}


class Closing:
    """Closes an intent exactly once; as a context manager it closes on any exception with what was delivered by then."""

    def __init__(
        self, *, log: AuditLog, intent: AuditEntry, cancellation: Cancellation, delivery: Delivery, expires_at: int
    ) -> None:
        self._log = log
        self.intent = intent
        self.scans: Sequence[ReceivedScan] = ()
        self._expires_at = expires_at
        self._cancellation = cancellation
        self.delivery = delivery
        self._open = True
        self._started = time.monotonic()
        self._durations_micros: dict[str, int] = {}

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or not self._open:
            return
        delivered, cause = self.delivery.delivered, self._cancellation.cause
        if isinstance(cause, GatewayError):
            decision = cause.decision if isinstance(cause, Denied) else None
            self._close(
                _OUTCOMES.get(type(cause), Outcome.FAILED),
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
            if not self._durations_micros:
                self._measure("first_message")
            yield message

    def delivered(self, delivered: Delivered) -> bytes:
        """Record the receipt and return what the recipient gets of it: UTF-8 JSON."""
        entry = self._close(Outcome.DELIVERED, delivered)
        return recipients_receipt(entry, evidence=self._log.evidence(entry))

    def _close(
        self,
        outcome: Outcome,
        delivered: Delivered,
        *,
        reason: Reason | None = None,
        denials: Sequence[Denial] = (),
    ) -> AuditEntry:
        self._open = False
        self._measure("run")
        return record_receipt(
            self._log,
            self.intent,
            outcome=outcome,
            sent={
                "rows": delivered.rows,
                "bytes_sent": delivered.bytes_sent,
                "content_hash": delivered.content_hash,
            },
            scans=self.scans,
            expires_at=self._expires_at,
            reason=reason,
            denials=denials,
            durations_micros=self._durations_micros,
        )

    def _measure(self, what: str) -> None:
        self._durations_micros[what] = int((time.monotonic() - self._started) * 1e6)
