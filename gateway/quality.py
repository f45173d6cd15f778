"""Have each dataset profiled by its own connector from time to time, and keep the numbers."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

import grpc
import structlog

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset
from catalog.quality import ColumnQuality, Quality, QualityRegister
from catalog.registry import RegistryUnavailable
from connectors.sdk.inquiry import SKETCH_KEY_BYTES
from gateway.errors import Unavailable
from gateway.scan import CLOCK_SECONDS_MAX, ConnectorChannels, ConnectorDirectory, GrantIssuer
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

_PERIOD_SECONDS = 60.0
_PROFILE_SECONDS_MAX = 300.0
_LOG = structlog.get_logger("gateway.quality")


class QualitySchedule:
    """Profiles one dataset after the other in a thread of its own, each again when `period_seconds` have passed.

    A department that has kept one profile waiting for five minutes is not asked for another in the same round.

    Args:
        catalogue: The datasets.
        directory: Knows which connectors serve them.
        channels: To the connectors.
        grants: Signs the questions.
        register: Keeps the numbers.
        period_seconds: How often a dataset is profiled.
        clock_seconds: Seconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        directory: ConnectorDirectory,
        channels: ConnectorChannels,
        grants: GrantIssuer,
        register: QualityRegister,
        period_seconds: int,
        clock_seconds: Callable[[], float],
    ) -> None:
        self._catalogue = catalogue
        self._directory = directory
        self._channels = channels
        self._grants = grants
        self._register = register
        self._period_seconds = period_seconds
        self._clock_seconds = clock_seconds
        self._tried: dict[str, int] = {}
        self._call: grpc.Future[connector_pb2.ProfileResponse] | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quality", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Stop; a profile that is being taken is given up."""
        self._closed.set()
        if self._call is not None:
            self._call.cancel()
        if self._thread.is_alive():
            self._thread.join()

    def round(self) -> None:
        """Profile every dataset that is due and served, and store the as-of times that scans have seen.

        Raises:
            RegistryUnavailable: The registers' database is lost.
        """
        stalling: set[str] = set()
        for dataset in self._catalogue.datasets.values():
            if self._closed.is_set() or dataset.controller in stalling or not self._is_due(dataset.name):
                continue
            if not self._profile(dataset):
                stalling.add(dataset.controller)
        self._register.keep()

    def _run(self) -> None:
        while not self._closed.wait(min(_PERIOD_SECONDS, self._period_seconds)):
            try:
                self.round()
            except RegistryUnavailable as error:
                _LOG.warning("datasets not profiled", reason=str(error))
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens
                _LOG.error("datasets not profiled", kind=type(error).__name__)

    def _is_due(self, name: str) -> bool:
        last = max(self._register.profiled_at(name), self._tried.get(name, 0))
        return self._clock_seconds() >= last + self._period_seconds

    def _profile(self, dataset: Dataset) -> bool:
        """Profile a dataset if it is served, and return whether its department was in time."""
        serving = self._directory.serving(dataset.name)
        if serving.because is not None:
            return True
        now = self._tried[dataset.name] = int(self._clock_seconds())
        instance = serving.instances[0]
        inquiry = self._grants.inquire(
            instance.department, dataset=dataset.name, sketch_key=secrets.token_bytes(SKETCH_KEY_BYTES)
        )
        try:
            channel = self._channels.to(instance.endpoint, department=instance.department)
            stub = connector_pb2_grpc.ConnectorServiceStub(channel)
            request = connector_pb2.ProfileRequest(inquiry=inquiry)
            self._call = stub.Profile.future(request, timeout=_PROFILE_SECONDS_MAX)
            if self._closed.is_set():
                self._call.cancel()
            profile = self._call.result()
        except (grpc.RpcError, grpc.FutureCancelledError, Unavailable) as error:
            code = error.code().name if isinstance(error, grpc.Call) else type(error).__name__
            _LOG.warning("dataset not profiled", dataset=dataset.name, code=code)
            return code != grpc.StatusCode.DEADLINE_EXCEEDED.name
        self._register.add(dataset.name, _quality(profile, dataset=dataset, at=now))
        if 0 < profile.as_of <= now + CLOCK_SECONDS_MAX:
            self._register.saw([(dataset.name, profile.as_of)])
        return True


def _quality(profile: connector_pb2.ProfileResponse, *, dataset: Dataset, at: int) -> Quality:
    """Return what counts: columns of the catalogue with nulls or findings, each once, and never less than none."""
    counted = {column.name: column for column in reversed(profile.columns)}
    return Quality(
        at=at,
        rows=max(0, profile.rows),
        duplicate_keys=max(0, profile.duplicate_keys),
        columns=tuple(
            ColumnQuality(
                name=name,
                nulls=max(0, column.nulls),
                malformed=max(0, column.malformed),
                outside_codes=max(0, column.outside_codes),
            )
            for name, column in reversed(counted.items())
            if dataset.column(name) and max(column.nulls, column.malformed, column.outside_codes) > 0
        ),
    )
