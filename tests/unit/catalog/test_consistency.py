from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.consistency import skeleton
from catalog.load import load_catalogue

Edit = Callable[[str, str, str], None]
Problems = Callable[[], tuple[str, ...]]

RESIDENT = "datasets/population.resident.yaml"
HEALTH_CODE = "datasets/health.health_code.yaml"
ENTERPRISE = "datasets/legal_entity.enterprise.yaml"
HOUSEHOLD = "datasets/population.household.yaml"
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
        (RESIDENT, "grade: general-3", "grade: general-9", "columns.resident_id: grade 'general-9' does not exist"),
        (
            RESIDENT,
            "controller: public_security",
            "controller: police",
            "controller: department 'police' does not exist",
        ),
        (
            RESIDENT,
            "registration: registration_division",
            "registration: residence_address",
            "jurisdiction.registration: 'residence_address' is not a division code that is always known",
        ),
        (
            HEALTH_CODE,
            "residence: residence_division",
            "anywhere: residence_division",
            "jurisdiction: needs at least one column, and 'anywhere' names none",
        ),
        (
            HEALTH_CODE,
            "primary_key: [resident_id]",
            "primary_key: [phone]",
            "columns.phone: a key must not be nullable",
        ),
        (HEALTH_CODE, "code: yellow", "code: green", "columns.colour: a code is repeated"),
        (
            HEALTH_CODE,
            "references: population.resident",
            "references: population.person",
            "foreign_keys: 'resident_id → population.person': the dataset does not exist",
        ),
        (
            HEALTH_CODE,
            "references: population.resident",
            "references: health.vaccination",
            "foreign_keys: 'resident_id → health.vaccination': the primary key there has 2 column(s)",
        ),
        (
            HEALTH_CODE,
            "references: population.resident",
            "references: population.household",
            "foreign_keys: 'resident_id → population.household': "
            "'resident_id' and 'population.household.household_id' hold different things",
        ),
        (
            RESIDENT,
            "identifier: phone",
            "identifier: phone\n    watermark: true",
            "columns.phone: watermark is for free text",
        ),
        (
            HEALTH_CODE,
            "name: expires_at\n    type: timestamp",
            "name: expires_at\n    identifier: phone\n    type: timestamp",
            "columns.expires_at: codes and identifiers are strings",
        ),
        (
            RESIDENT,
            "name: sex\n    type: string",
            "name: sex\n    clamp: {low: 1, high: 2}\n    type: string",
            "columns.sex: clamp is for numbers",
        ),
        (
            RESIDENT,
            "name: sex\n    type: string",
            "name: sex\n    buckets: [1, 2]\n    type: string",
            "columns.sex: buckets: are for whole numbers",
        ),
        (
            ENTERPRISE,
            "name: registered_capital\n    type: float64",
            "name: registered_capital\n    buckets: [1, 2]\n    type: float64",
            "columns.registered_capital: buckets: are for whole numbers",
        ),
        (
            ENTERPRISE,
            "buckets: [0, 10, 50, 100, 300, 1000]",
            "buckets: [0]",
            "columns.employees: buckets: needs at least two bounds, ascending",
        ),
        (
            ENTERPRISE,
            "buckets: [0, 10, 50,",
            "buckets: [0, 50, 10,",
            "columns.employees: buckets: needs at least two bounds, ascending",
        ),
        (
            ENTERPRISE,
            "buckets: [0, 10,",
            "buckets: [0, 0, 10,",
            "columns.employees: buckets: needs at least two bounds, ascending",
        ),
        (
            ENTERPRISE,
            "300, 1000]",
            "300, 2147483648]",
            "columns.employees: buckets: a bound is no int32",
        ),
        (
            ENTERPRISE,
            "buckets: [0, 10,",
            "buckets: [-2147483649, 10,",
            "columns.employees: buckets: a bound is no int32",
        ),
        (
            HOUSEHOLD,
            "clamp: {low: 1, high: 10}",
            "clamp: {low: 10, high: 10}",
            "columns.4.clamp: Value error, low must be less than high",
        ),
    ],
)
def test_dataset(edit: Edit, problems: Problems, file: str, old: str, new: str, problem: str) -> None:
    """A dataset refers only to what exists, and its keys and divisions are always known."""
    edit(file, old, new)
    assert f"{file}: {problem}" in problems()


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


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "    - identifiers: [address]\n    - identifiers: [phone]\n",
            "",
            "0.members: Tuple should have at least 2 items after validation, not 1",
        ),
        ("- identifiers: [phone]", "- identifiers: []", "0.members.2: Value error, needs a category or an identifier"),
        (
            "- identifiers: [phone]",
            "- identifiers: [shoe_size]",
            "0.members.2.identifiers.0: Input should be 'resident_id', 'credit_code', 'person_name', 'phone', "
            "'address', 'dwelling_code', 'household_id', 'division_code', 'licence_id' or 'lease_id'",
        ),
        (
            'article: "28"',
            'article: "28.2"',
            "health-with-whereabouts: legal_basis.0.article: '28.2' is not like 13, 13(1) or 13(1)(3)",
        ),
    ],
)
def test_combination(edit: Edit, problems: Problems, old: str, new: str, problem: str) -> None:
    """A combination brings together at least two things that the catalogue knows, and cites its article."""
    edit("combinations.yaml", old, new)
    assert problems() == (f"combinations.yaml: {problem}",)


def test_combination_lookalike(edit: Edit, problems: Problems) -> None:
    """Two combinations whose ids look alike are refused."""
    edit("combinations.yaml", "id: health-with-finances", "id: health_with_whereabouts")
    assert problems() == ("combinations.yaml: health_with_whereabouts: can be confused with 'health-with-whereabouts'",)


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


def test_broken_dataset_is_reported_once(edit: Edit, problems: Problems) -> None:
    """Purposes are not blamed for a dataset that cannot be read."""
    edit(HEALTH_CODE, "update_cycle: real_time", "update_cycle: sometimes")
    (problem,) = problems()
    assert problem.startswith(f"{HEALTH_CODE}: update_cycle: ")


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("grades.yaml", "rank: 2", "rank: 1", "grades: two grades have the same rank"),
        (
            "grades.yaml",
            "  partial: general-2",
            "  partial: general-2\n  clear: general-1",
            "grade_of_treated.clear: this action does not lower a grade",
        ),
        (
            "grades.yaml",
            "console: general-4",
            "console: general-9",
            "channel_ceilings.console: grade 'general-9' does not exist",
        ),
        (
            "offices.yaml",
            "kind: audit",
            "kind: street",
            "audit-office: offices of kind 'street' come from divisions.csv",
        ),
        (
            "offices.yaml",
            'division_code: "31"',
            'division_code: "32"',
            "dept-public_security: division '32' does not exist",
        ),
        (
            "offices.yaml",
            "id: dept-health",
            "id: dept-hospital",
            "dept-hospital: must be 'dept-' and the id of a department",
        ),
        ("offices.yaml", "id: audit-office", "id: shanghai", "shanghai: can be confused with 'shanghai'"),
    ],
)
def test_tables(edit: Edit, problems: Problems, file: str, old: str, new: str, problem: str) -> None:
    """Grades and offices are consistent, and no other office takes the id of a division's office."""
    edit(file, old, new)
    assert problems() == (f"{file}: {problem}",)


def test_dataset_named_twice(edit: Edit, problems: Problems) -> None:
    """A purpose says only once what it needs of a dataset."""
    edit("purposes/enterprise-visits.yaml", "dataset: legal_entity.licence", "dataset: legal_entity.enterprise")
    assert "purposes/enterprise-visits.yaml: datasets.legal_entity.enterprise: is named twice" in problems()


@pytest.mark.parametrize("id", ["Health", "hеalth", "health-1"])  # the second e is Cyrillic
def test_department_that_is_no_id(edit: Edit, problems: Problems, id: str) -> None:
    """A department id has lower-case ASCII letters, digits and underscores only, so that none looks like another's."""
    edit("departments.yaml", "- id: housing", f"- id: {id}")
    assert problems() == ("departments.yaml: 1.id: String should match pattern '^[a-z][a-z0-9_]{0,62}$'",)


def test_column_lookalike(edit: Edit, problems: Problems) -> None:
    """Two columns of a dataset whose names look alike are refused."""
    edit(HEALTH_CODE, "name: reason", "name: c0lour")
    assert problems() == (f"{HEALTH_CODE}: columns.c0lour: can be confused with 'colour'",)


def test_dataset_lookalike(root: Path, problems: Problems) -> None:
    """A second dataset whose name looks like another's is refused."""
    text = (root / HEALTH_CODE).read_text("utf-8")
    (root / "datasets/health.health_c0de.yaml").write_text(text.replace("health_code", "health_c0de", 1), "utf-8")
    assert problems() == (
        f"{HEALTH_CODE}: health.health_code: can be confused with the name in datasets/health.health_c0de.yaml",
    )


def test_purpose_lookalike(root: Path, problems: Problems) -> None:
    """A second purpose whose id looks like another's is refused."""
    text = (root / GRID).read_text("utf-8")
    (root / "purposes/grid-inspecti0n.yaml").write_text(text.replace("grid-inspection", "grid-inspecti0n", 1), "utf-8")
    assert problems() == (f"{GRID}: grid-inspection: can be confused with the name in purposes/grid-inspecti0n.yaml",)


def test_file_name(root: Path, problems: Problems) -> None:
    """An entry lies in the file of its name."""
    (root / GRID).rename(root / "purposes/patrol.yaml")
    assert problems() == ("purposes/patrol.yaml: grid-inspection: the file must be called 'grid-inspection.yaml'",)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Health", "health"),
        ("ｈealth", "health"),
        ("a-b", "a_b"),
        ("c0l0ur", "colour"),
        ("1ease", "lease"),
        ("nurnber", "number"),
    ],
)
def test_skeleton_of_lookalikes(one: str, other: str) -> None:
    """Names that look alike have the same skeleton."""
    assert skeleton(one) == skeleton(other)


def test_skeleton_keeps_codes_apart() -> None:
    """Division codes never look like each other."""
    assert len({skeleton(f"3101{number:02}") for number in range(100)}) == 100


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("controllers: [health]", "controllers: [helth]", "epidemic-control-only: there is no department 'helth'"),
        (
            'article: "34"',
            'article: "§34"',
            "beyond-duty: legal_basis.0.article: '§34' is not like 13, 13(1) or 13(1)(3)",
        ),
        ("id: beyond-duty", "id: state_secret", "state_secret: can be confused with 'state-secret'"),
    ],
)
def test_negative_list(old: str, new: str, problem: str, edit: Edit, problems: Problems) -> None:
    """Grounds of refusal have ids of their own, articles, and departments that exist."""
    edit("negative_list.yaml", old, new)
    assert problems() == (f"negative_list.yaml: {problem}",)
