"""What the catalogue offers one requester now. It only shows; the policy decides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from catalog.catalogue import Catalogue
from catalog.governance import Stop, StopKind
from catalog.purpose import DatasetNeed, Purpose
from catalog.vocabulary import Role, SharingClass
from gateway.model.requester import Agreement, Emergency, Requester
from gateway.query_path import QueryPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Purposes and datasets that are open to one requester at one moment."""

    requester: Requester
    time: int
    """Seconds since 1970-01-01 UTC."""
    catalogue: Catalogue
    emergencies: tuple[Emergency, ...]
    """Those not ended."""
    agreements: tuple[Agreement, ...]
    """Those not revoked."""
    stops: tuple[Stop, ...]
    """Those not lifted."""

    def purposes(self) -> list[Purpose]:
        """Return the purposes that the requester may declare, sorted by id."""
        return [purpose for _, purpose in sorted(self.catalogue.purposes.items()) if self.may_declare(purpose)]

    def may_declare(self, purpose: Purpose) -> bool:
        """Tell whether a purpose is open to the requester's kind of office and roles."""
        return self.requester.office_kind in purpose.office_kinds and bool(self.requester.roles & purpose.roles)

    def datasets(self, purpose: Purpose) -> list[str]:
        """Return the datasets that a purpose opens, sorted; those for emergencies only while one is in force here.

        Of a purpose that others may declare a steward is told the own department's datasets only.
        """
        if self.may_declare(purpose):
            return sorted(need.dataset for need in self._needs(purpose))
        return sorted(need.dataset for need in purpose.datasets if self.controls(need.dataset))

    def opened(self) -> dict[str, Mapping[str, DatasetNeed]]:
        """Return the datasets that are open to the requester in the catalogue's order, with what each purpose needs, by id.

        A steward sees the department's own datasets with every purpose that anybody may use them for.
        """
        opened: dict[str, dict[str, DatasetNeed]] = {}
        for purpose in self.purposes():
            for need in self._needs(purpose):
                opened.setdefault(need.dataset, {})[purpose.id] = need
        for name in self.catalogue.datasets if Role.STEWARD in self.requester.roles else ():
            if self.controls(name):
                needs = {id: purpose.need(name) for id, purpose in sorted(self.catalogue.purposes.items())}
                opened[name] = {id: need for id, need in needs.items() if need is not None}
        return {name: opened[name] for name in self.catalogue.datasets if name in opened}

    def controls(self, dataset: str) -> bool:
        """Tell whether the requester is a steward of the dataset's controller."""
        own = self.requester.department == self.catalogue.datasets[dataset].controller
        return own and Role.STEWARD in self.requester.roles

    def visible(self, dataset: str, *, needs: Mapping[str, DatasetNeed]) -> frozenset[str]:
        """Return the columns of a dataset that the requester may know of: those that a purpose needs, all for its steward."""
        if self.controls(dataset):
            return frozenset(column.name for column in self.catalogue.datasets[dataset].columns)
        return frozenset(name for need in needs.values() for name in need.columns)

    def _needs(self, purpose: Purpose) -> Iterator[DatasetNeed]:
        for need in purpose.datasets:
            if not self.catalogue.datasets[need.dataset].emergency_only or self.emergency(purpose):
                yield need

    def stopped_datasets(self) -> frozenset[str]:
        """Return the datasets that are stopped for the requester."""
        targets = {stop.target for stop in self.stops if stop.kind is StopKind.DATASET}
        controllers = {
            stop.controller
            for stop in self.stops
            if stop.kind is StopKind.OFFICE and stop.target == self.requester.office
        }
        stopped = (d.name for d in self.catalogue.datasets.values() if d.name in targets or d.controller in controllers)
        return frozenset(stopped)

    def is_stopped(self, dataset: str, column: str) -> bool:
        """Tell whether one column of a dataset is stopped."""
        return any(stop.kind is StopKind.COLUMN and stop.target == f"{dataset}.{column}" for stop in self.stops)

    def told_of(self) -> frozenset[Stop]:
        """Return the stops of what is offered to the requester, of the requester's office, and of agreements with it."""
        opened = self.opened()
        columns = {f"{name}.{column}" for name, needs in opened.items() for column in self.visible(name, needs=needs)}
        agreements = {a.id for a in self.agreements if self._receives(a) and not opened.keys().isdisjoint(a.datasets)}
        targets: dict[StopKind, Collection[str]] = {
            StopKind.DATASET: opened,
            StopKind.COLUMN: columns,
            StopKind.OFFICE: (self.requester.office,),
            StopKind.AGREEMENT: agreements,
        }
        return frozenset(stop for stop in self.stops if stop.target in targets[stop.kind])

    def emergency(self, purpose: Purpose) -> Emergency | None:
        """Return the emergency in force that opens a purpose to the requester's office."""
        covering = (
            emergency
            for emergency in self.emergencies
            if purpose.emergency_required
            and purpose.id in emergency.purposes
            and self.requester.division_code.startswith(emergency.area)
            and emergency.starts_at <= self.time < emergency.ends_at
        )
        return next(covering, None)

    def conditional(self, purpose: Purpose) -> list[str]:
        """Return those of a purpose's datasets that need an agreement of their controller."""
        return [
            name
            for name in self.datasets(purpose)
            if self.catalogue.datasets[name].sharing_class is SharingClass.CONDITIONAL
        ]

    def agreement(self, purpose: Purpose, dataset: str) -> Agreement | None:
        """Return an agreement in force of the dataset's controller with the requester's office."""
        stopped = {stop.target for stop in self.stops if stop.kind is StopKind.AGREEMENT}
        in_force = (
            agreement
            for agreement in self.agreements
            if agreement.id not in stopped
            and agreement.controller == self.catalogue.datasets[dataset].controller
            and dataset in agreement.datasets
            and purpose.id in agreement.purposes
            and self._receives(agreement)
            and agreement.valid_from <= self.time < agreement.valid_until
        )
        return next(in_force, None)

    def _receives(self, agreement: Agreement) -> bool:
        """Tell whether an agreement is with the requester's office."""
        of_recipient = self.requester.division_code.startswith(agreement.recipient)
        return of_recipient and agreement.office in ("", self.requester.office)


def offers_to(requester: Requester, *, path: QueryPath) -> Offers:
    """Return what is offered to the requester now."""
    return Offers(
        requester=requester,
        time=int(path.clock_seconds()),
        catalogue=path.catalogue,
        emergencies=path.standing.emergencies(),
        agreements=path.standing.agreements(set(path.catalogue.datasets)),
        stops=path.standing.stops(),
    )
