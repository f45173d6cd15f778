"""The first version of a catalogue entry and a connector's configuration, from a real table.

Names, types, nulls and identifiers are read off the table. What only people can say stays an empty text, which neither
the catalogue nor the connector accepts. No value of the table is written down.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pydantic import SecretStr
from pypinyin import lazy_pinyin

from catalog.vocabulary import Category, ColumnType, IdentifierKind
from connectors.sdk.config import SourceSettings
from connectors.sdk.identifiers import CHECKED, well_formed
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.profile import every_row
from connectors.sdk.source import MappedColumn, MappedTable, Source, SourceScan
from connectors.sources.opening import open_source

_SAMPLE_ROWS = 10_000
_PART_WELL_FORMED = 0.9
"""Of an identifier's values: real tables have mistakes."""
_HEADER = """\
# 草稿：请补全每一处空白（""），再运行 connector check。
# A draft: fill in every empty text ("") and run connector check.
"""
_CATEGORIES: Mapping[IdentifierKind, Category] = {
    IdentifierKind.RESIDENT_ID: Category.IDENTITY,
    IdentifierKind.CREDIT_CODE: Category.BUSINESS,
    IdentifierKind.DIVISION_CODE: Category.LOCATION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Two YAML files."""

    entry: str
    """For `datasets/` of the catalogue."""
    config: str
    """For `connector check`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    name: str
    own_name: str
    type: ColumnType
    nullable: bool
    identifier: IdentifierKind | None
    unique: bool


def draft(settings: SourceSettings, *, table: str, dataset: str, department: str) -> Draft:
    """Describe `table` as `dataset` of a department.

    Args:
        settings: Where the table is; goes into the configuration, password included.
        table: Own name, as in a configuration.
        dataset: Name of the new dataset.
        department: Its controller.

    Raises:
        SourceError: The table cannot be read.
        ValueError: A department's own code cannot be loaded.
    """
    own = open_source(settings, tables={}).own_schema(table)
    types = {field.name: found for field in own if (found := _catalogue_type(field.type)) is not None}
    names = _catalogue_names(tuple(types))
    columns = tuple(
        MappedColumn(field=pa.field(names[own_name], _ARROW[found]), own_name=own_name)
        for own_name, found in types.items()
    )
    mapped = MappedTable(dataset=dataset, table=table, columns=columns)
    read = open_source(settings, tables={dataset: mapped})
    every_column = mapped.schema.names
    sample = _read(read, mapped, columns=every_column, predicate=every_row(every_column[0]), rows_max=_SAMPLE_ROWS)
    described = tuple(
        _Column(
            name=column.field.name,
            own_name=column.own_name,
            type=types[column.own_name],
            nullable=_has_null(read, mapped, column.field.name),
            identifier=_identifier(sample[column.field.name]),
            unique=pc.count_distinct(sample[column.field.name]).as_py() == sample.num_rows,
        )
        for column in columns
    )
    read.close()
    left_out = tuple(f"{field.name!r} ({field.type})" for field in own if field.name not in types)
    return Draft(
        entry=_entry(described, dataset=dataset, department=department, left_out=left_out),
        config=_config(described, table=table, dataset=dataset, department=department, source=_section(settings)),
    )


_ARROW: Mapping[ColumnType, pa.DataType] = {
    ColumnType.STRING: pa.string(),
    ColumnType.INT16: pa.int16(),
    ColumnType.INT32: pa.int32(),
    ColumnType.INT64: pa.int64(),
    ColumnType.FLOAT64: pa.float64(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
}


def _catalogue_type(own: pa.DataType) -> ColumnType | None:
    """Return the narrowest catalogue type that holds every value, or None."""
    plain = own.value_type if pa.types.is_dictionary(own) else own
    if pa.types.is_integer(plain):
        bits = plain.bit_width + (1 if pa.types.is_unsigned_integer(plain) else 0)
        return ColumnType.INT16 if bits <= 16 else ColumnType.INT32 if bits <= 32 else ColumnType.INT64
    if pa.types.is_decimal(plain):
        return ColumnType.INT64 if plain.scale == 0 else ColumnType.FLOAT64
    if pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain):
        return ColumnType.STRING
    if pa.types.is_floating(plain):
        return ColumnType.FLOAT64
    if pa.types.is_timestamp(plain):
        return ColumnType.TIMESTAMP
    return next((kind for kind, arrow_type in _ARROW.items() if arrow_type == plain), None)


def _catalogue_names(own_names: tuple[str, ...]) -> Mapping[str, str]:
    """Return a catalogue name for each own one: lower case, Chinese as pinyin, a number after a repeated one."""
    names: dict[str, str] = {}
    for own_name in own_names:
        words = re.findall("[a-z0-9]+", "_".join(lazy_pinyin(own_name)).lower())
        name = re.sub("^(?=[0-9])|^$", "c", "_".join(words))[:60]
        repeated = sum(re.fullmatch(rf"{name}(_[0-9]+)?", other) is not None for other in names.values())
        names[own_name] = f"{name}_{repeated + 1}" if repeated else name
    return names


def _read(source: Source, table: MappedTable, *, columns: list[str], predicate: Predicate, rows_max: int) -> pa.Table:
    request = SourceScan(
        dataset=table.dataset, columns=tuple(columns), predicate=predicate, rows_max=rows_max, batch_rows=rows_max
    )
    with source.scan(request) as stream:
        return pa.Table.from_batches(list(stream), schema=table.projected(tuple(columns)))


def _has_null(source: Source, table: MappedTable, column: str) -> bool:
    null = Predicate(op=PredicateOp.IS_NULL, column=column)
    return bool(_read(source, table, columns=[column], predicate=null, rows_max=1).num_rows)


def _identifier(values: pa.ChunkedArray) -> IdentifierKind | None:
    """Return the kind of identifier that nearly all values have the form of."""
    if not pa.types.is_string(values.type):
        return None
    texts = pc.unique(values.drop_null())
    for kind in sorted(CHECKED):
        if len(texts) and well_formed(texts, kind=kind).mean() >= _PART_WELL_FORMED:
            return kind
    return None


def _entry(columns: tuple[_Column, ...], *, dataset: str, department: str, left_out: tuple[str, ...]) -> str:
    def first(*kinds: IdentifierKind) -> str:
        return next((column.name for kind in kinds for column in columns if column.identifier is kind), "")

    keys = [column.name for column in columns if column.unique and not column.nullable]
    blank = {"zh": "", "en": ""}
    entry: dict[str, Any] = {
        "name": dataset,
        "version": "1.0",
        "title": blank,
        "description": blank,
        "controller": department,
        "source": blank,
        "update_cycle": "",
        "sharing_class": "",
        "opening_class": "",
        "entity_key": first(IdentifierKind.RESIDENT_ID, IdentifierKind.CREDIT_CODE),
        "primary_key": keys[:1] or [""],
        "jurisdiction": {"": first(IdentifierKind.DIVISION_CODE)},
        "columns": [_column_entry(column) for column in columns],
    }
    more = f"# 这些列须用视图转换 Convert these in a view: {', '.join(left_out)}\n" if left_out else ""
    return _HEADER + more + _yaml(entry)


def _column_entry(column: _Column) -> dict[str, Any]:
    is_chinese = re.search("[\u4e00-\u9fff]", column.own_name) is not None
    entry: dict[str, Any] = {
        "name": column.name,
        "type": str(column.type),
        "title": {"zh": column.own_name if is_chinese else "", "en": ""},
        "grade": "",
        "category": "" if column.identifier is None else str(_CATEGORIES[column.identifier]),
        "nullable": column.nullable,
    }
    return entry if column.identifier is None else entry | {"identifier": str(column.identifier)}


def _section(settings: SourceSettings) -> Mapping[str, Any]:
    """Return the section `source` of a configuration, without defaults."""
    written = settings.model_dump(exclude_defaults=True)
    secrets = {key: value.get_secret_value() for key, value in written.items() if isinstance(value, SecretStr)}
    return written | secrets | {key: str(value) for key, value in written.items() if isinstance(value, Path)}


def _config(
    columns: tuple[_Column, ...], *, table: str, dataset: str, department: str, source: Mapping[str, Any]
) -> str:
    mapping: dict[str, Any] = {"table": table, "columns": {column.name: column.own_name for column in columns}}
    persons = {c.name: "partial" for c in columns if c.identifier is IdentifierKind.RESIDENT_ID}
    if persons:
        mapping["ceiling"] = persons
    config = {
        "department": department,
        "listen": "",
        "grant_keys": "grant-keys.json",
        "tls": {"certificate": f"{department}.pem", "private_key": f"{department}.key", "ca": "ca.pem"},
        "registration": {"endpoint": "", "token_file": f"connector-{department}.jwt", "ca": "ca.pem"},
        "catalogue": "catalogue",
        "source": source,
        "datasets": {dataset: mapping},
    }
    return _HEADER + _yaml(config)


def _yaml(document: object) -> str:
    text = yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    return text.replace('? ""\n  : ', '"": ')


class _Dumper(yaml.SafeDumper):
    """Writes everything out instead of referring to what came before, and texts between double quotes."""

    def ignore_aliases(self, data: object) -> bool:
        """See PyYAML."""
        return True

    def analyze_scalar(self, scalar: str) -> yaml.emitter.ScalarAnalysis:
        """See PyYAML."""
        analysis = super().analyze_scalar(scalar)
        analysis.allow_single_quoted = False
        return analysis
