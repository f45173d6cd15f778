"""The catalogue as the policies see it, at `data.catalog`."""

from __future__ import annotations

import datetime
from typing import Any

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset
from catalog.purpose import DatasetNeed, Purpose
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction

_SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
"""Asia/Shanghai has had no summer time since 1991."""


def policy_data(catalogue: Catalogue) -> dict[str, Any]:
    """Return the catalogue as plain JSON values, the same for the same revision.

    Times are seconds since the epoch; `active_until` is the first second a purpose is no longer active.
    Keys are sorted, and so are lists, whose order never means anything to a policy.
    """
    grades = catalogue.grades
    return {
        "actions": {action.value: action.rank for action in sorted(ColumnAction)},
        "datasets": {name: _dataset(catalogue.datasets[name]) for name in sorted(catalogue.datasets)},
        "grade_of_treated": {
            action.value: grades.grade_of_treated[action] for action in sorted(grades.grade_of_treated)
        },
        "grades": {grade.id: grade.rank for grade in sorted(grades.grades, key=lambda grade: grade.id)},
        "masks": {
            action.value: [mask.value for mask in sorted(MASKS_OF_ACTION[action])] for action in sorted(MASKS_OF_ACTION)
        },
        "purposes": {id_: _purpose(catalogue.purposes[id_]) for id_ in sorted(catalogue.purposes)},
        "revision": catalogue.revision,
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "columns": {
            column.name: {"grade": column.grade, "groupable": column.groupable}
            for column in sorted(dataset.columns, key=lambda column: column.name)
        },
        "controller": dataset.controller,
        "entity_key": dataset.entity_key,
        "jurisdiction": {kind.value: dataset.jurisdiction[kind] for kind in sorted(dataset.jurisdiction)},
        "sharing_class": dataset.sharing_class.value,
    }


def _purpose(purpose: Purpose) -> dict[str, Any]:
    until = purpose.active_until
    return {
        "active_from": _midnight(purpose.active_from),
        "active_until": None if until is None else _midnight(until + datetime.timedelta(days=1)),
        "aggregate_only": purpose.aggregate_only,
        "case_pattern": purpose.case_pattern,
        "case_required": purpose.case_required,
        "datasets": {need.dataset: _need(need) for need in sorted(purpose.datasets, key=lambda need: need.dataset)},
        "emergency_required": purpose.emergency_required,
        "legal_basis": {
            "en": "; ".join(basis.citation.en for basis in purpose.legal_basis),
            "zh": "；".join(basis.citation.zh for basis in purpose.legal_basis),
        },
        "obligations": {
            "onward_sharing": purpose.obligations.onward_sharing,
            "retention_days": purpose.obligations.retention_days,
            "rows_max": purpose.obligations.rows_max,
        },
        "office_kinds": [kind.value for kind in sorted(purpose.office_kinds)],
        "people_min": purpose.people_min,
        "roles": [role.value for role in sorted(purpose.roles)],
        "title": {"en": purpose.title.en, "zh": purpose.title.zh},
    }


def _need(need: DatasetNeed) -> dict[str, Any]:
    return {
        "columns": {
            name: {
                "action": need.columns[name].action.value,
                "mask": None if (mask := need.columns[name].mask) is None else mask.value,
            }
            for name in sorted(need.columns)
        },
        "jurisdiction": need.jurisdiction.value,
        "lookup_values_max": need.lookup_values_max,
    }


def _midnight(day: datetime.date) -> int:
    """Return the epoch second at which `day` starts in Shanghai."""
    return int(datetime.datetime.combine(day, datetime.time(), tzinfo=_SHANGHAI).timestamp())
