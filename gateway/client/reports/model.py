"""Templates of report sheets: what is asked for, and how the finished form looks."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from catalog.dataset import DatasetName, Entry, Name, Text

DIVISIONS = "divisions"
"""Names the titles of administrative divisions, where else `dataset.column` names a code list."""
_SUFFIX = ".yaml"
_BYTES_MAX = 1 << 20
_COLUMNS_MAX = 60
_MESSAGE_MAX = 250
"""Characters of a message or list in a spreadsheet's cell validation."""
YEARS_MAX = 130
"""Oldest age, in years."""
_MARK_OR_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|--[^\n]*|\?")
_CODE_LIST = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


class ReportInvalid(Exception):
    """A template, or what was set for its parameters, is not valid; `text` says why and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(f"{text.zh} / {text.en}")
        self.text = text


class ParameterKind(StrEnum):
    """What a parameter takes from a person, and what the statement gets."""

    TEXT = "text"
    INTEGER = "integer"
    DATE = "date"
    """ISO 8601."""
    AGE = "age"
    """Completed years; the statement gets the latest day of birth of somebody who is that old today."""
    DIVISION = "division"
    """Code or name of a division of one's own area; the statement gets the code, or an empty text for the whole area."""


class Parameter(Entry):
    """What a person may set."""

    kind: ParameterKind
    title: Text
    default: str
    """As a person would type it."""
    pattern: str = ""
    """For a text: regular expression that all of it must match; empty for any."""

    @model_validator(mode="after")
    def _default_is_valid(self) -> Parameter:
        re.compile(self.pattern)
        if self.kind is not ParameterKind.DIVISION:
            self.read(self.default, today=datetime.date(2000, 1, 1))
        return self

    def read(self, typed: str, *, today: datetime.date) -> str | int | datetime.date:
        """Return what the statement gets, except for a division, which only the catalogue knows.

        Raises:
            ValueError: It is not of the parameter's kind.
        """
        match self.kind:
            case ParameterKind.INTEGER:
                return int(typed)
            case ParameterKind.DATE:
                return datetime.date.fromisoformat(typed)
            case ParameterKind.AGE:
                return _born_before(today, years=int(typed))
            case _:
                if self.pattern and not re.fullmatch(self.pattern, typed):
                    raise ValueError(self.pattern)
                return typed


class SheetColumn(Entry):
    """One column of the sheet: filled from the result, or by a person, or from the result where it has a value."""

    heading: Text
    width: float = Field(ge=3, le=80)
    """In characters of half width."""
    column: Name | None = None
    """Column of the result; None when a person fills it in."""
    words: str = ""
    """Code list that turns codes into words: `dataset.column` of the catalogue, or `divisions`."""
    total: bool = False
    """Whether the last row adds the column up."""
    ask: Text | None = None
    """Why and how a person fills it in; at most 250 characters."""
    choices: tuple[Text, ...] = ()
    """What a person chooses from: without commas, together at most 250 characters."""

    @field_validator("words")
    @classmethod
    def _names_a_code_list(cls, words: str) -> str:
        if words and words != DIVISIONS and not _CODE_LIST.fullmatch(words):
            raise ValueError(f"'{words}' is neither '{DIVISIONS}' nor schema.table.column")
        return words

    @model_validator(mode="after")
    def _is_filled(self) -> SheetColumn:
        if self.column is None and self.ask is None:
            raise ValueError("needs 'column', or 'ask' for a person to fill it in")
        if self.column is None and (self.words or self.total):
            raise ValueError("'words' and 'total' need 'column'")
        if self.choices and self.ask is None:
            raise ValueError("'choices' need 'ask'")
        for language in ("zh", "en"):
            choices = [getattr(choice, language) for choice in self.choices]
            if any("," in choice for choice in choices) or len(",".join(choices)) > _MESSAGE_MAX:
                raise ValueError(f"'choices' have no comma and together at most {_MESSAGE_MAX} characters")
            if self.ask and len(getattr(self.ask, language)) > _MESSAGE_MAX:
                raise ValueError(f"'ask' has at most {_MESSAGE_MAX} characters")
        return self


class Template(Entry):
    """One report sheet."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    title: Text
    description: Text
    purpose: str
    """Id of the purpose that is declared."""
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    sql: str
    """One statement with a `?` for each value."""
    bind: tuple[Name, ...] = ()
    """The parameter of each `?`, in order; one may occur more than once."""
    group: SheetColumn | None = None
    """Rows with the same value stand together below a heading; the statement must sort by it first."""
    columns: tuple[SheetColumn, ...] = Field(min_length=1, max_length=_COLUMNS_MAX)
    """From left to right, after the numbering."""
    notes: tuple[Text, ...] = ()
    signatures: tuple[Text, ...] = ()
    """Who signs, from left to right."""

    @model_validator(mode="after")
    def _fits_together(self) -> Template:
        unknown = [name for name in self.bind if name not in self.parameters]
        if unknown:
            raise ValueError(f"'bind' names '{unknown[0]}', which is not under 'parameters'")
        unused = self.parameters.keys() - set(self.bind)
        if unused:
            raise ValueError(f"'bind' does not name parameter '{min(unused)}'")
        marks = len(list(_marks(self.sql)))
        if marks != len(self.bind):
            raise ValueError(f"'sql' has {marks} '?', 'bind' has {len(self.bind)}")
        if self.group is not None and self.group.column is None:
            raise ValueError("'group' needs 'column'")
        return self

    @property
    def filled(self) -> tuple[SheetColumn, ...]:
        """What is filled from the result, the group first."""
        columns = (self.group, *self.columns) if self.group else self.columns
        return tuple(column for column in columns if column.column is not None)

    @property
    def code_lists(self) -> frozenset[DatasetName]:
        """Datasets whose code lists are needed."""
        return frozenset(c.words.rpartition(".")[0] for c in self.filled if c.words not in ("", DIVISIONS))


def with_values(sql: str, values: Sequence[str | int | datetime.date]) -> str:
    """Return a statement with literals in place of its `?`, of which there are as many as values."""
    end, parts = 0, []
    for value, at in zip(values, _marks(sql), strict=True):
        parts += [sql[end:at], _literal(value)]
        end = at + 1
    return "".join([*parts, sql[end:]])


def template_names() -> list[str]:
    """Return the ids of the templates that come with the client, sorted."""
    names = (file.name for file in (resources.files(__package__) / "templates").iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def load_template(name: str) -> Template:
    """Return the template of that id that comes with the client, or the one in a file of one's own.

    Raises:
        ReportInvalid: There is none, or it is not valid.
    """
    if name in template_names():
        return _read(name, (resources.files(__package__) / "templates" / f"{name}{_SUFFIX}").read_bytes())
    try:
        with Path(name).open("rb") as file:
            return _read(name, file.read(_BYTES_MAX))
    except OSError:
        known = " ".join(template_names())
        raise ReportInvalid(
            Text(
                zh=f"没有报表模板“{name}”。可用：{known}，或给出自己的模板文件（.yaml）的路径。",
                en=f"There is no template '{name}'. There are: {known}; or give the path of your own file (.yaml).",
            )
        ) from None


def _marks(sql: str) -> Iterator[int]:
    """Yield where the `?` stand that are no part of a text, a quoted name or a comment."""
    return (found.start() for found in _MARK_OR_QUOTED.finditer(sql) if found[0] == "?")


def _literal(value: str | int | datetime.date) -> str:
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int):
        return str(value) if value >= 0 else f"({value})"
    text = value.replace("'", "''")
    return f"'{text}'"


def _read(name: str, content: bytes) -> Template:
    try:
        return Template.model_validate(yaml.safe_load(content))
    except ValidationError as error:
        problems = "; ".join(_problem(found) for found in error.errors())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        problems = " ".join(str(error).split())
    raise ReportInvalid(
        Text(
            zh=f"模板 {name} 有误：{problems}。请改正后重试；写法见 docs/reports.md。",
            en=f"Template {name} is not valid: {problems}. Correct it and try again; docs/reports.md says how.",
        )
    )


def _problem(found: object) -> str:
    assert isinstance(found, dict)  # noqa: S101 - pydantic's own
    place = ".".join(str(part) for part in found["loc"])
    return f"{place}: {found['msg']}" if place else str(found["msg"])


def _born_before(today: datetime.date, *, years: int) -> datetime.date:
    """Return the latest day of birth of somebody who has completed so many years."""
    if not 0 <= years <= YEARS_MAX:
        raise ValueError(f"0–{YEARS_MAX}")
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February, where that year has none
        return datetime.date(today.year - years, 2, 28)
