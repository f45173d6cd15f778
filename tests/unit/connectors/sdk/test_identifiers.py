"""The form of identifiers."""

from __future__ import annotations

import random
import re

import numpy as np
import pyarrow as pa
import pytest
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from catalog.vocabulary import IdentifierKind
from connectors.sample_city.codes import credit_codes, resident_ids
from connectors.sdk.identifiers import CHECKED, well_formed

ROWS = 2_000


def by_stdnum(kind: IdentifierKind, value: str) -> bool:
    """What python-stdnum says, one value at a time."""
    try:
        if kind is IdentifierKind.CREDIT_CODE:
            return len(value) == 18 and bool(uscc.validate(value)) and uscc.compact(value) == value
        if re.fullmatch(r"[1-9][0-9]{5}(18|19|20)[0-9]{9}[0-9X]", value) is None:
            return False
        ric.get_birth_date(value)
        return bool(ric.calc_check_digit(value) == value[-1])
    except (ValidationError, ValueError):
        return False


def made(kind: IdentifierKind) -> list[str]:
    source = np.random.default_rng(7)
    districts = source.integers(310101, 310120, ROWS)
    if kind is IdentifierKind.CREDIT_CODE:
        codes = credit_codes(np.arange(ROWS), categories=np.ones(ROWS, dtype=np.int64), districts=districts)
        return codes.to_pylist()
    births = np.datetime64("1920-01-01") + source.integers(0, 38_000, ROWS).astype("m8[D]")
    return resident_ids(districts, births=births, sequences=source.integers(0, 999, ROWS)).to_pylist()


@pytest.mark.parametrize("kind", [IdentifierKind.RESIDENT_ID, IdentifierKind.CREDIT_CODE])
def test_check_digits_agree_with_another_implementation(kind: IdentifierKind) -> None:
    """Real codes are well formed; with one character changed, exactly those are that python-stdnum accepts too."""
    source, values = random.Random(7), made(kind)
    assert well_formed(pa.array(values), kind=kind).all()
    changed = []
    for value in values:
        place = source.randrange(8, 18) if kind is IdentifierKind.CREDIT_CODE else source.randrange(18)
        changed.append(value[:place] + source.choice("0123456789AXIO -王") + value[place + 1 :])
    truths = well_formed(pa.array(changed), kind=kind).tolist()
    assert truths == [by_stdnum(kind, value) for value in changed]
    assert 0 < sum(truths) < ROWS


@pytest.mark.parametrize("kind", sorted(CHECKED))
@pytest.mark.parametrize("value", ["", " ", "1", "31010100200", "X" * 18, "１" * 18, "1" * 19, "310101002003\n"])
def test_what_has_no_form_is_malformed(kind: IdentifierKind, value: str) -> None:
    """Other lengths, spaces, line breaks and digits of other scripts are no identifiers."""
    assert not well_formed(pa.array([value]), kind=kind).any()


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("11010519491231002X", True),
        ("110105194912310021", False),
        ("110105194902310026", False),
        ("110105194900310020", False),
    ],
)
def test_a_resident_id_has_a_day_of_birth(value: str, right: bool) -> None:
    """The example of GB 11643 is right; another check digit, 31 February and month 0 are wrong."""
    assert well_formed(pa.array([value]), kind=IdentifierKind.RESIDENT_ID).tolist() == [right]


def test_a_part_of_an_array_is_checked_alone() -> None:
    """An array with an offset has only its own values, and no values are no problem."""
    values = pa.array(["x", "310101002003", "31"])
    assert well_formed(values.slice(1), kind=IdentifierKind.DIVISION_CODE).tolist() == [True, False]
    assert well_formed(values.slice(3), kind=IdentifierKind.RESIDENT_ID).tolist() == []
