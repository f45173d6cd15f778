"""The registry of connectors: stored by SQL, answered from memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection

from catalog.dataset import Text
from catalog.registry import storing
from catalog.registry.records import (
    Candidate,
    ConnectorInstance,
    LoggedRegistration,
    NotServed,
    Registration,
    RegistrationAction,
    RegistrationRefused,
    RegistrationState,
    Serving,
    StateChange,
)
from catalog.registry.snapshot import EMPTY, LIVE_STATES, Snapshot, load_history, load_snapshot
from catalog.store import Part, RegistryUnavailable, StoreWatch

Witness = Callable[[Registration], object]
"""Records a change that is about to take effect; when it raises, the change does not."""
_STOPPED: Mapping[RegistrationState, NotServed] = {
    RegistrationState.REQUESTED: NotServed.NOT_APPROVED,
    RegistrationState.CHECKED: NotServed.NOT_APPROVED,
    RegistrationState.APPROVED: NotServed.NO_LEASE,
    RegistrationState.SUSPENDED: NotServed.SUSPENDED,
    RegistrationState.WITHDRAWN: NotServed.SUSPENDED,
}
_APPROVED_STATES = frozenset({RegistrationState.APPROVED, RegistrationState.ACTIVE})
_STEPS: Mapping[RegistrationAction, tuple[Collection[RegistrationState], RegistrationState]] = {
    RegistrationAction.APPROVE: ({RegistrationState.CHECKED}, RegistrationState.APPROVED),
    RegistrationAction.SUSPEND: (_APPROVED_STATES, RegistrationState.SUSPENDED),
    RegistrationAction.RESUME: ({RegistrationState.SUSPENDED}, RegistrationState.APPROVED),
    RegistrationAction.WITHDRAW: (
        frozenset(RegistrationState) - {RegistrationState.WITHDRAWN},
        RegistrationState.WITHDRAWN,
    ),
}


class Registry:
    """The registrations of all departments' connectors, and the connectors that run.

    Args:
        store: Where they are stored; not started yet.
        clock_seconds: Seconds since 1970-01-01 UTC.
        lease_seconds: How long a connector is asked after it was last heard of.
    """

    def __init__(self, store: StoreWatch, *, clock_seconds: Callable[[], float], lease_seconds: int) -> None:
        self._store = store
        self._clock_seconds = clock_seconds
        self.lease_seconds = lease_seconds
        self._snapshot = EMPTY
        self._listeners: list[Callable[[], None]] = []
        store.on_change(Part.REGISTRY, self._reload)

    def serving(self, dataset: str) -> Serving:
        """Return the connectors that serve `dataset` now, or why there is none. From memory.

        Raises:
            RegistryUnavailable: The database is lost: nobody knows.
        """
        stored = self._current().by_dataset.get(dataset)
        if stored is None:
            return Serving(instances=(), because=NotServed.NO_CONNECTOR)
        if stored.state is not RegistrationState.ACTIVE:
            return Serving(instances=(), because=_STOPPED[stored.state])
        registration = self._running(stored)
        drifted = {drift.instance_id for drift in registration.drifts if drift.dataset == dataset}
        agreeing = tuple(one for one in registration.instances if one.instance_id not in drifted)
        if agreeing:
            return Serving(instances=agreeing)
        return Serving(instances=(), because=NotServed.DRIFTED if drifted else NotServed.NO_LEASE)

    def instances(self, department: str) -> tuple[ConnectorInstance, ...]:
        """Return the department's connectors with a lease, whatever they may serve. Raises RegistryUnavailable."""
        return tuple(
            instance
            for registration in self.registrations()
            if registration.department == department
            for instance in registration.instances
        )

    def registrations(self) -> tuple[Registration, ...]:
        """Return all registrations, sorted by department and connector. Raises RegistryUnavailable."""
        return tuple(map(self._running, self._current().registrations.values()))

    def registration(self, department: str, connector: str) -> Registration | None:
        """Return one registration, or None. Raises RegistryUnavailable."""
        stored = self._current().registrations.get((department, connector))
        return None if stored is None else self._running(stored)

    def instance(self, department: str, connector: str, *, instance_id: str) -> ConnectorInstance | None:
        """Return a connector that registered and was not superseded, even when its lease has ended, or None.

        Raises:
            RegistryUnavailable: The database is lost.
        """
        stored = self._current().registrations.get((department, connector))
        instances = () if stored is None else stored.instances
        return next((instance for instance in instances if instance.instance_id == instance_id), None)

    def history(self, department: str, connector: str) -> tuple[StateChange, ...]:
        """Return every state a registration was in, oldest first. Raises RegistryUnavailable."""
        with self._store.read() as connection:
            return load_history(connection, department, connector)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change, by whatever gateway, except a lease."""
        self._listeners.append(listener)

    def register_instance(
        self, candidate: Candidate, *, same_as: Collection[str], gone: Collection[str], by: str, witness: Witness
    ) -> Registration:
        """Let a connector in that answered as its department's.

        A new registration waits for approval, or for a repair when it is not as catalogued; so does one with other datasets
        than before. What comes back as it was stays approved or suspended. The one that was at its address is superseded, and
        so are those whose lease has ended: they were not compared with it.

        Args:
            candidate: Who wants to serve.
            same_as: Ids of running instances that were shown to serve the same.
            gone: Ids of instances that do not run any more, whatever their lease: they are superseded too.
            by: Subject of the token.
            witness: Records the change; not called when nothing changes.

        Raises:
            RegistrationRefused: It was withdrawn or is suspended with other datasets, a dataset is another registration's,
                or it is not the same as those that run.
        """
        key = (candidate.department, candidate.connector)
        with self._change() as (connection, stored):
            earlier = stored.registrations.get(key)
            known = None if earlier is None else self._running(earlier)
            _check_unclaimed(candidate, stored=stored)
            _check_state(candidate, known=known)
            _check_replica(candidate, known=known, same_as=same_as, gone=gone)
            state, instances = _state_of(candidate, known=known), () if earlier is None else earlier.instances
            storing.store_registration(connection, candidate, state=state, known=known, by=by, now=self._now())
            stay = [one for one in (known.instances if known else ()) if _stays(one, candidate=candidate, gone=gone)]
            storing.forget_instances(connection, set(instances) - set(stay))
            if state is not RegistrationState.REQUESTED:
                before = next((one for one in instances if one.instance_id == candidate.instance_id), None)
                lease_expires_at = self._now() + self.lease_seconds
                storing.store_instance(
                    connection, candidate, before=before, lease_expires_at=lease_expires_at, now=self._now()
                )
            self._witness(connection, stored=stored, key=key, witness=witness)
        return self._found(*key)

    def heartbeat(
        self, instance: ConnectorInstance, *, drifts: Mapping[str, Text], by: str, witness: Witness
    ) -> Registration:
        """Prolong the lease of an instance, and store what is now not as catalogued.

        Args:
            instance: As `instance` returned it.
            drifts: By dataset.
            by: Subject of the token.
            witness: Records a change of state or drift; not called when nothing but the lease changes.

        Raises:
            RegistrationRefused: It was superseded meanwhile.
        """
        key = (instance.department, instance.connector)
        with self._change() as (connection, stored):
            prolonged = replace(instance, lease_expires_at=self._now() + self.lease_seconds)
            if not storing.prolong(connection, prolonged):
                raise _stale()
            storing.store_drifts(connection, instance.instance_id, drifts=drifts, now=self._now())
            if stored.registrations[key].state is RegistrationState.APPROVED:
                storing.store_state(connection, key, state=RegistrationState.ACTIVE, by=by, reason="", now=self._now())
            self._witness(connection, stored=stored, key=key, witness=witness)
        return self._found(*key)

    def change_state(
        self, department: str, connector: str, *, action: RegistrationAction, by: str, reason: str, witness: Witness
    ) -> Registration:
        """Carry out what somebody decided. What is approved or resumed is active at once when a connector runs.

        Raises:
            RegistrationRefused: There is no such registration, or not in a state for this.
        """
        key = (department, connector)
        with self._change() as (connection, stored):
            known = stored.registrations.get(key)
            if known is None:
                raise RegistrationRefused(
                    f"部门“{department}”没有名为“{connector}”的连接器",
                    f"department '{department}' has no connector '{connector}'",
                )
            before, state = _STEPS[action]
            if known.state not in before:
                raise RegistrationRefused(
                    f"登记状态为 {known.state}，不能执行 {action}", f"the registration is {known.state}: no {action}"
                )
            if state is RegistrationState.APPROVED and self._running(known).instances:
                state = RegistrationState.ACTIVE
            storing.store_state(connection, key, state=state, by=by, reason=reason, now=self._now())
            if state is RegistrationState.WITHDRAWN:
                storing.forget_instances(connection, known.instances)
            self._witness(connection, stored=stored, key=key, witness=witness)
        return self._found(*key)

    def report_drift(self, dataset: str, *, instance_id: str, text: Text, witness: Witness) -> None:
        """Stop `dataset` of one instance, because what it sends is not as catalogued, until a heartbeat agrees.

        Args:
            dataset: Catalogue name.
            instance_id: Of the instance.
            text: What is different.
            witness: Records the drift; not called when nothing changes.

        Raises:
            RegistryUnavailable: The database is lost.
        """
        with self._change() as (connection, stored):
            registration = stored.by_dataset.get(dataset)
            if registration is not None and any(one.instance_id == instance_id for one in registration.instances):
                storing.add_drift(connection, instance_id, dataset=dataset, text=text, now=self._now())
                key = (registration.department, registration.connector)
                self._witness(connection, stored=stored, key=key, witness=witness)

    def put_back(self, connection: Connection, logged: Iterable[LoggedRegistration]) -> None:
        """Suspend or withdraw again what the access log says is: for `StoreWatch.on_return`.

        A suspension that is older than what is stored stays ended: another gateway, with a log of its own, resumed it.

        Args:
            connection: A transaction.
            logged: Every registration that the log knows.
        """
        stored = load_snapshot(connection).registrations
        for one in logged:
            key = (one.department, one.connector)
            state = _at_most(stored.get(key), logged=one)
            if state is not None:
                storing.put_back(connection, key, state=state, logged=one, now=self._now())

    def _current(self) -> Snapshot:
        self._store.require()
        return self._snapshot

    def _running(self, registration: Registration) -> Registration:
        """Return the registration with only the instances whose lease has not ended."""
        now = self._clock_seconds()
        instances = tuple(one for one in registration.instances if one.lease_expires_at > now)
        ids = {instance.instance_id for instance in instances}
        drifts = tuple(drift for drift in registration.drifts if drift.instance_id in ids)
        return replace(registration, instances=instances, drifts=drifts)

    def _now(self) -> int:
        return int(self._clock_seconds())

    @contextmanager
    def _change(self) -> Iterator[tuple[Connection, Snapshot]]:
        with self._store.change(Part.REGISTRY) as (connection, _):
            yield connection, load_snapshot(connection)

    def _witness(self, connection: Connection, *, stored: Snapshot, key: tuple[str, str], witness: Witness) -> None:
        """Have a change recorded, unless it is only a lease."""
        changed = load_snapshot(connection).registrations[key]
        known = stored.registrations.get(key)
        if known is None or _without_leases(changed) != _without_leases(known):
            witness(self._running(changed))

    def _found(self, department: str, connector: str) -> Registration:
        found = self.registration(department, connector)
        if found is None:
            raise RegistryUnavailable("a registration is gone")
        return found

    def _reload(self, connection: Connection) -> None:
        earlier, self._snapshot = self._snapshot, load_snapshot(connection)
        if _all_without_leases(earlier) != _all_without_leases(self._snapshot):
            for listener in self._listeners:
                listener()


def _check_unclaimed(candidate: Candidate, *, stored: Snapshot) -> None:
    """Raise RegistrationRefused when a dataset, or the instance's id, is another registration's."""
    own = (candidate.department, candidate.connector)
    for key, other in stored.registrations.items():
        if key == own:
            continue
        taken = sorted(set(candidate.datasets) & set(other.datasets)) if other.state in LIVE_STATES else []
        if taken:
            raise RegistrationRefused(
                f"数据集“{taken[0]}”已由连接器“{other.connector}”登记",
                f"dataset '{taken[0]}' is registered by connector '{other.connector}'",
            )
        if any(instance.instance_id == candidate.instance_id for instance in other.instances):
            raise RegistrationRefused("实例编号已被使用", "the instance id is in use")


def _check_state(candidate: Candidate, *, known: Registration | None) -> None:
    if known is not None and known.state is RegistrationState.WITHDRAWN:
        raise RegistrationRefused(
            "该登记已撤回；请在连接器配置中换用新的 connector 名称",
            "the registration was withdrawn; give the connector another name (`connector` in its configuration)",
        )
    if known is not None and known.state is RegistrationState.SUSPENDED and known.datasets != candidate.datasets:
        raise RegistrationRefused(
            "登记已停用，期间不能更改数据集；请先恢复",
            "the registration is suspended and its datasets cannot change; have it resumed first",
        )


def _check_replica(
    candidate: Candidate, *, known: Registration | None, same_as: Collection[str], gone: Collection[str]
) -> None:
    """Raise RegistrationRefused unless it is the same as the instances that run elsewhere."""
    if known is None:
        return
    others = [one for one in known.instances if one.endpoint != candidate.endpoint and one.instance_id not in gone]
    if others and known.datasets != candidate.datasets:
        raise RegistrationRefused(
            f"数据集与正在运行的实例 {others[0].endpoint} 不同；请先停止该实例，或换用另一 connector 名称",
            f"its datasets differ from those of {others[0].endpoint}, which runs; stop that one or use another connector name",
        )
    strange = [one for one in others if one.instance_id not in same_as and one.instance_id != candidate.instance_id]
    if strange:
        raise RegistrationRefused(
            f"尚未证明与正在运行的实例 {strange[0].endpoint} 内容相同；请重试",
            f"it was not compared with {strange[0].endpoint}, which runs; register again",
        )


def _stays(instance: ConnectorInstance, *, candidate: Candidate, gone: Collection[str]) -> bool:
    """Tell whether a running instance goes on beside the candidate."""
    return instance.endpoint != candidate.endpoint and instance.instance_id not in (candidate.instance_id, *gone)


def _state_of(candidate: Candidate, *, known: Registration | None) -> RegistrationState:
    """Return the state that a registration has once the candidate is let in."""
    if known is not None and known.datasets == candidate.datasets:
        if known.state in _APPROVED_STATES:
            return RegistrationState.ACTIVE
        if known.state is RegistrationState.SUSPENDED:
            return known.state
    return RegistrationState.REQUESTED if candidate.drifts else RegistrationState.CHECKED


def _at_most(stored: Registration | None, *, logged: LoggedRegistration) -> RegistrationState | None:
    """Return the state that a registration must have when the log has it stopped and the database does not, otherwise None."""
    if logged.state not in (RegistrationState.SUSPENDED, RegistrationState.WITHDRAWN):
        return None
    if stored is None:
        return logged.state
    if stored.state in (logged.state, RegistrationState.WITHDRAWN):
        return None
    is_newer = logged.at >= stored.changed_at  # of what happened in one second, the restriction counts
    return logged.state if is_newer or logged.state is RegistrationState.WITHDRAWN else None


def _without_leases(registration: Registration) -> Registration:
    return replace(registration, instances=tuple(replace(one, lease_expires_at=0) for one in registration.instances))


def _all_without_leases(snapshot: Snapshot) -> list[Registration]:
    return list(map(_without_leases, snapshot.registrations.values()))


def _stale() -> RegistrationRefused:
    return RegistrationRefused(
        "该实例已被新的实例取代，或从未登记", "this instance was superseded by a newer one, or never registered"
    )
