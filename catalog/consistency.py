"""Checks between entries: every reference resolves, every treatment fits its column, no two names can be confused."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from catalog.catalogue import (
    Combination,
    Deadlines,
    Department,
    Division,
    DivisionChange,
    Grades,
    NegativeListEntry,
)
from catalog.dataset import Column, Dataset, Entry, ForeignKey, Text
from catalog.purpose import DatasetNeed, LegalBasis, Purpose, Treatment
from catalog.vocabulary import (
    ColumnAction,
    ColumnType,
    IdentifierKind,
    Jurisdiction,
    LawfulGround,
    Mask,
    OfficeKind,
    SharingClass,
)

DIVISION_KINDS: Mapping[int, tuple[str, ...]] = {
    2: ("municipality",),
    6: ("district",),
    9: ("street", "town", "township", "other"),
    12: ("committee",),
}
"""Kinds of divisions by the number of digits of their codes."""

_IDENTIFIER_OF_MASK: Mapping[Mask, IdentifierKind] = {
    Mask.NAME: IdentifierKind.PERSON_NAME,
    Mask.RESIDENT_ID: IdentifierKind.RESIDENT_ID,
    Mask.CREDIT_CODE: IdentifierKind.CREDIT_CODE,
    Mask.PHONE: IdentifierKind.PHONE,
    Mask.ADDRESS: IdentifierKind.ADDRESS,
    Mask.ADDRESS_LANE: IdentifierKind.ADDRESS,
    Mask.ADDRESS_COMMITTEE: IdentifierKind.ADDRESS,
    Mask.DIVISION_TOWNSHIP: IdentifierKind.DIVISION_CODE,
}
_DATE_MASKS = frozenset({Mask.DATE_MONTH, Mask.DATE_YEAR, Mask.AGE_BAND})
_INTEGER_BITS: Mapping[ColumnType, int] = {ColumnType.INT16: 16, ColumnType.INT32: 32, ColumnType.INT64: 64}
_NUMBERS = _INTEGER_BITS.keys() | {ColumnType.FLOAT64}
_FREE_TEXT = frozenset({None, IdentifierKind.PERSON_NAME, IdentifierKind.ADDRESS})
_DATES = frozenset({ColumnType.DATE, ColumnType.TIMESTAMP})
_LOWERING_ACTIONS = frozenset(
    {ColumnAction.NULL, ColumnAction.PSEUDONYM, ColumnAction.PARTIAL, ColumnAction.GENERALISE}
)

_PIPL = "《中华人民共和国个人信息保护法》"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{1,62}")
_ARTICLE = re.compile(r"|[1-9][0-9]*(\([1-9][0-9]*\)){0,2}")
"""Empty for the whole instrument, else article, paragraph and item: `13`, `13(1)`, `13(1)(3)`."""
_BEYOND_RE2 = re.compile(r"\(\?(?:[=!]|<[=!])|\\[1-9]")
_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "-": "_"})

_E = TypeVar("_E", bound=Entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[_E]):
    """An entry and the file it was read from, relative to the entries."""

    file: str
    entry: _E


class OfficeEntry(Entry):
    """One office of `offices.yaml`."""

    id: str
    kind: OfficeKind
    title: Text
    division_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Everything that is valid by itself. None stands for a file with problems that are already known."""

    grades: Grades | None
    combinations: tuple[Combination, ...] | None
    departments: tuple[Department, ...] | None
    offices: tuple[OfficeEntry, ...] | None
    divisions: tuple[Division, ...]
    division_changes: tuple[DivisionChange, ...]
    division_titles_en: Mapping[str, str]
    datasets: tuple[Listed[Dataset], ...]
    broken_datasets: frozenset[str]
    """Names of datasets that could not be read; nothing is said about references to them."""
    purposes: tuple[Listed[Purpose], ...]
    negative_list: tuple[NegativeListEntry, ...] | None
    deadlines: Deadlines | None


def problems_of(draft: Draft) -> Iterator[str]:
    """Yield every problem between entries as `file: path: what`."""
    yield from _grade_problems(draft)
    yield from _combination_problems(draft.combinations or ())
    yield from _name_problems("departments.yaml", (department.id for department in draft.departments or ()))
    yield from _office_problems(draft)
    yield from _negative_list_problems(draft)
    yield from _division_title_problems(draft)
    yield from _file_problems(draft.datasets, [listed.entry.name for listed in draft.datasets])
    yield from _file_problems(draft.purposes, [listed.entry.id for listed in draft.purposes])
    for dataset in draft.datasets:
        for problem in _dataset_problems(dataset.entry, draft):
            yield f"{dataset.file}: {problem}"
    for purpose in draft.purposes:
        for problem in _purpose_problems(purpose.entry, draft):
            yield f"{purpose.file}: {problem}"


def _negative_list_problems(draft: Draft) -> Iterator[str]:
    grounds, file = draft.negative_list or (), "negative_list.yaml"
    yield from _name_problems(file, (ground.id for ground in grounds))
    departments = {department.id for department in draft.departments or ()}
    for ground in grounds:
        for problem in _article_problems((ground.legal_basis,)):
            yield f"{file}: {ground.id}: {problem}"
        for unknown in sorted(ground.controllers - departments if departments else ()):
            yield f"{file}: {ground.id}: there is no department '{unknown}'"


def office_id_of(division: Division) -> str:
    """Return the id of a division's office: the city is known by name, every other office by its division code."""
    return "shanghai" if len(division.code) == 2 else division.code


def skeleton(name: str) -> str:
    """Return what is left of a name when case, compatibility forms and look-alike characters do not count."""
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_LOOKALIKES)
    return folded.replace("rn", "m").replace("vv", "w")


def _confusable(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of names that people could take for each other."""
    seen: dict[str, str] = {}
    for name in names:
        key = skeleton(name)
        if key in seen:
            yield name, seen[key]
        seen.setdefault(key, name)


def _name_problems(file: str, ids: Iterable[str]) -> Iterator[str]:
    names = list(ids)
    for name in names:
        # Letters of other scripts cannot pass, so only look-alikes within ASCII are left to compare.
        if _ID.fullmatch(name) is None:
            yield f"{file}: {name}: an id has lower-case ASCII letters, digits, '_' and '-' only"
    for name, other in _confusable(names):
        yield f"{file}: {name}: can be confused with '{other}'"


def _file_problems(entries: Iterable[Listed[_E]], names: Iterable[str]) -> Iterator[str]:
    files: dict[str, str] = {}
    for listed, name in zip(entries, names, strict=True):
        if listed.file.rpartition("/")[2] != f"{name}.yaml":
            yield f"{listed.file}: {name}: the file must be called '{name}.yaml'"
        other = files.setdefault(skeleton(name), listed.file)
        if other != listed.file:
            yield f"{listed.file}: {name}: can be confused with the name in {other}"


def _grade_problems(draft: Draft) -> Iterator[str]:
    if draft.grades is None:
        return
    file, grades = "grades.yaml", draft.grades
    yield from _name_problems(file, (grade.id for grade in grades.grades))
    if len({grade.rank for grade in grades.grades}) != len(grades.grades):
        yield f"{file}: grades: two grades have the same rank"
    known = {grade.id for grade in grades.grades}
    for action, grade in grades.grade_of_treated.items():
        if action not in _LOWERING_ACTIONS:
            yield f"{file}: grade_of_treated.{action}: this action does not lower a grade"
        if grade not in known:
            yield f"{file}: grade_of_treated.{action}: grade '{grade}' does not exist"
    for channel, grade in grades.channel_ceilings.items():
        if grade not in known:
            yield f"{file}: channel_ceilings.{channel}: grade '{grade}' does not exist"


def _combination_problems(combinations: tuple[Combination, ...]) -> Iterator[str]:
    file = "combinations.yaml"
    yield from _name_problems(file, (combination.id for combination in combinations))
    for combination in combinations:
        for problem in _article_problems(combination.legal_basis):
            yield f"{file}: {combination.id}: {problem}"


def _article_problems(legal_basis: tuple[LegalBasis, ...]) -> Iterator[str]:
    for index, basis in enumerate(legal_basis):
        if _ARTICLE.fullmatch(basis.article) is None:
            yield f"legal_basis.{index}.article: '{basis.article}' is not like 13, 13(1) or 13(1)(3)"


def _office_problems(draft: Draft) -> Iterator[str]:
    file, offices = "offices.yaml", draft.offices or ()
    taken = [office_id_of(division) for division in draft.divisions if len(division.code) != 12]
    yield from _name_problems(file, [*taken, *(office.id for office in offices)])
    codes = {division.code for division in draft.divisions}
    controllers = None if draft.departments is None else {f"dept-{department.id}" for department in draft.departments}
    for office in offices:
        if office.kind not in (OfficeKind.DEPARTMENT, OfficeKind.AUDIT):
            yield f"{file}: {office.id}: offices of kind '{office.kind}' come from divisions.csv"
        if codes and office.division_code not in codes:
            yield f"{file}: {office.id}: division '{office.division_code}' does not exist"
        if office.kind is OfficeKind.DEPARTMENT and controllers is not None and office.id not in controllers:
            yield f"{file}: {office.id}: must be 'dept-' and the id of a department"


def _division_title_problems(draft: Draft) -> Iterator[str]:
    file = "division_titles_en.csv"
    needed = {division.code for division in draft.divisions if len(division.code) != 12}
    for code in sorted(needed - draft.division_titles_en.keys()):
        yield f"{file}: {code}: has no English title"
    for code in sorted(draft.division_titles_en.keys() - needed):
        yield f"{file}: {code}: is no division above the committees"


def _dataset_problems(dataset: Dataset, draft: Draft) -> Iterator[str]:
    if draft.departments is not None and dataset.controller not in {department.id for department in draft.departments}:
        yield f"controller: department '{dataset.controller}' does not exist"
    for name, other in _confusable(column.name for column in dataset.columns):
        yield f"columns.{name}: can be confused with '{other}'"
    columns = {column.name: column for column in dataset.columns}
    for name in sorted({dataset.entity_key, *dataset.primary_key}):
        if columns[name].nullable:
            yield f"columns.{name}: a key must not be nullable"
    if not dataset.jurisdiction or Jurisdiction.ANYWHERE in dataset.jurisdiction:
        yield "jurisdiction: needs at least one column, and 'anywhere' names none"
    for kind, name in dataset.jurisdiction.items():
        if columns[name].identifier is not IdentifierKind.DIVISION_CODE or columns[name].nullable:
            yield f"jurisdiction.{kind}: '{name}' is not a division code that is always known"
    for column in dataset.columns:
        yield from _column_problems(column, draft.grades)
    datasets = {listed.entry.name: listed.entry for listed in draft.datasets}
    for key in dataset.foreign_keys:
        if key.references in datasets:
            yield from _foreign_key_problems(key, dataset=dataset, referred=datasets[key.references])
        elif key.references not in draft.broken_datasets:
            yield f"foreign_keys: '{key}': the dataset does not exist"


def _foreign_key_problems(key: ForeignKey, *, dataset: Dataset, referred: Dataset) -> Iterator[str]:
    if len(set(key.columns)) != len(referred.primary_key):
        yield f"foreign_keys: '{key}': the primary key there has {len(referred.primary_key)} column(s)"
        return
    for name, primary in zip(key.columns, referred.primary_key, strict=True):
        ours, theirs = dataset.column(name), referred.column(primary)
        if ours is None or theirs is None or (ours.type, ours.identifier) != (theirs.type, theirs.identifier):
            yield f"foreign_keys: '{key}': '{name}' and '{referred.name}.{primary}' hold different things"


def _column_problems(column: Column, grades: Grades | None) -> Iterator[str]:
    path = f"columns.{column.name}"
    if grades is not None and column.grade not in {grade.id for grade in grades.grades}:
        yield f"{path}: grade '{column.grade}' does not exist"
    if (column.codes or column.identifier is not None) and column.type is not ColumnType.STRING:
        yield f"{path}: codes and identifiers are strings"
    if len({code.code for code in column.codes}) != len(column.codes):
        yield f"{path}: a code is repeated"
    if column.watermark and (
        column.type is not ColumnType.STRING or column.codes or column.identifier not in _FREE_TEXT
    ):
        yield f"{path}: watermark is for free text"
    if column.clamp is not None and column.type not in _NUMBERS:
        yield f"{path}: clamp is for numbers"
    if column.buckets:
        yield from (f"{path}: buckets: {problem}" for problem in _bucket_problems(column))


def _bucket_problems(column: Column) -> Iterator[str]:
    bounds, bits = column.buckets, _INTEGER_BITS.get(column.type)
    if len(bounds) < 2 or any(low >= high for low, high in itertools.pairwise(bounds)):
        yield "needs at least two bounds, ascending"
    if bits is None:
        yield "are for whole numbers"
    elif not all(-(2 ** (bits - 1)) <= bound < 2 ** (bits - 1) for bound in bounds):
        yield f"a bound is no {column.type}"


def _purpose_problems(purpose: Purpose, draft: Draft) -> Iterator[str]:
    yield from _article_problems(purpose.legal_basis)
    yield from _ground_problems(purpose)
    if draft.combinations is not None:
        known = {combination.id for combination in draft.combinations}
        for combination in sorted(purpose.permitted_combinations - known):
            yield f"permitted_combinations: '{combination}' does not exist"
    if purpose.active_until is not None and purpose.active_until < purpose.active_from:
        yield "active_until: is before active_from"
    if purpose.case_pattern is not None:
        yield from _case_pattern_problems(purpose.case_pattern, case_required=purpose.case_required)
    datasets = {listed.entry.name: listed.entry for listed in draft.datasets}
    named: set[str] = set()
    for need in purpose.datasets:
        path = f"datasets.{need.dataset}"
        if need.dataset in named:
            yield f"{path}: is named twice"
        named.add(need.dataset)
        if need.dataset in datasets:
            for problem in _need_problems(need, datasets[need.dataset], purpose):
                yield f"{path}{problem}"
        elif need.dataset not in draft.broken_datasets:
            yield f"{path}: does not exist"


def _ground_problems(purpose: Purpose) -> Iterator[str]:
    by_consent = purpose.lawful_ground is LawfulGround.CONSENT
    if purpose.consent_required and not by_consent:
        yield f"consent_required: a purpose on ground '{purpose.lawful_ground}' must not ask for consent (PIPL 13(2))"
    if by_consent and not purpose.consent_required:
        yield "consent_required: ground 'consent' needs it (PIPL 13(1)(1))"
    article = f"13(1)({purpose.lawful_ground.item})"
    if not any(basis.instrument.zh == _PIPL and basis.article == article for basis in purpose.legal_basis):
        yield f"legal_basis: ground '{purpose.lawful_ground}' must be cited as {_PIPL} {article}"


def _case_pattern_problems(pattern: str, *, case_required: bool) -> Iterator[str]:
    if not case_required:
        yield "case_pattern: needs case_required"
    try:
        re.compile(pattern)
    except re.error as error:
        yield f"case_pattern: is no regular expression ({error})"
    if _BEYOND_RE2.search(pattern):
        yield "case_pattern: RE2 has no look-around and no back-references"


def _need_problems(need: DatasetNeed, dataset: Dataset, purpose: Purpose) -> Iterator[str]:
    """Yield problems whose texts start with the rest of the path."""
    if dataset.sharing_class is SharingClass.NOT_SHARED:
        yield ": is not shared with anyone"
    if dataset.emergency_only and not purpose.emergency_required:
        yield ": is for emergencies only, and the purpose has no emergency_required"
    if need.jurisdiction is Jurisdiction.ANYWHERE:
        if len(dataset.jurisdiction) != 1:
            yield ".jurisdiction: 'anywhere' is ambiguous, the dataset has more than one kind of jurisdiction"
    elif need.jurisdiction not in dataset.jurisdiction:
        yield f".jurisdiction: the dataset has no jurisdiction '{need.jurisdiction}'"
    if purpose.lawful_ground is LawfulGround.CONSENT:
        keys = (dataset.column(name) for name, needed in need.columns.items() if needed.action is ColumnAction.LOOKUP)
        if not any(key is not None and key.identifier is IdentifierKind.RESIDENT_ID for key in keys):
            yield ": consent is given by person, so a resident_id must be the look-up key"
    entity = need.columns.get(dataset.entity_key)
    if purpose.aggregate_only and (entity is None or entity.action is not ColumnAction.PSEUDONYM):
        yield f".columns.{dataset.entity_key}: statistics count it, so it must be 'pseudonym'"
    for name, treatment in need.columns.items():
        column = dataset.column(name)
        if column is None:
            yield f".columns.{name}: does not exist"
        else:
            for problem in _treatment_problems(treatment, column):
                yield f".columns.{name}: {problem}"
            if purpose.aggregate_only and treatment.action is ColumnAction.CLEAR:
                for problem in _statistics_problems(column):
                    yield f".columns.{name}: {problem}"


def _statistics_problems(column: Column) -> Iterator[str]:
    """Yield why statistics may not use the clear values of a column."""
    if column.groupable and column.type in _NUMBERS | _DATES:
        yield "statistics group by it, so it must be generalised"
    elif column.type in _NUMBERS and column.clamp is None:
        yield "statistics sum it, so the dataset must clamp it"
    elif column.type in _NUMBERS and column.nullable:
        yield "statistics sum it, so it must not be nullable: the count of its values is another than that of the rows"


def _treatment_problems(treatment: Treatment, column: Column) -> Iterator[str]:
    mask = treatment.mask
    if mask in _DATE_MASKS and column.type is not ColumnType.DATE:
        yield f"mask '{mask}' is for dates"
    if mask is Mask.BUCKET and not column.buckets:
        yield "mask 'bucket' is for columns with buckets"
    held = column.identifier if mask is None else _IDENTIFIER_OF_MASK.get(mask, column.identifier)
    if held is not None and held is not column.identifier:
        yield f"mask '{mask}' is for columns that hold a {held.value}"
    if treatment.action is ColumnAction.PSEUDONYM and column.type is not ColumnType.STRING:
        yield "only strings can be pseudonymised"
    if treatment.action is ColumnAction.LOOKUP and (column.nullable or column.type is ColumnType.FLOAT64):
        yield "a look-up key is never null and compares exactly"
