"""A directory of connectors that says what a test wants."""

from __future__ import annotations

from collections.abc import Callable

from catalog.dataset import Text
from catalog.registry import ConnectorInstance, NotServed, Registration, Serving


def instance(id: str, *, endpoint: str = "127.0.0.1:1", department: str = "public_security") -> ConnectorInstance:
    return ConnectorInstance(
        department=department,
        connector="main",
        instance_id=id,
        endpoint=endpoint,
        generation=1,
        lease_expires_at=2_000_000_000,
    )


class FixedDirectory:
    """Names the same connectors for every dataset, or says why there is none."""

    def __init__(self, *instances: ConnectorInstance, because: NotServed = NotServed.NO_CONNECTOR) -> None:
        self._instances = instances
        self.because = None if instances else because
        self.drifts: list[tuple[str, str]] = []

    def serve(self, *instances: ConnectorInstance) -> None:
        """Name others from now on."""
        self._instances = instances

    def serving(self, dataset: str) -> Serving:
        return Serving(instances=() if self.because else self._instances, because=self.because)

    def instances(self, department: str) -> tuple[ConnectorInstance, ...]:
        return tuple(one for one in self._instances if one.department == department)

    def report_drift(
        self, dataset: str, *, instance_id: str, text: Text, witness: Callable[[Registration], object]
    ) -> None:
        self.drifts.append((dataset, instance_id))
