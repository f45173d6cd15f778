"""Which changes of a dataset break what is built on it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from catalog.catalogue import Catalogue
from catalog.changes import DatasetChanges, changes_between
from catalog.dataset import Clamp, Code, Dataset, ForeignKey, Text
from catalog.load import load_catalogue
from catalog.vocabulary import (
    Category,
    ColumnType,
    IdentifierKind,
    Jurisdiction,
    OpeningClass,
    SharingClass,
    UpdateCycle,
)

RESIDENT = "population.resident"
OTHER = Text(zh="别的", en="other")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def with_dataset(catalogue: Catalogue, dataset: Dataset) -> Catalogue:
    return dataclasses.replace(catalogue, datasets={**catalogue.datasets, dataset.name: dataset})


def changed(catalogue: Catalogue, **updates: Any) -> DatasetChanges:
    """Return what changed when the residents get other attributes."""
    new = with_dataset(catalogue, catalogue.datasets[RESIDENT].model_copy(update=updates))
    (found,) = changes_between(catalogue, new)
    assert found.dataset == RESIDENT
    return found


def with_column(catalogue: Catalogue, name: str, **updates: Any) -> dict[str, Any]:
    columns = catalogue.datasets[RESIDENT].columns
    return {"columns": tuple(c.model_copy(update=updates) if c.name == name else c for c in columns)}


def test_nothing_changed(catalogue: Catalogue) -> None:
    """The same catalogue has no changes."""
    assert changes_between(catalogue, catalogue) == ()


@pytest.mark.parametrize(
    ("updates", "breaking"),
    [
        ({"title": OTHER}, False),
        ({"description": OTHER}, False),
        ({"source": OTHER}, False),
        ({"sharing_condition": OTHER}, False),
        ({"opening_class": OpeningClass.UNCONDITIONAL}, False),
        ({"controller": "health"}, True),
        ({"update_cycle": UpdateCycle.REAL_TIME}, False),
        ({"update_cycle": UpdateCycle.WEEKLY}, True),
        ({"sharing_class": SharingClass.UNCONDITIONAL}, False),
        ({"sharing_class": SharingClass.NOT_SHARED}, True),
        ({"emergency_only": True}, True),
        ({"entity_key": "household_id"}, True),
        ({"primary_key": ("resident_id", "household_id")}, True),
        ({"foreign_keys": (ForeignKey(columns=("household_id",), references="population.household"),)}, False),
        ({"jurisdiction": {Jurisdiction.RESIDENCE: "residence_division"}}, True),
    ],
)
def test_changes_of_a_dataset(catalogue: Catalogue, updates: dict[str, Any], breaking: bool) -> None:
    """What takes something away, or changes what rows mean, is breaking."""
    (change,) = changed(catalogue, **updates).changes
    assert change.breaking == breaking


@pytest.mark.parametrize(
    ("column", "updates", "breaking"),
    [
        ("sex", {"title": OTHER}, False),
        ("sex", {"type": ColumnType.INT16}, True),
        ("sex", {"category": Category.HEALTH}, True),
        ("sex", {"nullable": True}, True),
        ("phone", {"nullable": False}, False),
        ("sex", {"groupable": False}, True),
        ("phone", {"groupable": True}, False),
        ("sex", {"standard": "GB/T 2261.1-2026"}, True),
        ("phone", {"standard": "YD/T 1"}, False),
        ("phone", {"identifier": IdentifierKind.ADDRESS}, True),
        ("sex", {"codes": (Code(code="1", title=OTHER),)}, True),
        ("phone", {"codes": (Code(code="1", title=OTHER),)}, False),
        ("phone", {"clamp": Clamp(low=0, high=1)}, False),
        ("phone", {"grade": "general-4"}, True),
        ("phone", {"grade": "general-1"}, False),
        ("name", {"watermark": False}, False),
    ],
)
def test_changes_of_a_column(catalogue: Catalogue, column: str, updates: dict[str, Any], breaking: bool) -> None:
    """A stricter grade, fewer codes, nulls, another type or meaning are breaking; more codes and fewer nulls are not."""
    (change,) = changed(catalogue, **with_column(catalogue, column, **updates)).changes
    assert change.breaking == breaking
    assert change.text.en.startswith(f"{column}.{next(iter(updates))}: ")


def test_columns_come_go_and_move(catalogue: Catalogue) -> None:
    """A new column is compatible; a lost one and another order, which `SELECT *` shows, are breaking."""
    columns = catalogue.datasets[RESIDENT].columns
    (gone,) = changed(catalogue, columns=columns[:-1]).changes
    moved = changed(catalogue, columns=(*columns[1:], columns[0])).changes
    added = columns[0].model_copy(update={"name": "another"})
    (new,) = changed(catalogue, columns=(*columns, added)).changes
    assert (gone.breaking, [change.breaking for change in moved], new.breaking) == (True, [True], False)


def test_datasets_come_and_go(catalogue: Catalogue) -> None:
    """A new dataset is compatible and may have any version; one that is gone is breaking."""
    fewer = dataclasses.replace(
        catalogue, datasets={name: d for name, d in catalogue.datasets.items() if name != RESIDENT}
    )
    (gone,), (new,) = changes_between(catalogue, fewer), changes_between(fewer, catalogue)
    assert [change.breaking for change in (*gone.changes, *new.changes)] == [True, False]
    assert gone.version_suffices
    assert new.version_suffices


@pytest.mark.parametrize(
    ("updates", "version", "suffices"),
    [
        ({"title": OTHER}, "1.0", False),
        ({"title": OTHER}, "1.1", True),
        ({"title": OTHER}, "2.0", True),
        ({"emergency_only": True}, "1.10", False),
        ({"emergency_only": True}, "2.0", True),
        ({"emergency_only": True}, "10.0", True),
        ({}, "1.1", True),
        ({"title": OTHER}, "0.9", False),
    ],
)
def test_the_version_says_what_changed(
    catalogue: Catalogue, updates: dict[str, Any], version: str, suffices: bool
) -> None:
    """A breaking change needs a new major version, every other one at least a new minor version, compared as numbers."""
    assert changed(catalogue, version=version, **updates).version_suffices == suffices
