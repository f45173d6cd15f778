"""Vectorised identifiers: resident IDs (GB 11643) and unified social credit codes (GB 32100) with their check digits."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_RESIDENT_WEIGHTS: Final = np.array([pow(2, 17 - i, 11) for i in range(17)], dtype=np.int64)
_RESIDENT_CHECKS: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)
_CREDIT_ALPHABET: Final = np.frombuffer(b"0123456789ABCDEFGHJKLMNPQRTUWXY", dtype=np.uint8)
_CREDIT_WEIGHTS: Final = np.array([pow(3, i, 31) for i in range(17)], dtype=np.int64)
_ORGANISATION_WEIGHTS: Final = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ORGANISATION_CHECKS: Final = np.frombuffer(b"0X987654321", dtype=np.uint8)
ORGANISATIONS_MAX: Final = 31**6


def digits(numbers: Ints, *, width: int) -> Bytes:
    """Return the decimal digits as ASCII, zero-padded: shape (n, width)."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + 48).astype(np.uint8)


def letters(text: str, *, rows: int) -> Bytes:
    """Return the same ASCII text for every row: shape (rows, len(text))."""
    return np.broadcast_to(np.frombuffer(text.encode("ascii"), dtype=np.uint8), (rows, len(text)))


def fixed_width_text(*parts: Bytes) -> pa.StringArray:
    """Join ASCII columns of equal height into one string per row, without a Python object per row."""
    matrix = np.ascontiguousarray(np.hstack(parts))
    rows, width = matrix.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(matrix))


def date_numbers(dates: npt.NDArray[np.datetime64]) -> Ints:
    """Return dates as numbers yyyymmdd."""
    years = dates.astype("M8[Y]")
    months = dates.astype("M8[M]")
    year = years.astype(np.int64) + 1970
    month = (months - years.astype("M8[M]")).astype(np.int64) + 1
    day = (dates.astype("M8[D]") - months.astype("M8[D]")).astype(np.int64) + 1
    numbers: Ints = year * 10_000 + month * 100 + day
    return numbers


def resident_ids(places: Ints, *, births: npt.NDArray[np.datetime64], sequences: Ints) -> pa.StringArray:
    """Write 18-character resident IDs.

    Args:
        places: Six-digit codes of the place of issue.
        births: Birth dates.
        sequences: 0 to 999, odd for men.
    """
    body = np.hstack([digits(places, width=6), digits(date_numbers(births), width=8), digits(sequences, width=3)])
    sums = (body.astype(np.int64) - 48) @ _RESIDENT_WEIGHTS
    return fixed_width_text(body, _RESIDENT_CHECKS[sums % 11][:, None])


def credit_codes(serials: Ints, *, categories: Ints, districts: Ints) -> pa.StringArray:
    """Write 18-character unified social credit codes of bodies registered with the market supervision departments.

    Args:
        serials: Distinct numbers below `ORGANISATIONS_MAX`; distinct serials give distinct codes.
        categories: Second character: 1 company, 2 individual business, 3 farmers' cooperative, 9 other.
        districts: Six-digit codes of the registering district.

    Raises:
        ValueError: A serial is too large.
    """
    if len(serials) and serials.max() >= ORGANISATIONS_MAX:
        raise ValueError(f"no more than {ORGANISATIONS_MAX} organisations can be numbered")
    scattered = (serials * 387_420_491 + 12_345) % ORGANISATIONS_MAX
    places = scattered[:, None] // 31 ** np.arange(5, -1, -1, dtype=np.int64) % 31
    organisation = np.hstack([letters("MA", rows=len(serials)), _CREDIT_ALPHABET[places]])
    checks = _ORGANISATION_CHECKS[_organisation_values(organisation) @ _ORGANISATION_WEIGHTS % 11]
    body = np.hstack(
        [
            letters("9", rows=len(serials)),
            digits(categories, width=1),
            digits(districts, width=6),
            organisation,
            checks[:, None],
        ]
    )
    ranks = np.searchsorted(_CREDIT_ALPHABET, body)
    return fixed_width_text(body, _CREDIT_ALPHABET[(31 - ranks @ _CREDIT_WEIGHTS % 31) % 31][:, None])


def _organisation_values(characters: Bytes) -> Ints:
    """Return the values of GB 11714: digits as they are, A to Z as 10 to 35."""
    values = characters.astype(np.int64)
    return np.where(values < 58, values - 48, values - 55)


class ResidentNumbers:
    """Hands out sequence numbers so that no two residents ever share an ID, in memory that does not grow with the city.

    Per place, birth day and sex there are 500 sequence numbers; a counter says how many are used.
    """

    def __init__(self, *, places: int, first_day: np.datetime64, last_day: np.datetime64) -> None:
        self._first_day = first_day
        self._days = int((last_day - first_day).astype("m8[D]").astype(np.int64)) + 1
        self._used = np.zeros(places * self._days * 2, dtype=np.uint16)

    def take(self, place_indices: Ints, *, births: npt.NDArray[np.datetime64], male: npt.NDArray[np.bool_]) -> Ints:
        """Return unused sequence numbers, 0 to 999, odd for men.

        Raises:
            ValueError: More than 500 people of one sex were born in one place on one day.
        """
        day = (births - self._first_day).astype("m8[D]").astype(np.int64)
        keys = (place_indices * self._days + day) * 2 + male
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        groups, starts, counts = np.unique(ordered, return_index=True, return_counts=True)
        ranks = np.empty(len(keys), dtype=np.int64)
        ranks[order] = np.arange(len(keys)) - np.repeat(starts, counts) + np.repeat(self._used[groups], counts)
        if len(ranks) and ranks.max() >= 500:
            raise ValueError("the city has more residents than there are identity numbers for one day and place")
        self._used[groups] += counts.astype(np.uint16)
        # 387 has no common factor with 500, so scattering keeps the numbers of one key distinct.
        return (ranks * 387 + keys * 211) % 500 * 2 + male
