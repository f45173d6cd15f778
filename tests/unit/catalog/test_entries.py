"""What the packaged entries promise."""

from __future__ import annotations

import csv
from collections import Counter

import pyarrow as pa
import pytest

from catalog.catalogue import Catalogue
from catalog.dataset import Clamp
from catalog.load import ENTRIES, load_catalogue
from catalog.vocabulary import ColumnAction, Jurisdiction, Mask, OfficeKind


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_offices(catalogue: Catalogue) -> None:
    """The city, 16 districts, 234 townships and streets, five departments, the audit office and its stewards may ask."""
    kinds = Counter(office.kind for office in catalogue.offices.values())
    assert kinds == {
        OfficeKind.CITY: 1,
        OfficeKind.DISTRICT: 16,
        OfficeKind.STREET: 234,
        OfficeKind.DEPARTMENT: 6,
        OfficeKind.AUDIT: 1,
    }


def test_committees(catalogue: Catalogue) -> None:
    """Committees are divisions and never offices."""
    committees = {code for code, division in catalogue.divisions.items() if division.kind == "committee"}
    assert len(committees) == 6509
    assert not committees & catalogue.offices.keys()


def test_office_jurisdiction(catalogue: Catalogue) -> None:
    """An office is responsible for the division whose code it bears, the city and departments for all of it."""
    codes = {office.id: office.division_code for office in catalogue.offices.values()}
    assert codes["310101002"] == "310101002"
    assert codes["310101"] == "310101"
    assert {codes["shanghai"], codes["dept-health"], codes["audit-office"]} == {"31"}


def test_office_titles(catalogue: Catalogue) -> None:
    """Offices have titles in both languages."""
    title = catalogue.offices["310101002"].title
    assert (title.zh, title.en) == ("南京东路街道", "Nanjing East Road Subdistrict")
    assert all(office.title.en.isprintable() and office.title.en[0].isascii() for office in catalogue.offices.values())


def test_datasets(catalogue: Catalogue) -> None:
    """Nine datasets belong to the five departments, three about the access log to the audit office."""
    assert {name: dataset.controller for name, dataset in catalogue.datasets.items()} == {
        "audit.access_log": "audit_office",
        "audit.accessed_column": "audit_office",
        "audit.looked_up_person": "audit_office",
        "civil_affairs.social_assistance": "civil_affairs",
        "health.health_code": "health",
        "health.vaccination": "health",
        "housing.dwelling": "housing",
        "housing.lease": "housing",
        "legal_entity.enterprise": "market_supervision",
        "legal_entity.licence": "market_supervision",
        "population.household": "public_security",
        "population.resident": "public_security",
    }


def test_schema(catalogue: Catalogue) -> None:
    """A dataset's Arrow schema has catalogue order, types and nullability."""
    assert catalogue.datasets["health.health_code"].schema == pa.schema(
        [
            pa.field("resident_id", pa.string(), nullable=False),
            pa.field("name", pa.string(), nullable=False),
            pa.field("phone", pa.string()),
            pa.field("residence_division", pa.string(), nullable=False),
            pa.field("colour", pa.string(), nullable=False),
            pa.field("reason", pa.string()),
            pa.field("status", pa.string(), nullable=False),
            pa.field("assigned_at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("expires_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ]
    )


def test_census_districts(catalogue: Catalogue) -> None:
    """The census counts the residents of exactly the 16 districts, 24,870,895 in all."""
    with (ENTRIES / "census2020_shanghai_districts.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    districts = {code for code, division in catalogue.divisions.items() if division.kind == "district"}
    assert {row["district_code"] for row in rows} == districts
    assert sum(int(row["residents"]) for row in rows) == 24_870_895


def test_no_onward_sharing(catalogue: Catalogue) -> None:
    """No purpose lets a recipient pass data on, and every purpose has an end to keeping it."""
    assert not any(purpose.obligations.onward_sharing for purpose in catalogue.purposes.values())
    assert all(purpose.obligations.retention_days <= 365 for purpose in catalogue.purposes.values())


def test_health_data_stay_with_health(catalogue: Catalogue) -> None:
    """Health codes serve epidemic control and venue checks in an emergency, vaccinations outreach without names."""
    users = {
        need.dataset: {p.id for p in catalogue.purposes.values() if p.need(need.dataset) is not None}
        for purpose in catalogue.purposes.values()
        for need in purpose.datasets
        if need.dataset.startswith("health.")
    }
    assert users == {
        "health.health_code": {"epidemic-control", "venue-verification"},
        "health.vaccination": {"vaccination-outreach"},
    }
    assert catalogue.datasets["health.health_code"].emergency_only
    assert all(catalogue.purposes[id_].emergency_required for id_ in users["health.health_code"])


def test_outreach_knows_nobody(catalogue: Catalogue) -> None:
    """Vaccination outreach joins people of two departments by pseudonym and sees no name, address or telephone."""
    treatments = {
        need.dataset: {name: treatment.mask or treatment.action for name, treatment in need.columns.items()}
        for need in catalogue.purposes["vaccination-outreach"].datasets
    }
    assert treatments == {
        "health.vaccination": {
            "resident_id": ColumnAction.PSEUDONYM,
            "vaccinated_date": Mask.DATE_MONTH,
            "residence_division": ColumnAction.CLEAR,
        },
        "population.resident": {
            "resident_id": ColumnAction.PSEUDONYM,
            "birth_date": Mask.AGE_BAND,
            "sex": ColumnAction.CLEAR,
            "residence_division": ColumnAction.CLEAR,
        },
    }


def test_epidemic_control_joins(catalogue: Catalogue) -> None:
    """Epidemic control joins health codes with residents by pseudonym, and alone may bring health to an address."""
    purpose = catalogue.purposes["epidemic-control"]
    assert {need.columns["resident_id"].action for need in purpose.datasets} == {ColumnAction.PSEUDONYM}
    permitted = {p.id for p in catalogue.purposes.values() if p.permitted_combinations}
    assert permitted == {"epidemic-control"}


@pytest.mark.parametrize("combination", ["health-with-whereabouts", "health-with-finances"])
def test_combinations_are_not_offered(catalogue: Catalogue, combination: str) -> None:
    """No purpose names the columns of a forbidden combination unless it is permitted to."""
    hidden = {ColumnAction.NULL, ColumnAction.PSEUDONYM, ColumnAction.DENY}
    for purpose in catalogue.purposes.values():
        released = {
            kind
            for need in purpose.datasets
            for name, treatment in need.columns.items()
            if treatment.action not in hidden and (column := catalogue.datasets[need.dataset].column(name)) is not None
            for kind in (column.category, column.identifier)
        }
        members = catalogue.combinations[combination].members
        combined = all(released & (member.categories | member.identifiers) for member in members)
        assert combined == (combination in purpose.permitted_combinations), purpose.id


def test_window_service(catalogue: Catalogue) -> None:
    """At the window one resident is looked up at a time, with consent; no other purpose asks for consent."""
    purpose = catalogue.purposes["window-service"]
    assert {need.lookup_values_max for need in purpose.datasets} == {1}
    assert {need.dataset for need in purpose.datasets} == {
        "civil_affairs.social_assistance",
        "housing.lease",
        "population.resident",
    }
    assert [p.id for p in catalogue.purposes.values() if p.consent_required] == ["window-service"]


def test_statistics(catalogue: Catalogue) -> None:
    """Statistics group by age bands and sum rents of at most 20,000 yuan; nothing sums people, who could be subtracted."""
    need = catalogue.purposes["population-statistics"].need("population.resident")
    birth_date = catalogue.datasets["population.resident"].column("birth_date")
    households = catalogue.purposes["population-statistics"].need("population.household")
    monthly_rent = catalogue.datasets["housing.lease"].column("monthly_rent")
    assert need is not None
    assert need.columns["birth_date"].mask is Mask.AGE_BAND
    assert birth_date is not None
    assert birth_date.groupable
    assert households is not None
    assert "member_count" not in households.columns
    assert monthly_rent is not None
    assert monthly_rent.clamp == Clamp(low=0, high=20_000)


def test_buckets(catalogue: Catalogue) -> None:
    """A fire inspection learns the size class of an enterprise, not its number of employees."""
    need = catalogue.purposes["fire-safety-inspection"].need("legal_entity.enterprise")
    employees = catalogue.datasets["legal_entity.enterprise"].column("employees")
    assert need is not None
    assert need.columns["employees"].mask is Mask.BUCKET
    assert employees is not None
    assert employees.buckets == (0, 10, 50, 100, 300, 1000)


def test_quotas(catalogue: Catalogue) -> None:
    """One query never exceeds the rows of a day, and a venue checks at most 200 people a day."""
    assert all(p.obligations.rows_max <= p.quota.rows_per_day_max for p in catalogue.purposes.values())
    assert catalogue.purposes["venue-verification"].quota.lookups_per_day_max == 200


def test_venue_verification(catalogue: Catalogue) -> None:
    """A venue check finds one person by identity number anywhere in the city and learns colour and state only."""
    need = catalogue.purposes["venue-verification"].need("health.health_code")
    assert need is not None
    assert {name: treatment.action for name, treatment in need.columns.items()} == {
        "resident_id": ColumnAction.LOOKUP,
        "colour": ColumnAction.CLEAR,
        "status": ColumnAction.CLEAR,
    }
    assert (need.lookup_values_max, need.jurisdiction) == (1, Jurisdiction.ANYWHERE)


def test_whole_identity_numbers(catalogue: Catalogue) -> None:
    """No purpose releases an identity number in the clear."""
    released = {
        (purpose.id, need.dataset, name)
        for purpose in catalogue.purposes.values()
        for need in purpose.datasets
        for name, treatment in need.columns.items()
        if treatment.action is ColumnAction.CLEAR
        and (column := catalogue.datasets[need.dataset].column(name)) is not None
        and column.identifier == "resident_id"
    }
    assert released == set()


def test_clerks_clearance_suffices(catalogue: Catalogue) -> None:
    """Everything a purpose opens is within the clearance of a clerk, general-3."""
    grades = catalogue.grades
    above = {
        (purpose.id, need.dataset, name)
        for purpose in catalogue.purposes.values()
        for need in purpose.datasets
        for name, treatment in need.columns.items()
        if (column := catalogue.datasets[need.dataset].column(name)) is not None
        and grades.rank(grades.grade_of_treated.get(treatment.action, column.grade)) > grades.rank("general-3")
    }
    assert above == set()


def test_mappings_are_read_only(catalogue: Catalogue) -> None:
    """A loaded catalogue cannot be changed."""
    with pytest.raises(TypeError):
        catalogue.purposes["x"] = catalogue.purposes["venue-verification"]  # type: ignore[index]
