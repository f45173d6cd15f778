"""Run what is due in threads of its own."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from catalog.subscriptions import Subscription
from gateway.model.cancellation import Cancellation
from gateway.query_path import QueryPath
from gateway.subscriptions.parts import SubscriptionParts
from gateway.subscriptions.runner import SubscriptionRunner

PERIOD_SECONDS = 2.0
_AFTER_ERROR_SECONDS = 2.0
_AT_ONCE = 2
"""Engines are left for those who wait for an answer."""
_LOG = structlog.get_logger("gateway.subscriptions")


class SubscriptionSchedule:
    """Looks every few seconds for subscriptions that are due; two run at a time, one of a requester.

    Several gateways on one database run each of them once. A run that a gateway did not live to end is replaced at its next time.

    Args:
        path: The path of one query.
        parts: What subscriptions are made of.
    """

    def __init__(self, *, path: QueryPath, parts: SubscriptionParts) -> None:
        self._store = parts.store
        self._custody = parts.custody
        self._clock_seconds = path.clock_seconds
        self._runner = SubscriptionRunner(path=path, parts=parts)
        self._lock = threading.RLock()
        self._running: dict[str, tuple[Cancellation, Future[None]]] = {}
        """By requester."""
        self._runs = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="subscription")
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="subscriptions", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop; runs that have begun are given up."""
        self._closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            running = tuple(self._running.values())
        for cancellation, _ in running:
            cancellation.cancel()
        self._runs.shutdown()

    def round(self) -> frozenset[Future[None]]:
        """Begin what is due and has its turn, and destroy what may not be kept any longer.

        Returns:
            The runs in progress, also those of which the end makes room for what is due.

        Raises:
            RegistryUnavailable: The database is lost.
            Unavailable: The log cannot be written.
        """
        try:
            due = self._store.due(int(self._clock_seconds()))
            return self._in_progress().union(*map(self._begin, due))
        finally:
            self._custody.sweep()

    def _begin(self, subscription: Subscription) -> frozenset[Future[None]]:
        """Run a subscription, unless it has to wait for its turn; return what runs now."""
        with self._lock:
            if len(self._running) < _AT_ONCE and subscription.subject not in self._running:
                cancellation = Cancellation()
                run = self._runs.submit(self._run_one, subscription, cancellation)
                self._running[subscription.subject] = (cancellation, run)
            return self._in_progress()

    def _in_progress(self) -> frozenset[Future[None]]:
        with self._lock:
            return frozenset(run for _, run in self._running.values())

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(PERIOD_SECONDS)
            self._wake.clear()
            try:
                if not self._closed.is_set():
                    self.round()
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens
                _LOG.error("subscriptions wait", kind=type(error).__name__)

    def _run_one(self, subscription: Subscription, cancellation: Cancellation) -> None:
        try:
            self._runner.run(subscription, cancellation=cancellation)
        except Exception as error:  # noqa: BLE001 - one run never stops another
            _LOG.error("run given up", subscription=subscription.id, kind=type(error).__name__)
            self._closed.wait(_AFTER_ERROR_SECONDS)  # what raises at once is not tried at once
        with self._lock:
            del self._running[subscription.subject]
        self._wake.set()
