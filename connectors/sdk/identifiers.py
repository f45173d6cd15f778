"""Whether identifiers have the form of their kind. Whole arrays at once, because a city has millions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from catalog.vocabulary import IdentifierKind

Truths = npt.NDArray[np.bool_]
_Characters = npt.NDArray[np.uint8]
"""Shape (n, 18)."""

_RESIDENT_WEIGHTS: Final = np.array([pow(2, 17 - place, 11) for place in range(17)])
_RESIDENT_CHECKS: Final = np.frombuffer(b"10X98765432", dtype=np.uint8)
_CREDIT_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_VALUES: Final = np.array([_CREDIT_ALPHABET.find(chr(character)) for character in range(256)])
_CREDIT_WEIGHTS: Final = np.array([pow(3, place, 31) for place in range(17)])


def _is_resident_id(characters: _Characters) -> Truths:
    """Check digit and day of birth."""
    digits = characters[:, :17].astype(np.int64) - ord("0")
    year, month, day = digits[:, 6:10] @ (1000, 100, 10, 1), digits[:, 10:12] @ (10, 1), digits[:, 12:14] @ (10, 1)
    first = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = ((first + 1).astype("M8[D]") - first.astype("M8[D]")).astype(np.int64)
    is_day = (month >= 1) & (month <= 12) & (day >= 1) & (day <= days)
    well_formed: Truths = is_day & (characters[:, 17] == _RESIDENT_CHECKS[digits @ _RESIDENT_WEIGHTS % 11])
    return well_formed


def _is_credit_code(characters: _Characters) -> Truths:
    """Check digit."""
    values = _CREDIT_VALUES[characters]
    well_formed: Truths = (values[:, :17] @ _CREDIT_WEIGHTS + values[:, 17]) % 31 == 0
    return well_formed


_FORMS: Final[Mapping[IdentifierKind, tuple[str, Callable[[_Characters], Truths] | None]]] = {
    IdentifierKind.RESIDENT_ID: (r"\A[1-9][0-9]{5}(18|19|20)[0-9]{9}[0-9X]\z", _is_resident_id),
    IdentifierKind.CREDIT_CODE: (rf"\A[{_CREDIT_ALPHABET}][0-9]{{7}}[{_CREDIT_ALPHABET}]{{10}}\z", _is_credit_code),
    IdentifierKind.DIVISION_CODE: (r"\A[0-9]{12}\z", None),
}
CHECKED: Final = frozenset(_FORMS)
"""Kinds whose form can be checked."""


def well_formed(values: pa.StringArray, *, kind: IdentifierKind) -> Truths:
    """Tell for each value whether it has the form of its kind.

    Resident IDs follow GB 11643-1999 without the region, whose code may have been abolished since; credit codes follow
    GB 32100-2015; division codes have twelve digits.

    Args:
        values: Without nulls.
        kind: One of `CHECKED`.
    """
    pattern, check = _FORMS[kind]
    fitting = pc.match_substring_regex(values, pattern)
    truths: Truths = fitting.to_numpy(zero_copy_only=False).copy()
    if check is not None and truths.any():
        texts = values.filter(fitting)
        truths[truths] = check(np.frombuffer(texts.buffers()[2], dtype=np.uint8, count=18 * len(texts)).reshape(-1, 18))
    return truths
