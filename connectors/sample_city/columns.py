"""Small pieces that the datasets' columns are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sample_city.codes import Ints, digits, fixed_width_text, letters
from connectors.sample_city.rates import AS_OF
from connectors.sample_city.territory import Slice

Bools = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]
Rng = np.random.Generator
Columns = Mapping[str, object]
"""Catalogue column name to a numpy or Arrow array."""

TODAY: Final = np.datetime64(AS_OF, "D")
_SECONDS_PER_DAY: Final = 86_400


def chosen(words: Iterable[str] | pa.Array, *, rows: Ints) -> pa.Array:
    """Return one of the words per row; `rows` holds their indices."""
    array = words if isinstance(words, pa.Array) else pa.array(words, pa.string())
    return array.take(pa.array(rows))


def without(values: pa.Array, *, missing: Bools) -> pa.Array:
    """Return the values with nulls where they are missing."""
    return pc.if_else(pa.array(missing), pa.scalar(None, values.type), values)


def either(condition: Bools, *, then: pa.Array, otherwise: pa.Array) -> pa.Array:
    """Return the one value where the condition holds, else the other."""
    return pc.if_else(pa.array(condition), then, otherwise)


def at(values: pa.Array, *, rows: Ints) -> pa.Array:
    """Return the values at the row numbers, which may repeat."""
    return values.take(pa.array(rows))


def share(rng: Rng, *, rate: float | npt.NDArray[np.float64], count: int) -> Bools:
    """Return true for about `rate` of the rows."""
    return rng.random(count) < rate


def days_between(rng: Rng, *, first: Dates | np.datetime64, last: Dates | np.datetime64, count: int) -> Dates:
    """Draw days from `first` to `last`, both included; `first` where the two are in the wrong order."""
    start = np.broadcast_to(np.asarray(first, dtype="M8[D]"), count)
    width = np.maximum((np.asarray(last, dtype="M8[D]") - start).astype(np.int64) + 1, 1)
    days: Dates = start + (rng.random(count) * width).astype(np.int64).astype("m8[D]")
    return days


def moments(rng: Rng, *, days: Dates) -> Dates:
    """Return instants within the days, in whole seconds, UTC."""
    seconds = (rng.random(len(days)) * _SECONDS_PER_DAY).astype(np.int64)
    instants: Dates = days.astype("M8[us]") + seconds.astype("m8[s]")
    return instants


def division_codes(place: Slice, *, committee: Ints) -> pa.Array:
    """Return twelve-digit committee codes."""
    return at(fixed_width_text(digits(place.committees, width=12)), rows=committee)


def serial_codes(place: Slice, *, committee: Ints, letter: str, serial: Ints) -> pa.Array:
    """Return codes made of the committee, a letter for the register and the number in it: distinct in the city."""
    return fixed_width_text(
        digits(place.committees[committee], width=12), letters(letter, rows=len(serial)), digits(serial, width=6)
    )


def table(schema: pa.Schema, *, columns: Columns) -> pa.Table:
    """Return the columns as a table with exactly the schema.

    Raises:
        KeyError: A column of the catalogue is missing.
        ValueError: There are columns that the catalogue does not have, or nulls where it allows none.
    """
    extra = set(columns) - set(schema.names)
    if extra:
        raise ValueError(f"not in the catalogue: {sorted(extra)}")
    arrays = [_typed(columns[field.name], field=field) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _typed(values: object, *, field: pa.Field) -> pa.Array:
    array = values if isinstance(values, pa.Array) else pa.array(values)
    array = array if array.type == field.type else array.cast(field.type)
    if array.null_count and not field.nullable:
        raise ValueError(f"column '{field.name}' has nulls")
    return array
