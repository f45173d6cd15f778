"""Identifiers of the sample city."""

from __future__ import annotations

import numpy as np
import pytest
from stdnum.cn import ric, uscc

from connectors.sample_city.codes import ORGANISATIONS_MAX, ResidentNumbers, credit_codes, resident_ids


def test_known_resident_ids_come_out_as_the_standard_prints_them() -> None:
    """The two examples of GB 11643 have the check digits that the standard gives them."""
    ids = resident_ids(
        np.array([110105, 440524]),
        births=np.array(["1949-12-31", "1880-01-01"], dtype="M8[D]"),
        sequences=np.array([2, 1]),
    )
    assert ids.to_pylist() == ["11010519491231002X", "440524188001010014"]


def test_resident_ids_agree_with_stdnum_on_any_date() -> None:
    """Check digits are those of an independent implementation, for every remainder including X."""
    rng = np.random.default_rng(3)
    ids = resident_ids(
        np.full(3_000, 310101),
        births=np.datetime64("1910-01-01") + rng.integers(0, 42_000, 3_000).astype("m8[D]"),
        sequences=rng.integers(0, 1_000, 3_000),
    ).to_pylist()
    assert {number[-1] for number in ids} == set("0123456789X")
    assert all(ric.is_valid(number) for number in ids)


def test_credit_codes_agree_with_stdnum() -> None:
    """Credit codes are valid, distinct and carry the registering district."""
    codes = credit_codes(np.arange(5_000), categories=np.full(5_000, 1), districts=np.full(5_000, 310115)).to_pylist()
    assert all(uscc.is_valid(code) for code in codes)
    assert len(set(codes)) == 5_000
    assert {code[:8] for code in codes} == {"91310115"}


def test_the_organisation_part_has_its_own_check_character() -> None:
    """Characters 9 to 17 of a credit code are an organisation code of GB 11714 with a valid check character."""
    codes = credit_codes(np.arange(500), categories=np.full(500, 1), districts=np.full(500, 310115)).to_pylist()
    for code in codes:
        part = code[8:17]
        total = sum(int(c, 36) * w for c, w in zip(part[:8], (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
        assert part[8] == "0X987654321"[total % 11]


def test_credit_codes_end_where_their_numbers_end() -> None:
    """A serial that would repeat an earlier code is refused."""
    with pytest.raises(ValueError, match="organisations"):
        credit_codes(np.array([ORGANISATIONS_MAX]), categories=np.array([1]), districts=np.array([310115]))


def _numbers() -> ResidentNumbers:
    return ResidentNumbers(places=2, first_day=np.datetime64("2000-01-01"), last_day=np.datetime64("2000-12-31"))


def test_one_day_and_place_has_five_hundred_numbers_for_each_sex() -> None:
    """All 1,000 sequence numbers of a day and place are given out once, odd ones to men, over several calls."""
    numbers = _numbers()
    taken: list[int] = []
    for _ in range(4):
        male = np.arange(250) % 2 == 1
        births = np.full(250, np.datetime64("2000-05-05"))
        sequences = numbers.take(np.ones(250, dtype=np.int64), births=births, male=male)
        assert (sequences % 2 == male).all()
        taken.extend(sequences.tolist())
    assert sorted(taken) == list(range(1_000))


def test_too_many_people_born_on_one_day_are_refused() -> None:
    """The generator stops rather than giving one number to two people."""
    numbers = _numbers()
    with pytest.raises(ValueError, match="identity numbers"):
        numbers.take(
            np.zeros(501, dtype=np.int64),
            births=np.full(501, np.datetime64("2000-05-05")),
            male=np.full(501, True),
        )
