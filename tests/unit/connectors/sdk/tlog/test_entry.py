from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import decode_entry, encode_entry, leaf_hash, read_header

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
PARTS = st.fixed_dictionaries(
    {
        "sequence": st.integers(1, 2**64 - 1),
        "entry_id": st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z"),
        "kind": st.from_regex(r"\A[a-z_]{1,32}\Z"),
        "time_micros": st.integers(-(2**63), 2**63 - 1),
        "body": st.dictionaries(TEXTS, VALUES, max_size=4),
    }
)


def encode(parts: dict[str, object]) -> bytes:
    return encode_entry(encode_canonical(parts["body"]), **{name: parts[name] for name in parts if name != "body"})


@given(PARTS)
def test_round_trip(parts: dict[str, object]) -> None:
    """Reading an entry's bytes gives every part back, so different entries never share their bytes."""
    leaf = encode(parts)
    entry = decode_entry(leaf)
    assert {name: getattr(entry, name) for name in parts} == parts
    assert encode_canonical(dict(entry.body)) == encode_canonical(parts["body"])
    assert entry.leaf == leaf


@given(PARTS, PARTS)
def test_different_entries_have_different_bytes(one: dict[str, object], other: dict[str, object]) -> None:
    """The form is injective: equal bytes come from equal entries only."""
    same = {**one, "body": encode_canonical(one["body"])} == {**other, "body": encode_canonical(other["body"])}
    assert (encode(one) == encode(other)) == same


@given(PARTS, st.binary(max_size=40))
def test_only_the_one_form_is_read(parts: dict[str, object], data: bytes) -> None:
    """Whatever is read as an entry is exactly what writing that entry gives."""
    for leaf in (data, encode(parts) + data, data + encode(parts)):
        try:
            entry = decode_entry(leaf)
        except ValueError:
            continue
        again = encode_entry(
            encode_canonical(dict(entry.body)),
            sequence=entry.sequence,
            entry_id=entry.entry_id,
            kind=entry.kind,
            time_micros=entry.time_micros,
        )
        assert again == leaf


LEAF = encode_entry(b'{"a":1}', sequence=7, entry_id="e-7", kind="denial", time_micros=-1)


def test_form() -> None:
    """The bytes are those that the documentation describes."""
    parts = (b"\x02", bytes(7), b"\x07", b"\xff" * 8, b"\x06denial", b"\x03e-7", b'{"a":1}')
    assert b"".join(parts) == LEAF
    assert read_header(LEAF).body_offset == LEAF.index(b"{")
    assert leaf_hash(LEAF) == hashlib.sha256(b"\x00" + LEAF).digest()
    assert decode_entry(LEAF).sha256 == leaf_hash(LEAF).hex()


@pytest.mark.parametrize(
    "leaf",
    [
        b"",
        LEAF[:-1],
        LEAF + b" ",
        b"\x01" + LEAF[1:],
        LEAF.replace(b"\x07\xff", b"\x00\xff"),
        LEAF.replace(b"denial", b"Denial"),
        LEAF.replace(b"e-7", b"e/7"),
        LEAF.replace(b'{"a":1}', b'{"a":1.5}'),
        LEAF.replace(b'{"a":1}', b'{"a": 1}'),
        LEAF.replace(b'{"a":1}', b"[1]"),
        LEAF.replace(b'{"a":1}', b""),
    ],
)
def test_nothing_else_is_an_entry(leaf: bytes) -> None:
    """Another version, number, kind, id or spelling is refused."""
    assert decode_entry(LEAF).body == {"a": 1}
    with pytest.raises(ValueError, match=r".+"):
        decode_entry(leaf)
