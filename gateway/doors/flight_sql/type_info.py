"""The SQL types of columns, casts and results, numbered as in JDBC and ODBC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import pyarrow as pa

from catalog.vocabulary import ColumnType
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from sharing_stubs.arrow.flight.sql.flight_sql_pb2 import XdbcDataType

XDBC_TYPE_INFO = pa.schema(
    [
        pa.field("type_name", pa.string(), nullable=False),
        pa.field("data_type", pa.int32(), nullable=False),
        pa.field("column_size", pa.int32()),
        pa.field("literal_prefix", pa.string()),
        pa.field("literal_suffix", pa.string()),
        pa.field("create_params", pa.list_(pa.field("item", pa.string(), nullable=False))),
        pa.field("nullable", pa.int32(), nullable=False),
        pa.field("case_sensitive", pa.bool_(), nullable=False),
        pa.field("searchable", pa.int32(), nullable=False),
        pa.field("unsigned_attribute", pa.bool_()),
        pa.field("fixed_prec_scale", pa.bool_(), nullable=False),
        pa.field("auto_increment", pa.bool_()),
        pa.field("local_type_name", pa.string()),
        pa.field("minimum_scale", pa.int32()),
        pa.field("maximum_scale", pa.int32()),
        pa.field("sql_data_type", pa.int32(), nullable=False),
        pa.field("datetime_subcode", pa.int32()),
        pa.field("num_prec_radix", pa.int32()),
        pa.field("interval_precision", pa.int32()),
    ]
)
_NULLABLE, _SEARCHABLE_BASIC, _SEARCHABLE_FULL = 1, 2, 3
_DATE, _TIMESTAMP, _TIMESTAMP_WITH_TIMEZONE = 1, 3, 5
"""Subcodes of dates and times."""
_MICROSECONDS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DataType:
    """One row of the type information; what is None does not apply."""

    type_name: str
    data_type: int
    sql_data_type: int
    column_size: int | None = None
    """Digits, bits (see `num_prec_radix`) or characters."""
    literal_prefix: str | None = None
    literal_suffix: str | None = None
    nullable: int = _NULLABLE
    case_sensitive: bool = False
    searchable: int = _SEARCHABLE_BASIC
    unsigned_attribute: bool | None = None
    fixed_prec_scale: bool = False
    auto_increment: bool | None = None
    minimum_scale: int | None = None
    maximum_scale: int | None = None
    datetime_subcode: int | None = None
    num_prec_radix: int | None = None


def _exact(name: str, number: int, *, digits: int, scale_max: int = 0) -> DataType:
    return DataType(
        type_name=name,
        data_type=number,
        sql_data_type=number,
        column_size=digits,
        unsigned_attribute=False,
        auto_increment=False,
        minimum_scale=0,
        maximum_scale=scale_max,
        num_prec_radix=10,
    )


def _floating(name: str, number: int, *, bits: int) -> DataType:
    return DataType(
        type_name=name,
        data_type=number,
        sql_data_type=number,
        column_size=bits,
        unsigned_attribute=False,
        auto_increment=False,
        num_prec_radix=2,
    )


def _time(name: str, number: int, *, characters: int, subcode: int, scale: int | None = None) -> DataType:
    return DataType(
        type_name=name,
        data_type=number,
        sql_data_type=XdbcDataType.XDBC_DATETIME,
        column_size=characters,
        literal_prefix=f"{name} '",
        literal_suffix="'",
        minimum_scale=scale,
        maximum_scale=scale,
        datetime_subcode=subcode,
    )


_BOOLEAN = DataType(
    type_name="BOOLEAN", data_type=XdbcDataType.XDBC_BIT, sql_data_type=XdbcDataType.XDBC_BIT, column_size=1
)
_BIGINT = _exact("BIGINT", XdbcDataType.XDBC_BIGINT, digits=19)
_DECIMAL = _exact("DECIMAL", XdbcDataType.XDBC_DECIMAL, digits=38, scale_max=38)
_INTEGER = _exact("INTEGER", XdbcDataType.XDBC_INTEGER, digits=10)
_SMALLINT = _exact("SMALLINT", XdbcDataType.XDBC_SMALLINT, digits=5)
_FLOAT = _floating("FLOAT", XdbcDataType.XDBC_REAL, bits=24)
_DOUBLE = _floating("DOUBLE", XdbcDataType.XDBC_DOUBLE, bits=53)
_VARCHAR = DataType(
    type_name="VARCHAR",
    data_type=XdbcDataType.XDBC_VARCHAR,
    sql_data_type=XdbcDataType.XDBC_VARCHAR,
    literal_prefix="'",
    literal_suffix="'",
    case_sensitive=True,
    searchable=_SEARCHABLE_FULL,
)
_DAY = _time("DATE", XdbcDataType.XDBC_DATE, characters=10, subcode=_DATE)
_MOMENT = _time("TIMESTAMP", XdbcDataType.XDBC_TIMESTAMP, characters=26, subcode=_TIMESTAMP, scale=_MICROSECONDS)
_MOMENT_WITH_ZONE = _time(
    "TIMESTAMPTZ",
    XdbcDataType.XDBC_TIMESTAMP,
    characters=32,
    subcode=_TIMESTAMP_WITH_TIMEZONE,
    scale=_MICROSECONDS,
)
DATA_TYPES: Final = (
    _BOOLEAN,
    _BIGINT,
    _DECIMAL,
    _INTEGER,
    _SMALLINT,
    _FLOAT,
    _DOUBLE,
    _VARCHAR,
    _DAY,
    _MOMENT,
    _MOMENT_WITH_ZONE,
)
"""Sorted by `data_type`, then by name. `TIMESTAMPTZ` is the type of moments; the zone of results is Asia/Shanghai."""
_TYPE_OF: Final[Mapping[ColumnType, DataType]] = {
    ColumnType.STRING: _VARCHAR,
    ColumnType.INT16: _SMALLINT,
    ColumnType.INT32: _INTEGER,
    ColumnType.INT64: _BIGINT,
    ColumnType.FLOAT64: _DOUBLE,
    ColumnType.BOOL: _BOOLEAN,
    ColumnType.DATE: _DAY,
    ColumnType.TIMESTAMP: _MOMENT_WITH_ZONE,
}


def type_of(column: ColumnType) -> DataType:
    """Return the SQL type of a catalogued column."""
    return _TYPE_OF[column]


def xdbc_type_info(command: flight_sql_pb2.CommandGetXdbcTypeInfo) -> pa.Table:
    """Return the types, or those of one number."""
    rows = [
        asdict(kind) for kind in DATA_TYPES if not command.HasField("data_type") or kind.data_type == command.data_type
    ]
    return pa.Table.from_pylist(rows, schema=XDBC_TYPE_INFO)
