from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.policy_data import policy_data

Edit = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_top_level(catalogue: Catalogue) -> None:
    """Policies find the revision, the word lists with their ranks, the datasets and the purposes."""
    data = policy_data(catalogue)
    assert sorted(data) == ["actions", "datasets", "grade_of_treated", "grades", "masks", "purposes", "revision"]
    assert data["revision"] == catalogue.revision
    assert data["grades"] == {
        "core": 6,
        "general-1": 1,
        "general-2": 2,
        "general-3": 3,
        "general-4": 4,
        "important": 5,
    }
    assert data["grade_of_treated"] == {
        "generalise": "general-2",
        "null": "general-1",
        "partial": "general-2",
        "pseudonym": "general-1",
    }
    assert data["actions"] == {
        "clear": 0,
        "generalise": 1,
        "partial": 2,
        "pseudonym": 3,
        "null": 4,
        "lookup": 5,
        "deny": 6,
    }
    assert data["masks"] == {
        "generalise": ["date_month", "date_year", "division_township"],
        "partial": ["address", "credit_code", "name", "phone", "resident_id"],
    }


def test_dataset(catalogue: Catalogue) -> None:
    """Policies see of a dataset its controller, sharing class, entity key, jurisdiction and every column's grade."""
    assert policy_data(catalogue)["datasets"]["health.health_code"] == {
        "controller": "health",
        "sharing_class": "conditional",
        "entity_key": "resident_id",
        "jurisdiction": {"residence": "residence_division"},
        "columns": {
            "assigned_at": {"grade": "general-3", "groupable": False},
            "colour": {"grade": "general-3", "groupable": True},
            "expires_at": {"grade": "general-2", "groupable": False},
            "name": {"grade": "general-2", "groupable": False},
            "phone": {"grade": "general-3", "groupable": False},
            "reason": {"grade": "general-4", "groupable": False},
            "residence_division": {"grade": "general-1", "groupable": True},
            "resident_id": {"grade": "general-3", "groupable": False},
            "status": {"grade": "general-3", "groupable": False},
        },
    }


def test_purpose(catalogue: Catalogue) -> None:
    """Policies see everything of a purpose that bounds a query."""
    purpose = policy_data(catalogue)["purposes"]["venue-verification"]
    legal_basis = purpose.pop("legal_basis")
    assert purpose == {
        "title": {"zh": "场所核验健康码", "en": "Health code check at a venue"},
        "active_from": 1653321600,
        "active_until": None,
        "office_kinds": ["district", "street"],
        "roles": ["clerk"],
        "case_required": False,
        "case_pattern": None,
        "emergency_required": False,
        "aggregate_only": False,
        "people_min": None,
        "datasets": {
            "health.health_code": {
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
    }
    assert "Personal Information Protection Law, article 13(1)(4); " in legal_basis["en"]
    assert "《中华人民共和国个人信息保护法》第13条第1款第4项；" in legal_basis["zh"]
    assert legal_basis["zh"].startswith("《中华人民共和国传染病防治法》；")


def test_masks_are_named(catalogue: Catalogue) -> None:
    """A masked column carries the name of its mask."""
    columns = policy_data(catalogue)["purposes"]["grid-inspection"]["datasets"]["population.resident"]["columns"]
    assert columns["birth_date"] == {"action": "generalise", "mask": "date_year"}


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
