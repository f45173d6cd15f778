"""Give what a database returned the exact schema that the catalogue promises."""

from __future__ import annotations

import pyarrow as pa

from connectors.sdk.calendar_range import is_in_calendar
from connectors.sdk.source import SourceCode, SourceError

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
