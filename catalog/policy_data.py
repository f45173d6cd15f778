"""The catalogue as the policies see it, at `data.catalog`."""

from __future__ import annotations

import datetime
from typing import Any

from catalog.catalogue import Catalogue, CombinationMember, Grades
from catalog.dataset import Column, Dataset, Text
from catalog.purpose import DatasetNeed, LegalBasis, Purpose
from catalog.vocabulary import ColumnAction, Jurisdiction

_SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
"""Asia/Shanghai has had no summer time since 1991."""
_REQUESTER_CODES = (2, 6, 9)
"""Lengths of a requester's division code."""
_TELLING_NOTHING = {ColumnAction.NULL, ColumnAction.PSEUDONYM, ColumnAction.DENY}
"""Actions after which a column tells nothing of its value."""


def policy_data(catalogue: Catalogue) -> dict[str, Any]:
    """Return the catalogue as plain JSON values, the same for the same revision.

    Times are seconds since the epoch; `active_until` is the first second a purpose is no longer active.
    Keys are sorted, and so are lists, whose order never means anything to a policy.
    """
    grades = catalogue.grades
    ranked = sorted(grades.grades, key=lambda grade: (-grade.rank, grade.id))
    return {
        "channel_ceilings": {channel: grades.channel_ceilings[channel] for channel in sorted(grades.channel_ceilings)},
        "datasets": {name: _dataset(catalogue.datasets[name]) for name in sorted(catalogue.datasets)},
        "departments": {
            id_: {"title": _text(catalogue.departments[id_].title)} for id_ in sorted(catalogue.departments)
        },
        "former_divisions": _former_divisions(catalogue),
        "grades": [grade.id for grade in ranked],
        "grades_within": {
            grade.id: {
                lower.id: True for lower in sorted(ranked, key=lambda lower: lower.id) if lower.rank <= grade.rank
            }
            for grade in sorted(ranked, key=lambda grade: grade.id)
        },
        "purposes": {id_: _purpose(catalogue.purposes[id_], catalogue=catalogue) for id_ in sorted(catalogue.purposes)},
        "revision": catalogue.revision,
    }


def _former_divisions(catalogue: Catalogue) -> dict[str, list[dict[str, Any]]]:
    """Return for each division those that became it or a part of it from outside; a larger one already has their rows."""
    found: dict[str, list[dict[str, Any]]] = {}
    for _, change in sorted(catalogue.division_changes.items()):
        for length in _REQUESTER_CODES:
            division = change.to_code[:length]
            if len(division) == length and not change.from_code.startswith(division):
                found.setdefault(division, []).append({"code": change.from_code, "since": _midnight(change.since)})
    return dict(sorted(found.items()))


def _dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "columns": {column.name: _column(column) for column in sorted(dataset.columns, key=lambda column: column.name)},
        "controller": dataset.controller,
        "emergency_only": dataset.emergency_only,
        "entity_key": dataset.entity_key,
        "sharing_class": dataset.sharing_class.value,
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "clamped": column.clamp is not None,
        "groupable": column.groupable,
    }


def _combinations(purpose: Purpose, *, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return the combinations that columns of the purpose can complete, with the columns that bring each member.

    Nulls and pseudonyms bring nothing.
    """
    found = []
    for _, combination in sorted(catalogue.combinations.items()):
        members = [_bringing(member, purpose, catalogue=catalogue) for member in combination.members]
        if all(members):
            found.append(
                {
                    "id": combination.id,
                    "legal_basis": _citations(combination.legal_basis),
                    "members": sorted(members, key=str),
                    "title": _text(combination.title),
                }
            )
    return found


def _bringing(member: CombinationMember, purpose: Purpose, *, catalogue: Catalogue) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    for need in sorted(purpose.datasets, key=lambda need: need.dataset):
        for name in sorted(need.columns):
            column = catalogue.datasets[need.dataset].column(name)
            if column is None or need.columns[name].action in _TELLING_NOTHING:
                continue
            if column.category in member.categories or column.identifier in member.identifiers:
                found.setdefault(need.dataset, {})[name] = True
    return found


def _purpose(purpose: Purpose, *, catalogue: Catalogue) -> dict[str, Any]:
    until = purpose.active_until
    return {
        "active_from": _midnight(purpose.active_from),
        "active_until": None if until is None else _midnight(until + datetime.timedelta(days=1)),
        "aggregate_only": purpose.aggregate_only,
        "case_pattern": purpose.case_pattern,
        "case_required": purpose.case_required,
        "combinations": _combinations(purpose, catalogue=catalogue),
        "consent_required": purpose.consent_required,
        "datasets": {
            need.dataset: _need(need, catalogue=catalogue)
            for need in sorted(purpose.datasets, key=lambda need: need.dataset)
        },
        "emergency_required": purpose.emergency_required,
        "lawful_ground": purpose.lawful_ground.value,
        "legal_basis": _citations(purpose.legal_basis),
        "obligations": {
            "onward_sharing": purpose.obligations.onward_sharing,
            "retention_days": purpose.obligations.retention_days,
            "rows_max": purpose.obligations.rows_max,
        },
        "office_kinds": [kind.value for kind in sorted(purpose.office_kinds)],
        "people_min": purpose.people_min,
        "permitted_combinations": sorted(purpose.permitted_combinations),
        "quota": {
            "lookups_per_day_max": purpose.quota.lookups_per_day_max,
            "rows_per_day_max": purpose.quota.rows_per_day_max,
        },
        "roles": [role.value for role in sorted(purpose.roles)],
        "title": _text(purpose.title),
    }


def _need(need: DatasetNeed, *, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "columns": {
            name: {
                "action": need.columns[name].action.value,
                "mask": None if (mask := need.columns[name].mask) is None else mask.value,
            }
            for name in sorted(need.columns)
        },
        "division_column": _division_column(need, catalogue=catalogue),
        "grades": {
            name: _grade_left(column, need.columns[name].action, grades=catalogue.grades)
            for name in sorted(need.columns)
            if (column := catalogue.datasets[need.dataset].column(name)) is not None
        },
        "jurisdiction": need.jurisdiction.value,
        "lookup_values_max": need.lookup_values_max,
    }


def _division_column(need: DatasetNeed, *, catalogue: Catalogue) -> str:
    """Return the column that bounds the rows; rows from anywhere are those of the dataset's only kind."""
    columns = catalogue.datasets[need.dataset].jurisdiction
    return next(iter(columns.values())) if need.jurisdiction is Jurisdiction.ANYWHERE else columns[need.jurisdiction]


def _grade_left(column: Column, action: ColumnAction, *, grades: Grades) -> str:
    """Return the grade of a column after its treatment, which never raises it."""
    treated = grades.grade_of_treated.get(action, column.grade)
    return min(column.grade, treated, key=grades.rank)


def _citations(legal_basis: tuple[LegalBasis, ...]) -> dict[str, str]:
    return {
        "en": "; ".join(basis.citation.en for basis in legal_basis),
        "zh": "；".join(basis.citation.zh for basis in legal_basis),
    }


def _text(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}


def _midnight(day: datetime.date) -> int:
    """Return the epoch second at which `day` starts in Shanghai."""
    return int(datetime.datetime.combine(day, datetime.time(), tzinfo=_SHANGHAI).timestamp())
