"""What changed between two catalogues, whether it breaks what is built on the datasets, and whether the versions say so.

A breaking change takes a new major version, any other change at least a new minor one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from catalog.catalogue import Catalogue, Grades
from catalog.dataset import Dataset, Entry, Text
from catalog.vocabulary import SharingClass, UpdateCycle

_Compatible = Callable[[Any, Any], bool]
"""Tells of the old and the new value of an attribute whether the change takes nothing away from those who rely on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference; names and code lists, never rows."""

    breaking: bool
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetChanges:
    """Everything that changed in one dataset."""

    dataset: str
    old_version: str
    """Empty for a new dataset."""
    new_version: str
    """Empty for one that is gone."""
    changes: tuple[Change, ...]

    @property
    def version_needed(self) -> str:
        """The lowest version that the new entry may have; empty when any will do."""
        if not self.old_version or not self.new_version:
            return ""
        major, minor = _parts(self.old_version)
        return f"{major + 1}.0" if any(change.breaking for change in self.changes) else f"{major}.{minor + 1}"

    @property
    def version_suffices(self) -> bool:
        """Whether the new entry's version says what changed."""
        return not self.version_needed or _parts(self.new_version) >= _parts(self.version_needed)


def changes_between(old: Catalogue, new: Catalogue) -> tuple[DatasetChanges, ...]:
    """Return the datasets that differ, sorted by name."""
    names = sorted(old.datasets.keys() | new.datasets.keys())
    compared = (
        _compare(name, old.datasets.get(name), new.datasets.get(name), grades=(old.grades, new.grades))
        for name in names
    )
    return tuple(found for found in compared if found.changes)


def _compare(name: str, old: Dataset | None, new: Dataset | None, *, grades: tuple[Grades, Grades]) -> DatasetChanges:
    if old is None or new is None:
        changes: tuple[Change, ...] = (_added("数据集", "dataset") if old is None else _removed("数据集", "dataset"),)
    else:
        changes = (*_differences(old, new, rules=_DATASET, of=""), *_column_changes(old, new, grades=grades))
        if not changes and old.version != new.version:
            changes = (Change(breaking=False, text=Text(zh="仅版本号", en="the version only")),)
    return DatasetChanges(
        dataset=name,
        old_version=old.version if old else "",
        new_version=new.version if new else "",
        changes=changes,
    )


def _column_changes(old: Dataset, new: Dataset, *, grades: tuple[Grades, Grades]) -> Iterator[Change]:
    rules = {**_COLUMN, "grade": lambda before, after: grades[1].rank(after) <= grades[0].rank(before)}
    before, after = ({column.name: column for column in dataset.columns} for dataset in (old, new))
    kept = [name for name in before if name in after]
    yield from (_removed(f"列 {name}", f"column {name}") for name in before if name not in after)
    yield from (_added(f"列 {name}", f"column {name}") for name in after if name not in before)
    if kept != [name for name in after if name in before]:
        yield Change(breaking=True, text=Text(zh="列的顺序改变", en="columns in another order"))
    for name in kept:
        yield from _differences(before[name], after[name], rules=rules, of=f"{name}.")


def _differences(old: Entry, new: Entry, *, rules: Mapping[str, _Compatible], of: str) -> Iterator[Change]:
    for attribute in type(old).model_fields:
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after and attribute not in _COMPARED_APART:
            compatible = rules.get(attribute)
            yield Change(
                breaking=compatible is None or not compatible(before, after),
                text=Text(
                    zh=f"{of}{attribute}：{_shown(before, 'zh')} → {_shown(after, 'zh')}",
                    en=f"{of}{attribute}: {_shown(before, 'en')} → {_shown(after, 'en')}",
                ),
            )


def _shown(value: Any, language: str) -> str:  # noqa: ANN401 - any attribute
    if isinstance(value, Text):
        return str(getattr(value, language))
    if isinstance(value, tuple):
        return "[" + ", ".join(str(getattr(item, "code", item)) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {item}" for key, item in value.items()) + "}"
    return "–" if value is None else str(value)


def _added(zh: str, en: str) -> Change:
    return Change(breaking=False, text=Text(zh=f"新增{zh}", en=f"new {en}"))


def _removed(zh: str, en: str) -> Change:
    return Change(breaking=True, text=Text(zh=f"删除{zh}", en=f"{en} is gone"))


def _parts(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


def _always(_old: object, _new: object) -> bool:
    return True


def _was_empty(old: object, _new: object) -> bool:
    return not old


def _was_true(old: bool, _new: bool) -> bool:
    return old


def _not_later_in(order: type[UpdateCycle] | type[SharingClass]) -> _Compatible:
    return lambda old, new: list(order).index(new) <= list(order).index(old)


_COMPARED_APART: Final = frozenset({"version", "columns"})
_DATASET: Final[Mapping[str, _Compatible]] = {
    "title": _always,
    "description": _always,
    "source": _always,
    "update_cycle": _not_later_in(UpdateCycle),
    "sharing_class": _not_later_in(SharingClass),
    "opening_class": _always,
    "sharing_condition": _always,
    "emergency_only": _was_true,
    "foreign_keys": _always,
    "jurisdiction": lambda old, new: old.items() <= new.items(),
}
"""A change of what is not named is breaking, here and below."""
_COLUMN: Final[Mapping[str, _Compatible]] = {
    "title": _always,
    "nullable": _was_true,
    "identifier": _was_empty,
    "watermark": _always,
    "standard": _was_empty,
    "codes": lambda old, new: {code.code for code in old} <= {code.code for code in new},
    "groupable": lambda old, _new: not old,
    "clamp": _was_empty,
    "buckets": _was_empty,
}
