"""Choose among the running connectors of a dataset, and keep count of how they do."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from catalog.dataset import Dataset, Text
from catalog.registry import ConnectorInstance, NotServed, Registration, RegistryUnavailable, Serving
from gateway.errors import DatasetUnavailable, Unavailable
from gateway.messages import Reason
from gateway.model.result import ReceivedScan
from gateway.scan.connectors import ConnectorChannels, ConnectorDirectory, drift_in
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

FAILED_SECONDS = 5.0
"""So long a connector that failed is only asked when there is no other."""
DESCRIBE_SECONDS_MAX = 2.0


@dataclass(slots=True, kw_only=True)
class _Load:
    """How one connector does."""

    running: int = 0
    asked: int = 0
    """Number of the last scan that it was asked for, of all scans."""
    failed_at: float | None = None


_ENDS_SCANS = frozenset({NotServed.SUSPENDED, NotServed.NOT_APPROVED, NotServed.NO_CONNECTOR})
"""Once withdrawn, a dataset may be one that another connector asks for; dropped from a registration, it is nobody's."""


class Replicas:
    """Sends each scan to the replica with the fewest scans running, and not to one that just failed.

    Args:
        directory: Knows which connectors serve a dataset.
        channels: To the connectors.
        record: Records a registration with a drift that a scan found, before it takes effect.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        *,
        directory: ConnectorDirectory,
        channels: ConnectorChannels,
        record: Callable[[Registration], object],
        monotonic: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._channels = channels
        self._record = record
        self._monotonic = monotonic
        self._serving_ids: dict[str, frozenset[str]] = {}
        self._loads: dict[str, _Load] = {}
        self._scans = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, dataset: str, *, failed: Collection[str] = ()) -> ConnectorInstance:
        """Return the connector to ask, and count a scan as running on it until `end`.

        Args:
            dataset: Catalogue name.
            failed: Ids of connectors that must not be asked.

        Raises:
            DatasetUnavailable: There is none.
            Unavailable: Nobody knows.
        """
        serving = self._serving(dataset)
        if serving.because is NotServed.SUSPENDED:
            raise DatasetUnavailable(Reason.CONNECTOR_SUSPENDED, dataset)
        if serving.because is NotServed.DRIFTED:
            raise DatasetUnavailable(Reason.CONNECTOR_DRIFTED, dataset)
        left = [instance for instance in serving.instances if instance.instance_id not in failed]
        if not left:
            raise DatasetUnavailable(Reason.CONNECTOR_UNAVAILABLE, dataset, internal=serving.because or "all failed")
        with self._lock:
            self._know(dataset, serving.instances)
            chosen = min(left, key=self._burden)
            load = self._loads[chosen.instance_id]
            load.running += 1
            load.asked = next(self._scans)
            return chosen

    def end(self, instance: ConnectorInstance, *, failed: bool) -> None:
        """Count a scan as ended."""
        with self._lock:
            load = self._loads[instance.instance_id]
            load.running -= 1
            load.failed_at = self._monotonic() if failed else None

    def known(self) -> frozenset[str]:
        """Return the ids of the connectors of which it keeps count."""
        with self._lock:
            return frozenset(self._loads)

    def stub(self, instance: ConnectorInstance) -> connector_pb2_grpc.ConnectorServiceStub:
        """Return what calls the connector, and nobody but its department."""
        channel = self._channels.to(instance.endpoint, department=instance.department)
        return connector_pb2_grpc.ConnectorServiceStub(channel)

    def described_drift(self, dataset: Dataset, *, instance: ConnectorInstance) -> Text | None:
        """Ask a connector how it describes `dataset`, and say what is not as catalogued; None too when it does not answer."""
        try:
            described = self.stub(instance).Describe(connector_pb2.DescribeRequest(), timeout=DESCRIBE_SECONDS_MAX)
        except grpc.RpcError:
            return None
        return drift_in(described, dataset=dataset) if described.instance_id == instance.instance_id else None

    def report_drift(self, dataset: str, *, instance: ConnectorInstance, text: Text) -> None:
        """Record that what comes from the connector is not as catalogued, and stop its `dataset`.

        Raises:
            Unavailable: It cannot be recorded or stored.
        """
        with _known():
            self._directory.report_drift(dataset, instance_id=instance.instance_id, text=text, witness=self._record)

    def require_not_suspended(self, scans: Iterable[ReceivedScan]) -> None:
        """Raise DatasetUnavailable when one of the running scans is of a dataset that nobody may serve any more."""
        for dataset in {scan.dataset for scan in scans if not scan.missing}:
            if self._serving(dataset).because in _ENDS_SCANS:
                raise DatasetUnavailable(Reason.CONNECTOR_SUSPENDED, dataset)

    def _serving(self, dataset: str) -> Serving:
        with _known():
            return self._directory.serving(dataset)

    def _know(self, dataset: str, instances: Iterable[ConnectorInstance]) -> None:
        """Take in who serves a dataset, and forget whoever serves none and runs nothing."""
        ids = frozenset(instance.instance_id for instance in instances)
        if self._serving_ids.get(dataset) != ids:
            self._serving_ids[dataset] = ids
            serving = {id for known in self._serving_ids.values() for id in known}
            running = {id for id, load in self._loads.items() if load.running}
            self._loads = {id: self._loads.get(id) or _Load() for id in serving | running}

    def _burden(self, instance: ConnectorInstance) -> tuple[bool, int, int]:
        """Sort those that just failed last, then by running scans, then by who was asked last."""
        load = self._loads[instance.instance_id]
        failed = load.failed_at is not None and self._monotonic() - load.failed_at < FAILED_SECONDS
        return failed, load.running, load.asked


@contextmanager
def _known() -> Iterator[None]:
    """Say that nobody knows the connectors, when the registry does."""
    try:
        yield
    except RegistryUnavailable as error:
        raise Unavailable(Reason.REGISTRY_UNAVAILABLE, internal=str(error)) from error
