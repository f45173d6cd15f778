"""Tests of the sets of data subjects."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from connectors.sdk.subject_sets import MEMBERS_MAX, SubjectCollector, hash_subjects, pack_set, unpack_set

_KEY = bytes(range(16))


def _people(start: int, count: int) -> pa.Array:
    return pa.array([f"31010119{number:010d}" for number in range(start, start + count)])


def _collected(values: pa.Array, *, key: bytes = _KEY) -> list[np.ndarray]:
    collector = SubjectCollector(key=key)
    return [*collector.add(values), *collector.rest()]


def test_who_was_added_is_found_and_nobody_else() -> None:
    """Every member is found again after packing; of a million others none is, as one in 2^40 for each member says."""
    sets = [unpack_set(pack_set(one), members=len(one)) for one in _collected(_people(0, 100_000))]
    assert len(sets) == 1
    assert np.isin(hash_subjects(_people(0, 100_000), key=_KEY), sets[0]).all()
    assert not np.isin(hash_subjects(_people(10_000_000, 1_000_000), key=_KEY), sets[0]).any()


def test_false_positives_are_as_many_as_stated() -> None:
    """With the hash cut to 26 bits instead of 40, the measured rate is members / 2^26, within a tenth."""
    members = np.unique(hash_subjects(_people(0, 200_000), key=_KEY) >> np.uint64(14))
    others = hash_subjects(_people(10_000_000, 1_000_000), key=_KEY) >> np.uint64(14)
    rate = np.isin(others, members).mean()
    assert rate == pytest.approx(len(members) / 2**26, rel=0.1)


def test_a_row_takes_three_bytes() -> None:
    """A large set takes little more than 3 bytes a member, the set of a point look-up 6."""
    [large] = _collected(_people(0, MEMBERS_MAX))
    [single] = _collected(_people(0, 1))
    assert len(pack_set(large)) <= 3.2 * MEMBERS_MAX
    assert len(pack_set(single)) <= 6


@pytest.mark.parametrize("count", [1, 2, 3, 5, 31, 32, 33, 1000])
def test_packing_loses_nothing(count: int) -> None:
    """What was packed comes out, whatever the members are, the largest possible among them."""
    choose = random.Random(count)
    members = sorted({2**40 - 1, *(choose.randrange(2**40) for _ in range(count - 1))})
    hashes = np.array(members, dtype=np.uint64)
    assert unpack_set(pack_set(hashes), members=len(hashes)).tolist() == members


def test_a_set_is_bounded_and_a_person_counts_once() -> None:
    """A long scan gives several sets; rows of the same person and rows without identifier add nothing."""
    values = pa.concat_arrays([_people(0, MEMBERS_MAX), _people(0, MEMBERS_MAX), pa.nulls(10, pa.string())])
    collector = SubjectCollector(key=_KEY)
    sets = [one for batch in range(0, len(values), 8192) for one in collector.add(values.slice(batch, 8192))]
    sets += collector.rest()
    assert len(sets) == 2
    assert len(sets[0]) <= MEMBERS_MAX
    assert sets[0].tolist() == sets[1].tolist()
    assert (
        _collected(pa.concat_arrays([_people(7, 1), _people(7, 1)]))[0].tolist()
        == _collected(_people(7, 1))[0].tolist()
    )
    assert _collected(pa.nulls(3, pa.string())) == []


def test_another_department_has_other_hashes() -> None:
    """Without the department's key nobody can ask the set: the same person is not found with another key."""
    [members] = _collected(_people(0, 1000))
    assert not np.isin(hash_subjects(_people(0, 1000), key=bytes(16)), members).any()


def test_what_is_no_set_is_refused() -> None:
    """A packed set with another number of members, or of an impossible size, raises ValueError."""
    [members] = _collected(_people(0, 100))
    packed = pack_set(members)
    for count in (0, 99, 101, MEMBERS_MAX + 1):
        with pytest.raises(ValueError, match="not a set"):
            unpack_set(packed, members=count)
    with pytest.raises(ValueError, match="not a set"):
        unpack_set(bytes(5 * MEMBERS_MAX + 1), members=MEMBERS_MAX)
