"""Overdue answers: recorded once, and shown to administrators."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog

from catalog.requests import Correction, Need, RequestStore, is_overdue
from catalog.store import RegistryUnavailable
from gateway.audit import AuditLog, record_request
from gateway.errors import Unavailable

SECONDS_BETWEEN = 60.0
_LOG = structlog.get_logger("gateway.escalation")


class Escalation:
    """Looks once a minute for needs and corrections whose last day has passed without an answer.

    Several gateways on one database escalate each of them once. What fails is tried again.

    Args:
        store: Needs and corrections.
        log: Where it is recorded.
        clock_seconds: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, store: RequestStore, *, log: AuditLog, clock_seconds: Callable[[], float]) -> None:
        self._store = store
        self._log = log
        self._clock_seconds = clock_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="escalation", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def escalate(self) -> int:
        """Escalate what is overdue and return how many there were.

        Raises:
            Unavailable: The log cannot be written.
            RegistryUnavailable: The database is lost.
        """
        now, escalated = int(self._clock_seconds()), 0
        requests: list[Need | Correction] = [*self._store.needs(), *self._store.corrections()]
        for request in requests:
            if request.escalated_at or not is_overdue(request, now=now):
                continue
            action = "need_escalate" if isinstance(request, Need) else "correction_escalate"
            overdue = replace(request, escalated_at=now)
            witness = partial(record_request, self._log, requester=None, action=action, request=overdue)
            if self._store.escalate(overdue, witness=witness):
                _LOG.warning("answer overdue", action=action, id=request.id, controller=request.controller)
                escalated += 1
        return escalated

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.escalate()
            except (Unavailable, RegistryUnavailable) as error:
                _LOG.warning("nothing escalated yet", cause=str(error))
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens
                _LOG.error("nothing escalated yet", kind=type(error).__name__)
            self._stopped.wait(SECONDS_BETWEEN)
