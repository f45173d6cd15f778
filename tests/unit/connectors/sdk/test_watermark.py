"""Marks: invisible, the same for the same text and requester, and of no use to anybody else."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sdk.watermark import (
    DIGESTS_MAX,
    LOG_CHANCE_MAX,
    MARK,
    log_chance,
    mark_texts,
    matches,
    read_marks,
    requester_key,
    strip_marks,
)

SECRET = b"s" * 32
KEY = requester_key(SECRET, subject="a")
KNOWN = [False, False, False, False, False, False, False]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=MARK), max_size=60)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.none() | TEXT, max_size=40), offset=st.integers(0, 5))
def test_a_mark_adds_one_invisible_character_and_comes_off_again(texts: list[str | None], offset: int) -> None:
    """Whatever the text and wherever it stands in memory: marked or as it was, alike for equal texts, and strippable."""
    array = pa.array(texts, pa.string()).slice(offset)
    marked = mark_texts(array, key=KEY)
    assert strip_marks(marked).equals(array)
    alone = {text: mark_texts(pa.array([text], pa.string()), key=KEY)[0].as_py() for text in texts}
    assert marked.to_pylist() == [alone[text] for text in texts[offset:]]
    assert all(out in (text, f"{text}{MARK}") for text, out in alone.items() if text)
    assert alone.get("") in (None, "")


def test_slices_and_nulls_are_marked_as_they_stand() -> None:
    """Wherever texts lie in memory, and whatever hides under a null, the same texts are marked the same way."""
    texts = pa.array([None if i % 5 == 0 else "" if i % 7 == 0 else f"张{i}" * (1 + i % 9) for i in range(200)])
    marked = mark_texts(texts, key=KEY)
    marked.validate(full=True)
    assert strip_marks(marked).equals(texts)
    for start, length in [(0, 200), (3, 90), (11, 1), (100, 0), (5, 64)]:
        part = mark_texts(texts.slice(start, length), key=KEY)
        part.validate(full=True)
        assert part.to_pylist() == marked.to_pylist()[start : start + length]
    assert mark_texts(pa.array([], pa.string()), key=KEY).to_pylist() == []
    assert mark_texts(pa.nulls(3, pa.string()), key=KEY).to_pylist() == [None] * 3


def test_every_byte_of_a_text_counts() -> None:
    """Texts of every length that differ in one place are marked independently: half of them, within chance."""
    base = "0123456789" * 4
    texts = [base[:i] + letter + base[i + 1 : n] for n in range(1, 41) for i in range(n) for letter in "abcdefgh"]
    marked = [text.endswith(MARK) for text in mark_texts(pa.array(texts), key=KEY).to_pylist()]
    for length in range(1, 41):
        share = [mark for text, mark in zip(texts, marked, strict=True) if len(text) == length]
        assert abs(sum(share) / len(share) - 0.5) < 5 * 0.5 / math.sqrt(len(share))
    digests, _ = read_marks([mark_texts(pa.array(texts), key=KEY)])
    assert len(digests) == len(set(texts))


def test_marks_do_not_change() -> None:
    """A copy that was delivered years ago can still be traced: the same key marks the same texts."""
    texts = pa.array(["王小明", "李**", "138****1234", "上海市黄浦区南京东路街道", "a", "12345678", "123456789"])
    assert [text.endswith(MARK) for text in mark_texts(texts, key=KEY).to_pylist()] == KNOWN


def test_only_the_requesters_own_key_fits() -> None:
    """All texts fit who received them; anybody else fits about half, as by coin toss."""
    texts = pa.array([f"张{i}弄{i % 7}号" for i in range(2_000)])
    digests, marked = read_marks([mark_texts(texts, key=KEY)])
    others = [requester_key(SECRET, subject=f"other-{i}") for i in range(50)]
    assert matches(digests, marked, key=KEY) == len(digests) == 2_000
    assert all(abs(matches(digests, marked, key=key) - 1_000) < 5 * math.sqrt(500) for key in others)
    assert matches(digests, marked, key=requester_key(b"t" * 32, subject="a")) < 1_200


def test_reading_leaves_out_what_says_nothing() -> None:
    """Columns without marks, empty texts and nulls, and texts both with and without a mark are no evidence."""
    texts = pa.array([f"t{i}" for i in range(100)])
    marked = mark_texts(texts, key=KEY)
    known = read_marks([marked])
    silent = pa.array([f"code-{i}" for i in range(100)] + ["", None])
    assert [part.tolist() for part in read_marks([silent, marked, silent])] == [part.tolist() for part in known]
    both = pa.concat_arrays([marked, pa.array(["t0", f"t0{MARK}", "", None])])
    assert len(read_marks([both])[0]) == 99
    assert [len(part) for part in read_marks([silent])] == [0, 0]
    assert [len(part) for part in read_marks([])] == [0, 0]
    many = pa.array([f"{i}{MARK}" for i in range(DIGESTS_MAX + 5)])
    assert len(read_marks([many])[0]) == DIGESTS_MAX


@pytest.mark.parametrize(("compared", "requesters"), [(20, 1), (60, 10), (200, 10_000), (1_000, 3)])
def test_the_stated_chance_is_never_smaller_than_the_real_one(compared: int, requesters: int) -> None:
    """The logarithm that is told bounds the exact binomial tail, so nobody is accused on a better chance than real."""
    tail = 0
    for matching in range(compared, -1, -1):
        tail += math.comb(compared, matching)
        exact = tail * requesters
        told = log_chance(matching, compared=compared, requesters=requesters)
        assert told <= 0
        assert told >= min(0.0, math.log(exact) - compared * math.log(2)) - 1e-9
    assert log_chance(0, compared=0, requesters=requesters) == 0


def test_sixty_texts_name_one_among_thousands() -> None:
    """How few texts are enough, as the documentation says; with a dozen nobody is named."""
    assert log_chance(60, compared=60, requesters=10_000) < LOG_CHANCE_MAX
    assert log_chance(12, compared=12, requesters=20) > LOG_CHANCE_MAX


def test_an_innocent_requester_is_not_accused() -> None:
    """Of 20,000 innocent requesters none fits a copy well enough to be named."""
    texts = pa.array([f"{i}" for i in range(500)])
    digests, marked = read_marks([mark_texts(texts, key=KEY)])
    count = 20_000
    best = max(matches(digests, marked, key=requester_key(SECRET, subject=f"r{i}")) for i in range(count))
    assert log_chance(best, compared=500, requesters=count) > LOG_CHANCE_MAX
    assert np.isclose(best / 500, 0.5, atol=0.15)
