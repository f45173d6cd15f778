"""Read and validate everything under `catalog/entries/`. All problems are found at once, not one per run."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML built without libyaml: slower, the same result
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

from catalog.catalogue import (
    Catalogue,
    Combination,
    Deadlines,
    Department,
    Division,
    DivisionChange,
    Grades,
    NegativeListEntry,
    Office,
)
from catalog.consistency import DIVISION_KINDS, Draft, Listed, OfficeEntry, office_id_of, problems_of
from catalog.dataset import Dataset, Entry, Text
from catalog.purpose import Purpose
from catalog.vocabulary import OfficeKind

ENTRIES = Path(__file__).parent / "entries"
"""The packaged entries."""

_OFFICE_KIND_OF_DIGITS: Mapping[int, OfficeKind] = {2: OfficeKind.CITY, 6: OfficeKind.DISTRICT, 9: OfficeKind.STREET}

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Entry)


class CatalogueInvalid(Exception):
    """The entries cannot be used.

    Attributes:
        problems: Every problem found, sorted, each as `file: path: what`; files are relative to the entries.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load_catalogue(root: Path | None = None) -> Catalogue:
    """Read, validate and cross-check the entries.

    Args:
        root: Folder laid out like `catalog/entries/`; the packaged entries when None.

    Returns:
        The catalogue; its revision depends on content only, never on file order or YAML formatting.

    Raises:
        CatalogueInvalid: A file is missing or unreadable, or an entry is invalid by itself or next to the others.
    """
    problems: list[str] = []
    draft = _read(root or ENTRIES, problems)
    problems.extend(problems_of(draft))
    if problems or draft.grades is None or draft.deadlines is None:
        raise CatalogueInvalid(tuple(sorted(problems)))
    offices = [*_division_offices(draft), *(Office(**dict(entry)) for entry in draft.offices or ())]
    content: dict[str, Any] = {
        "departments": _by(draft.departments or (), key=lambda department: department.id),
        "grades": draft.grades,
        "combinations": _by(draft.combinations or (), key=lambda combination: combination.id),
        "divisions": _by(draft.divisions, key=lambda division: division.code),
        "division_changes": _by(draft.division_changes, key=lambda change: change.from_code),
        "offices": _by(offices, key=lambda office: office.id),
        "datasets": _by((listed.entry for listed in draft.datasets), key=lambda dataset: dataset.name),
        "purposes": _by((listed.entry for listed in draft.purposes), key=lambda purpose: purpose.id),
        "negative_list": _by(draft.negative_list or (), key=lambda ground: ground.id),
        "deadlines": draft.deadlines,
    }
    return Catalogue(revision=_revision(content), **content)


def _read(root: Path, problems: list[str]) -> Draft:
    divisions = _divisions(root, problems)
    datasets, broken = _folder(root, "datasets", Dataset, problems)
    purposes, _ = _folder(root, "purposes", Purpose, problems)
    return Draft(
        grades=_entry(root / "grades.yaml", TypeAdapter(Grades), problems),
        combinations=_entry(root / "combinations.yaml", TypeAdapter(tuple[Combination, ...]), problems),
        departments=_entry(root / "departments.yaml", TypeAdapter(tuple[Department, ...]), problems),
        offices=_entry(root / "offices.yaml", TypeAdapter(tuple[OfficeEntry, ...]), problems),
        divisions=divisions,
        division_changes=_division_changes(root, {division.code for division in divisions}, problems),
        division_titles_en=_division_titles(root, problems),
        datasets=datasets,
        broken_datasets=broken,
        purposes=purposes,
        negative_list=_entry(root / "negative_list.yaml", TypeAdapter(tuple[NegativeListEntry, ...]), problems),
        deadlines=_entry(root / "deadlines.yaml", TypeAdapter(Deadlines), problems),
    )


class _UniqueKeyLoader(_SafeLoader):
    """A safe loader to which a repeated key is an error instead of an override."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping. Raises ConstructorError when a key is repeated."""
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' is repeated", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _yaml(path: Path, problems: list[str]) -> Any | None:  # noqa: ANN401 - untrusted until validated
    file = _name(path)
    try:
        return yaml.load(path.read_text("utf-8"), Loader=_UniqueKeyLoader)  # noqa: S506 - derives from the safe loader
    except FileNotFoundError:
        problems.append(f"{file}: file: is missing")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{file}: file: cannot be read ({type(error).__name__})")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        problems.append(f"{file}: line {line}: {error.problem}")
    except (yaml.YAMLError, ValueError) as error:
        problems.append(f"{file}: file: is not YAML ({error})")
    return None


def _entry(path: Path, adapter: TypeAdapter[_T], problems: list[str]) -> _T | None:
    found = len(problems)
    raw = _yaml(path, problems)
    if len(problems) > found:
        return None
    return _validated(raw, adapter, file=_name(path), problems=problems)


def _validated(raw: object, adapter: TypeAdapter[_T], *, file: str, problems: list[str]) -> _T | None:
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            path = ".".join(str(part) for part in detail["loc"]) or "entry"
            problems.append(f"{file}: {path}: {detail['msg']}")
    return None


def _folder(
    root: Path, folder: str, kind: type[_E], problems: list[str]
) -> tuple[tuple[Listed[_E], ...], frozenset[str]]:
    """Return the valid entries of a folder and the names of the others, which references may still use."""
    entries: list[Listed[_E]] = []
    broken: set[str] = set()
    adapter = TypeAdapter(kind)
    if not (root / folder).is_dir():
        problems.append(f"{folder}: file: is missing")
        return (), frozenset()
    for path in sorted((root / folder).iterdir()):
        file = f"{folder}/{path.name}"
        if path.suffix != ".yaml":
            problems.append(f"{file}: file: only .yaml files belong here")
            continue
        found = len(problems)
        raw = _yaml(path, problems)
        entry = _validated(raw, adapter, file=file, problems=problems) if len(problems) == found else None
        if entry is None:
            broken.add(path.stem)
        else:
            entries.append(Listed(file=file, entry=entry))
    return tuple(entries), frozenset(broken)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}" if path.parent.name in ("datasets", "purposes") else path.name


def _rows(path: Path, columns: tuple[str, ...], problems: list[str]) -> list[tuple[int, list[str]]]:
    """Return the numbered rows of a CSV file that have one field per column."""
    rows: list[tuple[int, list[str]]] = []
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            if tuple(next(reader, ())) != columns:
                problems.append(f"{path.name}: line 1: the columns must be {','.join(columns)}")
                return rows
            for row in reader:
                if len(row) == len(columns):
                    rows.append((reader.line_num, row))
                else:
                    problems.append(f"{path.name}: line {reader.line_num}: needs {len(columns)} fields")
    except FileNotFoundError:
        problems.append(f"{path.name}: file: is missing")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        problems.append(f"{path.name}: file: cannot be read ({type(error).__name__})")
    return rows


def _divisions(root: Path, problems: list[str]) -> tuple[Division, ...]:
    path = root / "divisions.csv"
    divisions: dict[str, Division] = {}
    parents: list[tuple[int, Division]] = []
    for line, (code, title, parent_code, kind) in _rows(path, ("code", "name", "parent_code", "kind"), problems):
        wrong = ""
        if not (code.isascii() and code.isdigit()) or kind not in DIVISION_KINDS.get(len(code), ()):
            wrong = f"'{code}' is no code of a {kind or 'division without a kind'}"
        elif code in divisions:
            wrong = f"'{code}' is repeated"
        elif not title:
            wrong = f"'{code}' has no name"
        if wrong:
            problems.append(f"{path.name}: line {line}: {wrong}")
            continue
        division = Division(code=code, title=title, parent_code=parent_code, kind=kind)
        divisions[code] = division
        parents.append((line, division))
    for line, division in parents:
        digits = {2: 0, 6: 2, 9: 6, 12: 9}[len(division.code)]
        if division.parent_code != division.code[:digits] or (digits and division.parent_code not in divisions):
            problems.append(
                f"{path.name}: line {line}: '{division.parent_code}' is not the parent of '{division.code}'"
            )
    return tuple(divisions.values())


def _division_changes(root: Path, codes: set[str], problems: list[str]) -> tuple[DivisionChange, ...]:
    path = root / "division_changes.csv"
    changes: dict[str, DivisionChange] = {}
    for line, (old, new, since, source) in _rows(path, ("from", "to", "since", "source"), problems):
        wrong = ""
        if not (old.isascii() and old.isdigit()) or len(old) not in (6, 9):
            wrong = f"'{old}' is no code of a district or street"
        elif old in codes:
            wrong = f"'{old}' is still a division"
        elif codes and (new not in codes or len(new) != len(old)):
            wrong = f"'{new}' is no division that can follow '{old}'"
        elif old in changes:
            wrong = f"'{old}' is repeated"
        elif not _is_day(since):
            wrong = f"'{since}' is no day"
        elif not source:
            wrong = f"'{old}' has no source"
        if wrong:
            problems.append(f"{path.name}: line {line}: {wrong}")
            continue
        day = datetime.date.fromisoformat(since)
        changes[old] = DivisionChange(from_code=old, to_code=new, since=day, source=source)
    return tuple(changes.values())


def _is_day(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _division_titles(root: Path, problems: list[str]) -> Mapping[str, str]:
    path = root / "division_titles_en.csv"
    titles: dict[str, str] = {}
    for line, (code, title) in _rows(path, ("code", "title"), problems):
        if code in titles or not title:
            problems.append(f"{path.name}: line {line}: '{code}' is repeated or has no title")
        titles[code] = title
    return titles


def _division_offices(draft: Draft) -> Iterable[Office]:
    """Yield one office for the city, each district and each township or street; committees are no offices."""
    for division in draft.divisions:
        kind = _OFFICE_KIND_OF_DIGITS.get(len(division.code))
        if kind is not None:
            title = Text(zh=division.title, en=draft.division_titles_en[division.code])
            yield Office(id=office_id_of(division), kind=kind, title=title, division_code=division.code)


def _by(values: Iterable[_T], *, key: Callable[[_T], str]) -> Mapping[str, _T]:
    return MappingProxyType({key(value): value for value in sorted(values, key=key)})


def _revision(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(
        content, default=_plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    """Turn what JSON does not know into what it knows, the same way every time."""
    if isinstance(value, Grades):
        ordered = sorted(value.grades, key=lambda grade: grade.rank)
        return {**dict(value), "grades": ordered}
    if isinstance(value, Entry):
        return dict(value)
    if isinstance(value, MappingProxyType):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, DivisionChange):
        return [value.to_code, value.since, value.source]
    if isinstance(value, Division):
        return [value.title, value.parent_code, value.kind]
    if isinstance(value, Office):
        return [value.kind, value.title, value.division_code]
    raise TypeError(type(value).__name__)
