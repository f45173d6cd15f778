"""Connectors that register in tests."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from catalog.dataset import Text
from catalog.registry import Candidate, ConnectorInstance, Registration, RegistrationAction, Registry, Serving
from catalog.store import StoreWatch, open_store

LEASE_SECONDS = 30
START = 1_800_000_000
HEALTH = ("health.health_code", "health.vaccination")
DRIFT = Text(zh="缺少的列：dose。", en="missing columns: dose.")


@dataclass(slots=True, kw_only=True)
class Clock:
    """Stands still until it is moved."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True, kw_only=True)
class Office:
    """One gateway's registry, and who uses it."""

    registry: Registry
    clock: Clock
    recorded: list[Registration] = field(default_factory=list)
    """What was witnessed, in order."""

    def register(
        self, id: str = "i1", *, same_as: Collection[str] = (), gone: Collection[str] = (), **changes: object
    ) -> Registration:
        return self.registry.register_instance(
            candidate(id, **changes), same_as=same_as, gone=gone, by="connector-health", witness=self.recorded.append
        )

    def beat(self, id: str = "i1", *, drifts: dict[str, Text] | None = None) -> Registration:
        return self.registry.heartbeat(
            self.instance(id), drifts=drifts or {}, by="connector-health", witness=self.recorded.append
        )

    def instance(self, id: str = "i1") -> ConnectorInstance:
        found = self.registry.instance("health", "main", instance_id=id)
        assert found is not None
        return found

    def decide(
        self, action: RegistrationAction, *, department: str = "health", connector: str = "main"
    ) -> Registration:
        return self.registry.change_state(
            department, connector, action=action, by="administrator", reason="因故", witness=self.recorded.append
        )

    def approved(self, id: str = "i1", **changes: object) -> Registration:
        self.register(id, **changes)
        return self.decide(RegistrationAction.APPROVE)

    def scanned(self, dataset: str, *, id: str) -> None:
        """Report what a scan found."""
        self.registry.report_drift(dataset, instance_id=id, text=DRIFT, witness=self.recorded.append)

    def served_from(self) -> list[list[str]]:
        """Instance ids, or why there are none, for each dataset."""
        return [answer(self.registry.serving(dataset)) for dataset in HEALTH]


def candidate(id: str = "i1", **changes: object) -> Candidate:
    fields: dict[str, object] = {
        "department": "health",
        "connector": "main",
        "instance_id": id,
        "endpoint": f"{id}:1",
        "certificate_sha256": "ab" * 32,
        "software": "sharing-gateway 0.1.0",
        "datasets": HEALTH,
        "drifts": {},
    }
    return Candidate(**(fields | changes))  # type: ignore[arg-type]


def answer(serving: Serving) -> list[str]:
    return [one.instance_id for one in serving.instances] or [str(serving.because)]


@contextmanager
def opened(url: str, clock: Clock) -> Iterator[tuple[Office, StoreWatch]]:
    """A registry on a database of its own process."""
    watch = StoreWatch(open_store(url))
    registry = Registry(watch, clock_seconds=clock, lease_seconds=LEASE_SECONDS)
    watch.poll()
    try:
        yield Office(registry=registry, clock=clock), watch
    finally:
        watch.close()
