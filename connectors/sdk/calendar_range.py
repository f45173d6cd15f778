"""The days and instants that data may hold: years 1 to 9999, which every reader can show."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_DAYS_YEAR_1, _DAYS_YEAR_10000 = -719_162, 2_932_897
"""From 1970-01-01."""
_MICROS_A_DAY = 86_400_000_000


def calendar_range(arrow_type: pa.DataType) -> tuple[pa.Scalar, pa.Scalar]:
    """Return the first value and the first one after the last.

    Args:
        arrow_type: date32, or timestamp in microseconds.
    """
    is_date = pa.types.is_date32(arrow_type)
    ticks, ticks_a_day = (pa.int32(), 1) if is_date else (pa.int64(), _MICROS_A_DAY)
    first, end = (pa.scalar(days * ticks_a_day, ticks) for days in (_DAYS_YEAR_1, _DAYS_YEAR_10000))
    return first.cast(arrow_type), end.cast(arrow_type)


def is_in_calendar(values: pa.Array) -> bool:
    """Tell whether no day or instant lies outside; other types never do."""
    if not (pa.types.is_date32(values.type) or pa.types.is_timestamp(values.type)):
        return True
    first, end = calendar_range(values.type)
    bounds = pc.min_max(values)
    inside = pc.and_(pc.greater_equal(bounds["min"], first), pc.less(bounds["max"], end))
    return inside.as_py() is not False
