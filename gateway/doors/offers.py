"""What the catalogue offers one requester now. It only shows; the policy decides."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.catalogue import Catalogue
from catalog.purpose import Purpose
from catalog.vocabulary import SharingClass
from gateway.model.requester import Agreement, Emergency, Requester


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

    def purposes(self) -> list[Purpose]:
        """Return the purposes that the requester may declare, sorted by id."""
        return [purpose for _, purpose in sorted(self.catalogue.purposes.items()) if self.may_declare(purpose)]

    def may_declare(self, purpose: Purpose) -> bool:
        """Tell whether a purpose is open to the requester's kind of office and roles."""
        return self.requester.office_kind in purpose.office_kinds and bool(self.requester.roles & purpose.roles)

    def datasets(self, purpose: Purpose) -> list[str]:
        """Return the datasets that a purpose opens, sorted; those for emergencies only while one is in force here."""
        return sorted(
            need.dataset
            for need in purpose.datasets
            if not self.catalogue.datasets[need.dataset].emergency_only or self.emergency(purpose)
        )

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
        in_force = (
            agreement
            for agreement in self.agreements
            if agreement.controller == self.catalogue.datasets[dataset].controller
            and dataset in agreement.datasets
            and purpose.id in agreement.purposes
            and self.requester.division_code.startswith(agreement.recipient)
            and agreement.valid_from <= self.time < agreement.valid_until
        )
        return next(in_force, None)
