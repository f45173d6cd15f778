from __future__ import annotations

import json
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.tlog.canonical import DEPTH_MAX, decode_canonical, encode_canonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))


def strictly_equal(left: object, right: object) -> bool:
    """Equality that tells 1 from True."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(strictly_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(strictly_equal, left, right))
    return type(left) is type(right) and left == right


@given(VALUES)
def test_round_trip(value: object) -> None:
    """Decoding an encoding gives the value back, so different values never share an encoding."""
    assert strictly_equal(decode_canonical(encode_canonical(value)), value)


@given(VALUES)
def test_is_json(value: object) -> None:
    """Any JSON reader understands the encoding, and it is one line without white space between tokens."""
    encoded = encode_canonical(value)
    assert strictly_equal(json.loads(encoded), value)
    assert b"\n" not in encoded


@given(st.dictionaries(TEXTS, LEAVES, min_size=2, max_size=5), st.randoms())
def test_member_order_does_not_matter(value: dict[str, object], random: object) -> None:
    """The order in which members were added leaves no trace."""
    shuffled = list(value.items())
    random.shuffle(shuffled)
    assert encode_canonical(dict(shuffled)) == encode_canonical(value)


def test_form() -> None:
    """Keys are sorted, nothing is padded, text stays UTF-8, line breaks are escaped."""
    assert encode_canonical({"b": [1, True, None], "a": "街\n"}) == '{"a":"街\\n","b":[1,true,null]}'.encode()


class Word(StrEnum):
    ONE = "one"


def test_enumerations_of_text_are_text() -> None:
    """A member of a text enumeration is written as its value."""
    assert encode_canonical({"one": Word.ONE}) == b'{"one":"one"}'


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        [float("nan")],
        {"a": {"b": 0.5}},
        {1: "a"},
        {None: "a"},
        (1, 2),
        {"a": {1, 2}},
        b"bytes",
        2**64,
        {Word.ONE: 1},
        "\ud800",
        {"\udfff": 1},
    ],
    ids=repr,
)
def test_refuses_what_has_no_single_form(value: object) -> None:
    """Floats, other types, keys that are not text and lone surrogates are refused, never converted."""
    with pytest.raises(ValueError, match=r".+"):
        encode_canonical(value)


def test_refuses_deep_nesting() -> None:
    """Nesting beyond the bound is refused; at the bound it is served."""
    value: object = 1
    for _ in range(DEPTH_MAX):
        value = [value]
    assert strictly_equal(decode_canonical(encode_canonical(value)), value)
    with pytest.raises(ValueError, match="nested"):
        encode_canonical([value])


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b"1.0",
        b"-0",
        b"NaN",
        b'"\\u8857"',
        b'"\\/"',
        b"1\n",
        b"\xff",
        b"",
        b"[" * 100_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_decodes_only_canonical_bytes(data: bytes) -> None:
    """Another spelling of the same value, a repeated key or broken JSON is refused."""
    with pytest.raises(ValueError, match=r".+"):
        decode_canonical(data)
