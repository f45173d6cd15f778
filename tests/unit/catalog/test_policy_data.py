from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.policy_data import policy_data
from catalog.purpose import Purpose, Treatment
from catalog.vocabulary import ColumnAction, Jurisdiction, Mask

Edit = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_top_level(catalogue: Catalogue) -> None:
    """Policies find the revision, the grades from the highest, the tables, the datasets and the purposes."""
    data = policy_data(catalogue)
    assert sorted(data) == [
        "channel_ceilings",
        "datasets",
        "departments",
        "former_divisions",
        "grades",
        "grades_within",
        "purposes",
        "revision",
    ]
    assert data["revision"] == catalogue.revision
    assert data["grades"] == ["core", "important", "general-4", "general-3", "general-2", "general-1"]
    assert set(data["grades_within"]) == set(data["grades"])
    assert data["grades_within"]["general-2"] == {"general-1": True, "general-2": True}
    assert data["channel_ceilings"] == {
        "console": "general-4",
        "explain": "important",
        "flight_sql": "important",
        "subscription": "important",
    }
    assert data["departments"]["health"] == {
        "title": {"zh": "上海市卫生健康委员会", "en": "Shanghai Municipal Health Commission"}
    }


def test_combination(catalogue: Catalogue) -> None:
    """Policies see which columns of a purpose bring each member of a combination, and the articles that forbid it."""
    purposes = policy_data(catalogue)["purposes"]
    (combination,) = purposes["epidemic-control"]["combinations"]
    members = combination.pop("members")
    assert combination == {
        "id": "health-with-whereabouts",
        "title": {"zh": "健康信息与住址、电话同时提供", "en": "Health information with address and telephone"},
        "legal_basis": {
            "zh": "《中华人民共和国个人信息保护法》第28条；《中华人民共和国个人信息保护法》第6条",
            "en": "Personal Information Protection Law, article 28; Personal Information Protection Law, article 6",
        },
    }
    assert len(members) == 3
    assert {"population.resident": {"phone": True}} in members


def test_combination_that_a_purpose_cannot_complete(catalogue: Catalogue) -> None:
    """A combination of which a purpose has no part, or only as nulls and pseudonyms, is none of that purpose."""
    purpose = catalogue.purposes["epidemic-control"]
    assert policy_data(catalogue)["purposes"]["venue-verification"]["combinations"] == []
    for action in (ColumnAction.NULL, ColumnAction.PSEUDONYM):
        changed = treated(catalogue, purpose, column="phone", treatment=Treatment(action=action))
        assert policy_data(changed)["purposes"]["epidemic-control"]["combinations"] == []
    changed = treated(
        catalogue, purpose, column="phone", treatment=Treatment(action=ColumnAction.PARTIAL, mask=Mask.PHONE)
    )
    assert policy_data(changed)["purposes"]["epidemic-control"]["combinations"]


def treated(catalogue: Catalogue, purpose: Purpose, *, column: str, treatment: Treatment) -> Catalogue:
    """Return the catalogue with another treatment of a column wherever the purpose names it."""
    needs = tuple(
        need.model_copy(update={"columns": need.columns | ({column: treatment} if column in need.columns else {})})
        for need in purpose.datasets
    )
    changed = purpose.model_copy(update={"datasets": needs})
    return replace(catalogue, purposes={**catalogue.purposes, purpose.id: changed})


def test_former_divisions(catalogue: Catalogue) -> None:
    """Policies see which old divisions belong to one, since which midnight in Shanghai; the city has their rows anyway."""
    assert policy_data(catalogue)["former_divisions"] == {
        "310101": [{"code": "310103", "since": 1307462400}],  # 2011-06-07T16:00:00Z
        "310106": [{"code": "310108", "since": 1446566400}],  # 2015-11-03T16:00:00Z
        "310115": [{"code": "310119", "since": 1241539200}],  # 2009-05-05T16:00:00Z
        "310151": [{"code": "310230", "since": 1469116800}],  # 2016-07-21T16:00:00Z
    }


def test_former_divisions_of_a_part(catalogue: Catalogue) -> None:
    """What became a street belongs to the street and to its district, unless it was the district's before."""
    change = catalogue.division_changes["310103"]
    changes = {
        "310103001": replace(change, from_code="310103001", to_code="310101002"),
        "310101001": replace(change, from_code="310101001", to_code="310101002"),
    }
    since = 1307462400
    assert policy_data(replace(catalogue, division_changes=changes))["former_divisions"] == {
        "310101": [{"code": "310103001", "since": since}],
        "310101002": [{"code": "310101001", "since": since}, {"code": "310103001", "since": since}],
    }


def test_dataset(catalogue: Catalogue) -> None:
    """Policies see of a dataset what bounds its sharing, and of every column what rules ask about it."""
    dataset = policy_data(catalogue)["datasets"]["population.household"]
    columns = dataset.pop("columns")
    assert dataset == {
        "controller": "public_security",
        "emergency_only": False,
        "sharing_class": "conditional",
        "entity_key": "household_id",
    }
    assert len(columns) == 8
    assert columns["division_code"] == {"groupable": True, "clamped": False}
    assert columns["member_count"] == {"groupable": False, "clamped": True}


def test_emergency_only(catalogue: Catalogue) -> None:
    """Policies see which datasets exist in an emergency only."""
    datasets = policy_data(catalogue)["datasets"]
    assert [name for name, dataset in datasets.items() if dataset["emergency_only"]] == ["health.health_code"]


def test_purpose(catalogue: Catalogue) -> None:
    """Policies see everything of a purpose that bounds a query."""
    purpose = policy_data(catalogue)["purposes"]["venue-verification"]
    legal_basis = purpose.pop("legal_basis")
    assert purpose == {
        "title": {"zh": "场所核验健康码", "en": "Health code check at a venue"},
        "lawful_ground": "emergency",
        "consent_required": False,
        "active_from": 1653321600,
        "active_until": None,
        "office_kinds": ["district", "street"],
        "roles": ["clerk"],
        "case_required": False,
        "case_pattern": None,
        "combinations": [],
        "emergency_required": True,
        "aggregate_only": False,
        "people_min": None,
        "datasets": {
            "health.health_code": {
                "division_column": "residence_division",
                "grades": {"colour": "general-3", "resident_id": "general-3", "status": "general-3"},
                "jurisdiction": "anywhere",
                "lookup_values_max": 1,
                "columns": {
                    "colour": {"action": "clear", "mask": None},
                    "resident_id": {"action": "lookup", "mask": None},
                    "status": {"action": "clear", "mask": None},
                },
            }
        },
        "obligations": {"rows_max": 1, "retention_days": 1, "onward_sharing": False},
        "permitted_combinations": [],
        "quota": {"rows_per_day_max": 200, "lookups_per_day_max": 200},
    }
    assert "Personal Information Protection Law, article 13(1)(4); " in legal_basis["en"]
    assert "《中华人民共和国个人信息保护法》第13条第1款第4项；" in legal_basis["zh"]
    assert legal_basis["zh"].startswith("《中华人民共和国传染病防治法》；")


def test_consent(catalogue: Catalogue) -> None:
    """Policies see that a purpose rests on consent, and that one without look-ups has no quota of them."""
    purposes = policy_data(catalogue)["purposes"]
    assert (purposes["window-service"]["lawful_ground"], purposes["window-service"]["consent_required"]) == (
        "consent",
        True,
    )
    assert purposes["grid-inspection"]["quota"] == {"rows_per_day_max": 50000, "lookups_per_day_max": None}
    assert purposes["epidemic-control"]["permitted_combinations"] == ["health-with-whereabouts"]


def test_masks_are_named(catalogue: Catalogue) -> None:
    """A masked column carries the name of its mask."""
    columns = policy_data(catalogue)["purposes"]["grid-inspection"]["datasets"]["population.resident"]["columns"]
    assert columns["birth_date"] == {"action": "generalise", "mask": "date_year"}


def test_grades_are_those_after_the_treatment(catalogue: Catalogue) -> None:
    """A treatment lowers the grade of a column, and never raises it."""
    resident = catalogue.datasets["population.resident"]
    need = policy_data(catalogue)["purposes"]["grid-inspection"]["datasets"]["population.resident"]
    grades = {name: column.grade for name in need["columns"] if (column := resident.column(name))}
    assert (grades["birth_date"], need["grades"]["birth_date"]) == ("general-3", "general-2")
    assert (grades["dwelling_code"], need["grades"]["dwelling_code"]) == ("general-2", "general-2")
    assert set(need["grades"]) == set(need["columns"])
    table = catalogue.grades.model_copy(update={"grade_of_treated": {ColumnAction.GENERALISE: "core"}})
    raised = policy_data(replace(catalogue, grades=table))["purposes"]["grid-inspection"]["datasets"]
    assert raised["population.resident"]["grades"]["birth_date"] == "general-3"


def test_column_that_bounds_the_rows(catalogue: Catalogue) -> None:
    """A purpose is bounded by the column of the kind that it names."""
    need = policy_data(catalogue)["purposes"]["grid-inspection"]["datasets"]["population.resident"]
    column = catalogue.datasets["population.resident"].jurisdiction[Jurisdiction(need["jurisdiction"])]
    assert need["division_column"] == column


def test_shanghai_days(root: Path, edit: Edit) -> None:
    """A purpose starts at midnight in Shanghai and ends at the midnight after its last day."""
    edit(
        "purposes/venue-verification.yaml",
        "active_from: 2022-05-24",
        "active_from: 2024-02-28\nactive_until: 2024-02-29",
    )
    purpose = policy_data(load_catalogue(root))["purposes"]["venue-verification"]
    assert purpose["active_from"] == 1709049600  # 2024-02-27T16:00:00Z
    assert purpose["active_until"] == 1709222400  # 2024-02-29T16:00:00Z


def test_plain_and_deterministic(catalogue: Catalogue) -> None:
    """The data are plain JSON, sorted, and the same for every load."""
    text = json.dumps(policy_data(catalogue), allow_nan=False)
    assert text == json.dumps(policy_data(load_catalogue()), sort_keys=True)
    assert json.loads(text) == policy_data(catalogue)
