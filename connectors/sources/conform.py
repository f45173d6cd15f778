"""Give what a database returned the exact schema that the catalogue promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from connectors.sdk.calendar_range import is_in_calendar
from connectors.sdk.source import MappedColumn, MappedTable, SourceCode, SourceError

LOCAL_TIME_ZONE = "Asia/Shanghai"
"""Zone of stored times that carry none."""


def conform(columns: list[pa.Array], *, schema: pa.Schema) -> pa.RecordBatch:
    """Cast columns to `schema` without loss.

    Raises:
        SourceError: A value does not fit its type, is not valid text or lies outside the calendar, or is null where the
            catalogue allows none.
    """
    try:
        arrays = [column.cast(field.type) for column, field in zip(columns, schema, strict=True)]
        for array in arrays:
            array.validate(full=True)
    except (pa.ArrowException, ValueError):
        raise SourceError(SourceCode.DRIFT, detail="a value does not fit its column's type") from None
    for array, field in zip(arrays, schema, strict=True):
        if array.null_count and not field.nullable:
            raise SourceError(SourceCode.DRIFT, detail=f"null in '{field.name}'")
        if not is_in_calendar(array):
            raise SourceError(SourceCode.DRIFT, detail=f"no date in '{field.name}'")
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def is_convertible(own: pa.DataType, wanted: pa.DataType) -> bool:
    """Tell whether `converted` keeps every value or fails."""
    plain = own.value_type if pa.types.is_dictionary(own) else own
    if plain == wanted:
        return True
    if pa.types.is_string(wanted):
        return bool(pa.types.is_large_string(plain) or pa.types.is_string_view(plain) or pa.types.is_integer(plain))
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(plain) or (pa.types.is_decimal(plain) and plain.scale == 0))
    if pa.types.is_floating(wanted):
        return bool(pa.types.is_floating(plain) or pa.types.is_decimal(plain) or pa.types.is_integer(plain))
    return bool(pa.types.is_timestamp(wanted) and pa.types.is_timestamp(plain))


def converted(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return values of a convertible type as `wanted`; times without a zone are Shanghai's.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit.
    """
    if pa.types.is_timestamp(array.type) and array.type.tz is None:
        array = pc.assume_timezone(array, LOCAL_TIME_ZONE, ambiguous="earliest", nonexistent="earliest")
    values = array.cast(wanted)
    if pa.types.is_boolean(wanted) and not values.cast(array.type).equals(array):
        raise pa.ArrowInvalid("a number is no truth value")
    return values


def in_catalogue_types(batch: pa.RecordBatch, columns: tuple[MappedColumn, ...]) -> pa.RecordBatch:
    """Return the columns of a batch in own names, `converted` and under catalogue names.

    Raises:
        pyarrow.ArrowInvalid: A value does not fit.
    """
    arrays = [converted(batch.column(column.own_name), column.field.type) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, names=[column.field.name for column in columns])


def described(table: MappedTable, own: pa.Schema) -> pa.Schema:
    """Return what `Source.describe` says of a table whose columns are `own`."""
    fields = []
    for column in table.columns:
        index = own.get_field_index(column.own_name)
        if index >= 0:
            own_type, wanted = own.field(index).type, column.field.type
            fields.append(column.field.with_type(wanted if is_convertible(own_type, wanted) else own_type))
    return pa.schema(fields)


def described_tables(
    tables: Mapping[str, MappedTable], *, describe: Callable[[MappedTable], pa.Schema]
) -> Mapping[str, pa.Schema]:
    """Return what `Source.describe` does: the schema of each dataset, without those whose table `describe` says is not there.

    Raises:
        SourceError: As `describe` does, but for drift.
    """
    found = {}
    for dataset, table in tables.items():
        try:
            found[dataset] = describe(table)
        except SourceError as error:
            if error.code is not SourceCode.DRIFT:
                raise
    return found


def prefix_end(prefix: str) -> str | None:
    """Return the least text greater than every text that starts with `prefix`, by code point; None when there is none.

    With it `prefix` becomes a range, which indexes and row-group statistics can answer and which has no wildcards.
    """
    for position in range(len(prefix) - 1, -1, -1):
        code_point = ord(prefix[position]) + 1
        if code_point == 0xD800:
            code_point = 0xE000  # the surrogates are no characters
        if code_point <= 0x10FFFF:
            return prefix[:position] + chr(code_point)
    return None
