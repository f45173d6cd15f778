"""What the catalogue shows of purposes, emergencies and agreements."""

from __future__ import annotations

import dataclasses

import pytest

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind, Role, SharingClass
from gateway.doors.offers import Offers
from gateway.model.requester import Agreement, Emergency, Requester

NOW = 1_800_000_000
CODE = "health.health_code"
EPIDEMIC = "epidemic-control"
REQUESTER = Requester(
    subject="clerk",
    token_id="t",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
EMERGENCY = Emergency(id="e-1", area="310101", purposes=(EPIDEMIC,), starts_at=NOW, ends_at=NOW + 10)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def offers(catalogue: Catalogue) -> Offers:
    return Offers(requester=REQUESTER, time=NOW, catalogue=catalogue, emergencies=(EMERGENCY,), agreements=(), stops=())


def test_only_purposes_of_the_office_and_role_are_offered(offers: Offers, catalogue: Catalogue) -> None:
    """A purpose of other offices or roles is not shown."""
    shown = offers.purposes()
    assert EPIDEMIC in [purpose.id for purpose in shown]
    assert all(OfficeKind.STREET in purpose.office_kinds and Role.CLERK in purpose.roles for purpose in shown)
    assert [purpose.id for purpose in shown] == sorted(purpose.id for purpose in shown)
    nobody = dataclasses.replace(offers, requester=dataclasses.replace(REQUESTER, roles=frozenset({Role.CONNECTOR})))
    assert nobody.purposes() == []


def test_a_dataset_for_emergencies_is_shown_while_one_is_in_force_here(offers: Offers, catalogue: Catalogue) -> None:
    """An emergency in force that covers the office opens it to view."""
    assert catalogue.datasets[CODE].emergency_only
    assert CODE in offers.datasets(catalogue.purposes[EPIDEMIC])
    assert offers.emergency(catalogue.purposes[EPIDEMIC]) == EMERGENCY


@pytest.mark.parametrize(
    "change",
    [
        {"area": "310107"},
        {"area": "3101010020"},
        {"purposes": ("venue-verification",)},
        {"starts_at": NOW + 1},
        {"ends_at": NOW},
    ],
)
def test_it_is_hidden_otherwise(offers: Offers, catalogue: Catalogue, change: dict[str, object]) -> None:
    """Another area, another purpose, before its start, from its end on: as if the dataset did not exist."""
    other = dataclasses.replace(offers, emergencies=(dataclasses.replace(EMERGENCY, **change),))
    assert CODE not in other.datasets(catalogue.purposes[EPIDEMIC])
    assert other.emergency(catalogue.purposes[EPIDEMIC]) is None


def conditional(catalogue: Catalogue) -> tuple[str, str]:
    """Return a purpose of everyday work that a street clerk may declare, and a conditional dataset of it."""
    for purpose in Offers(
        requester=REQUESTER, time=NOW, catalogue=catalogue, emergencies=(), agreements=(), stops=()
    ).purposes():
        for need in purpose.datasets:
            dataset = catalogue.datasets[need.dataset]
            if dataset.sharing_class is SharingClass.CONDITIONAL and not dataset.emergency_only:
                return purpose.id, dataset.name
    raise AssertionError("the catalogue shares nothing conditionally with streets")


def agreement(catalogue: Catalogue) -> Agreement:
    purpose, dataset = conditional(catalogue)
    return Agreement(
        id="a-1",
        controller=catalogue.datasets[dataset].controller,
        recipient="310101",
        datasets=(dataset,),
        purposes=(purpose,),
        valid_from=NOW,
        valid_until=NOW + 10,
    )


def test_an_agreement_in_force_is_shown(offers: Offers, catalogue: Catalogue) -> None:
    """The controller's agreement with the office's district covers the office."""
    purpose, dataset = conditional(catalogue)
    assert dataset in offers.conditional(catalogue.purposes[purpose])
    assert offers.agreement(catalogue.purposes[purpose], dataset) is None
    agreed = dataclasses.replace(offers, agreements=(agreement(catalogue),))
    assert agreed.agreement(catalogue.purposes[purpose], dataset) == agreement(catalogue)


@pytest.mark.parametrize(
    "change",
    [
        {"controller": "nobody"},
        {"recipient": "310107"},
        {"datasets": ()},
        {"purposes": ("population-statistics",)},
        {"valid_from": NOW + 1},
        {"valid_until": NOW},
    ],
)
def test_any_other_agreement_is_none(offers: Offers, catalogue: Catalogue, change: dict[str, object]) -> None:
    """One of another controller, recipient, dataset, purpose or time does not count."""
    purpose, dataset = conditional(catalogue)
    other = dataclasses.replace(agreement(catalogue), **change)
    agreed = dataclasses.replace(offers, agreements=(other,))
    assert agreed.agreement(catalogue.purposes[purpose], dataset) is None
