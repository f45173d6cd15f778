"""Purposes name only what exists, and rest on a ground of the law."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.load import load_catalogue

Edit = Callable[[str, str, str], None]
Problems = Callable[[], tuple[str, ...]]
HEALTH_CODE = "datasets/health.health_code.yaml"
LEASE = "datasets/housing.lease.yaml"
EPIDEMIC = "purposes/epidemic-control.yaml"
FIRE = "purposes/fire-safety-inspection.yaml"
GRID = "purposes/grid-inspection.yaml"
STATISTICS = "purposes/population-statistics.yaml"
RENTS = "purposes/rental-statistics.yaml"
VENUE = "purposes/venue-verification.yaml"
ASSISTANCE = "purposes/social-assistance-check.yaml"
WINDOW = "purposes/window-service.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (GRID, "dataset: housing.lease", "dataset: housing.rent", "datasets.housing.rent: does not exist"),
        (GRID, "      sex: {", "      gender: {", "datasets.population.resident.columns.gender: does not exist"),
        (
            GRID,
            "jurisdiction: premises",
            "jurisdiction: residence",
            "datasets.housing.dwelling.jurisdiction: the dataset has no jurisdiction 'residence'",
        ),
        (
            GRID,
            "phone: {action: partial, mask: phone}",
            "phone: {action: partial, mask: name}",
            "datasets.population.resident.columns.phone: mask 'name' is for columns that hold a person_name",
        ),
        (
            GRID,
            "sex: {action: clear}",
            "sex: {action: generalise, mask: date_year}",
            "datasets.population.resident.columns.sex: mask 'date_year' is for dates",
        ),
        (
            GRID,
            "sex: {action: clear}",
            "sex: {action: generalise, mask: age_band}",
            "datasets.population.resident.columns.sex: mask 'age_band' is for dates",
        ),
        (
            GRID,
            "sex: {action: clear}",
            "sex: {action: generalise, mask: bucket}",
            "datasets.population.resident.columns.sex: mask 'bucket' is for columns with buckets",
        ),
        (
            FIRE,
            "floors_total: {action: clear}",
            "floors_total: {action: generalise, mask: bucket}",
            "datasets.housing.dwelling.columns.floors_total: mask 'bucket' is for columns with buckets",
        ),
        (
            GRID,
            "phone: {action: partial, mask: phone}",
            "phone: {action: partial, mask: address_lane}",
            "datasets.population.resident.columns.phone: mask 'address_lane' is for columns that hold a address",
        ),
        (
            GRID,
            "phone: {action: partial, mask: phone}",
            "phone: {action: partial, mask: address_committee}",
            "datasets.population.resident.columns.phone: mask 'address_committee' is for columns that hold a address",
        ),
        (
            GRID,
            "birth_date: {action: generalise, mask: date_year}",
            "birth_date: {action: pseudonym}",
            "datasets.population.resident.columns.birth_date: only strings can be pseudonymised",
        ),
        (
            STATISTICS,
            "household_id: {action: pseudonym}\n      division_code",
            "division_code",
            "datasets.population.household.columns.household_id: statistics count it, so it must be 'pseudonym'",
        ),
        (
            STATISTICS,
            "resident_id: {action: pseudonym}",
            'resident_id: {action: "null"}',
            "datasets.population.resident.columns.resident_id: statistics count it, so it must be 'pseudonym'",
        ),
        (
            RENTS,
            "lessee_resident_id: {action: pseudonym}",
            "lessee_resident_id: {action: clear}",
            "datasets.housing.lease.columns.lessee_resident_id: statistics count it, so it must be 'pseudonym'",
        ),
        (
            STATISTICS,
            "jurisdiction: residence",
            "jurisdiction: anywhere",
            "datasets.population.resident.jurisdiction: "
            "'anywhere' is ambiguous, the dataset has more than one kind of jurisdiction",
        ),
        (
            ASSISTANCE,
            "dwelling_code: {action: lookup}",
            "certificate_number: {action: lookup}",
            "datasets.housing.dwelling.columns.certificate_number: a look-up key is never null and compares exactly",
        ),
        (ASSISTANCE, "case_required: true\n", "", "case_pattern: needs case_required"),
        (
            ASSISTANCE,
            '"SA-[0-9]{4}-[0-9]{6}"',
            '"(?=SA)SA"',
            "case_pattern: RE2 has no look-around and no back-references",
        ),
        (
            ASSISTANCE,
            '"SA-[0-9]{4}-[0-9]{6}"',
            '"SA-["',
            "case_pattern: is no regular expression (unterminated character set at position 3)",
        ),
        (
            VENUE,
            "active_from: 2022-05-24",
            "active_from: 2022-05-24\nactive_until: 2022-05-23",
            "active_until: is before active_from",
        ),
        (VENUE, '"6"', '"6-1"', "legal_basis.3.article: '6-1' is not like 13, 13(1) or 13(1)(3)"),
        (
            STATISTICS,
            "birth_date: {action: generalise, mask: age_band}",
            "birth_date: {action: clear}",
            "datasets.population.resident.columns.birth_date: statistics group by it, so it must be generalised",
        ),
        (
            LEASE,
            "clamp: {low: 0, high: 20000}",
            "groupable: true\n    clamp: {low: 0, high: 20000}",
            "datasets.housing.lease.columns.monthly_rent: statistics group by it, so it must be generalised",
        ),
        (
            LEASE,
            "    clamp: {low: 0, high: 20000}\n",
            "",
            "datasets.housing.lease.columns.monthly_rent: statistics sum it, so the dataset must clamp it",
        ),
        (
            LEASE,
            "nullable: false\n    clamp: {low: 0, high: 20000}",
            "nullable: true\n    clamp: {low: 0, high: 20000}",
            "datasets.housing.lease.columns.monthly_rent: statistics sum it, so it must not be nullable: "
            "the count of its values is another than that of the rows",
        ),
        (
            EPIDEMIC,
            "[health-with-whereabouts]",
            "[health-with-everything]",
            "permitted_combinations: 'health-with-everything' does not exist",
        ),
    ],
)
def test_purpose(edit: Edit, problems: Problems, file: str, old: str, new: str, problem: str) -> None:
    """A purpose names only what exists, in forms that fit, with limits that can be enforced."""
    edit(file, old, new)
    assert problems() == (f"{RENTS if file == LEASE else file}: {problem}",)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (
            GRID,
            "lawful_ground: statutory_duty",
            "lawful_ground: statutory_duty\nconsent_required: true",
            "consent_required: a purpose on ground 'statutory_duty' must not ask for consent (PIPL 13(2))",
        ),
        (WINDOW, "consent_required: true\n", "", "consent_required: ground 'consent' needs it (PIPL 13(1)(1))"),
        (
            GRID,
            "13(1)(3)",
            "13(1)",
            "legal_basis: ground 'statutory_duty' must be cited as 《中华人民共和国个人信息保护法》 13(1)(3)",
        ),
        (
            GRID,
            "13(1)(3)",
            "13(1)(4)",
            "legal_basis: ground 'statutory_duty' must be cited as 《中华人民共和国个人信息保护法》 13(1)(3)",
        ),
        (
            WINDOW,
            "zh: 《中华人民共和国个人信息保护法》",
            "zh: 《中华人民共和国民法典》",
            "legal_basis: ground 'consent' must be cited as 《中华人民共和国个人信息保护法》 13(1)(1)",
        ),
        (
            WINDOW,
            "lessee_resident_id: {action: lookup}\n      lease_id: {action: clear}",
            "lessee_resident_id: {action: pseudonym}\n      lease_id: {action: lookup}",
            "datasets.housing.lease: consent is given by person, so a resident_id must be the look-up key",
        ),
        (
            WINDOW,
            "    lookup_values_max: 1\n    columns:\n      lessee_resident_id: {action: lookup}\n",
            "    columns:\n",
            "datasets.housing.lease: consent is given by person, so a resident_id must be the look-up key",
        ),
    ],
)
def test_lawful_ground(edit: Edit, problems: Problems, file: str, old: str, new: str, problem: str) -> None:
    """A purpose asks for consent exactly when consent is its ground, person by person, and cites its ground."""
    edit(file, old, new)
    assert problems() == (f"{file}: {problem}",)


def test_emergency_only(edit: Edit, problems: Problems) -> None:
    """A dataset for emergencies cannot be opened by a purpose that needs none."""
    edit(EPIDEMIC, "emergency_required: true\n", "")
    assert problems() == (
        f"{EPIDEMIC}: datasets.health.health_code: is for emergencies only, and the purpose has no emergency_required",
    )


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (GRID, "rows_per_day_max: 50000", "rows_per_day_max: 50000\n  lookups_per_day_max: 10"),
        (VENUE, "  lookups_per_day_max: 200\n", ""),
    ],
)
def test_lookup_quota(edit: Edit, problems: Problems, file: str, old: str, new: str) -> None:
    """A purpose limits look-ups a day exactly when it has look-ups."""
    edit(file, old, new)
    assert problems() == (f"{file}: entry: Value error, lookups_per_day_max and look-ups belong together",)


@pytest.mark.parametrize(
    ("old", "new"),
    [("quota:\n  rows_per_day_max: 50000\n", ""), ("rows_per_day_max: 50000", "rows_per_day_max: 0")],
)
def test_row_quota(edit: Edit, problems: Problems, old: str, new: str) -> None:
    """Every purpose limits the rows of a day."""
    edit(GRID, old, new)
    (problem,) = problems()
    assert problem.startswith(f"{GRID}: quota")


def test_ground_is_named(edit: Edit, problems: Problems) -> None:
    """A purpose without a lawful ground is refused."""
    edit(GRID, "lawful_ground: statutory_duty\n", "")
    assert problems() == (f"{GRID}: lawful_ground: Field required",)


def test_one_day(edit: Edit, root: Path) -> None:
    """A purpose may be active for a single day."""
    edit(VENUE, "active_from: 2022-05-24", "active_from: 2022-05-24\nactive_until: 2022-05-24")
    assert load_catalogue(root).purposes["venue-verification"].active_until is not None


def test_not_shared(edit: Edit, problems: Problems) -> None:
    """A dataset that is not shared cannot be opened by any purpose."""
    edit(HEALTH_CODE, "sharing_class: conditional", "sharing_class: not_shared")
    assert problems() == (
        "purposes/epidemic-control.yaml: datasets.health.health_code: is not shared with anyone",
        "purposes/venue-verification.yaml: datasets.health.health_code: is not shared with anyone",
    )


def test_dataset_named_twice(edit: Edit, problems: Problems) -> None:
    """A purpose says only once what it needs of a dataset."""
    edit("purposes/enterprise-visits.yaml", "dataset: legal_entity.licence", "dataset: legal_entity.enterprise")
    assert "purposes/enterprise-visits.yaml: datasets.legal_entity.enterprise: is named twice" in problems()


def test_purpose_lookalike(root: Path, problems: Problems) -> None:
    """A second purpose whose id looks like another's is refused."""
    text = (root / GRID).read_text("utf-8")
    (root / "purposes/grid-inspecti0n.yaml").write_text(text.replace("grid-inspection", "grid-inspecti0n", 1), "utf-8")
    assert problems() == (f"{GRID}: grid-inspection: can be confused with the name in purposes/grid-inspecti0n.yaml",)
