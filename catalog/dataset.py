"""A catalogued dataset: its columns, grades, controller and promises (Shanghai Data Regulation, article 28)."""

from __future__ import annotations

from typing import Annotated, Protocol

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.vocabulary import (
    Category,
    ColumnType,
    IdentifierKind,
    Jurisdiction,
    OpeningClass,
    SharingClass,
    UpdateCycle,
)

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
DatasetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,62}$")]

_ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    ColumnType.STRING: pa.string(),
    ColumnType.INT16: pa.int16(),
    ColumnType.INT32: pa.int32(),
    ColumnType.INT64: pa.int64(),
    ColumnType.FLOAT64: pa.float64(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


class Entry(BaseModel):
    """A frozen catalogue entry; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(Entry):
    """Text shown to people, in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Bilingual(Protocol):
    """A text in both languages: of the catalogue, or as it travels."""

    @property
    def zh(self) -> str:
        """Chinese."""
        ...

    @property
    def en(self) -> str:
        """English."""
        ...


class Code(Entry):
    """One value of a code list."""

    code: str
    title: Text


class Clamp(Entry):
    """Bounds, inclusive, to which statistics clamp the values before they sum them."""

    low: int
    high: int

    @model_validator(mode="after")
    def _is_a_range(self) -> Clamp:
        if self.low >= self.high:
            raise ValueError("low must be less than high")
        return self


class Column(Entry):
    """One column of a dataset."""

    name: Name
    type: ColumnType
    title: Text
    grade: str
    """Key of `grades.yaml`."""
    category: Category
    nullable: bool = True
    identifier: IdentifierKind | None = None
    watermark: bool = False
    """For text that need not be exact: clear values may leave with a mark that names the recipient of a copy."""
    standard: str | None = None
    """Standard that defines the values, for example `GB 11643-1999`."""
    codes: tuple[Code, ...] = ()
    """The code list, when values are codes."""
    groupable: bool = False
    """Whether statistics may be grouped by this column."""
    clamp: Clamp | None = None
    """For a number: statistics may sum it, and one data subject then counts for no more than these bounds."""
    buckets: tuple[int, ...] = ()
    """For a whole number: the lower bounds, ascending, of the buckets that mask `bucket` leaves of the values."""

    @property
    def arrow_type(self) -> pa.DataType:
        """Arrow type of the column; masks keep it."""
        return _ARROW_TYPES[self.type]


class ForeignKey(Entry):
    """Columns that hold the primary key of a dataset, to join with; the row may be absent there."""

    columns: tuple[Name, ...] = Field(min_length=1)
    """In the order of the primary key."""
    references: DatasetName

    def __str__(self) -> str:
        """Return it for people."""
        return f"{', '.join(self.columns)} → {self.references}"


class Dataset(Entry):
    """One dataset of one controller."""

    name: DatasetName
    version: str = Field(pattern=r"^[1-9][0-9]{0,5}\.(0|[1-9][0-9]{0,5})$")
    """`major.minor`; `catalog.changes` says which changes raise which."""
    title: Text
    description: Text
    controller: str
    """Key of `departments.yaml`."""
    source: Text
    """The business system the data comes from."""
    update_cycle: UpdateCycle
    sharing_class: SharingClass
    opening_class: OpeningClass
    sharing_condition: Text | None = None
    """Required for conditional sharing."""
    emergency_only: bool = False
    """Whether only purposes that need a declared emergency may open the dataset."""
    entity_key: Name
    """Column that identifies the data subject."""
    primary_key: tuple[Name, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    jurisdiction: dict[Jurisdiction, Name]
    """Which column holds the division code for each kind of jurisdiction."""
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_exist(self) -> Dataset:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("column names are not unique")
        referring = (name for key in self.foreign_keys for name in key.columns)
        for name in (self.entity_key, *self.primary_key, *referring, *self.jurisdiction.values()):
            if name not in names:
                raise ValueError(f"column '{name}' is named but does not exist")
        if self.sharing_class is SharingClass.CONDITIONAL and self.sharing_condition is None:
            raise ValueError("conditional sharing needs a sharing_condition")
        return self

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the dataset as a connector describes it: catalogue order, nullability, no metadata."""
        return pa.schema([pa.field(c.name, c.arrow_type, nullable=c.nullable) for c in self.columns])

    def column(self, name: str) -> Column | None:
        """Return the column called `name`, or None."""
        return next((column for column in self.columns if column.name == name), None)
