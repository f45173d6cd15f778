from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.consistency import skeleton

Edit = Callable[[str, str, str], None]
Problems = Callable[[], tuple[str, ...]]

RESIDENT = "datasets/population.resident.yaml"
HEALTH_CODE = "datasets/health.health_code.yaml"
ENTERPRISE = "datasets/legal_entity.enterprise.yaml"
HOUSEHOLD = "datasets/population.household.yaml"
GRID = "purposes/grid-inspection.yaml"


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
