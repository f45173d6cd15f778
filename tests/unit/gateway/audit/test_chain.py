from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.canonical import encode_canonical
from gateway.audit.chain import EMPTY, ChainHead, encode_line, hash_line, match_tail, read_entry
from gateway.model.audit import EntryKind

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
BODIES = st.dictionaries(TEXTS, TEXTS | st.integers() | st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=4)


@given(
    body=BODIES,
    entry_id=st.from_regex(r"\A[A-Za-z0-9._-]{1,64}\Z"),
    kind=st.sampled_from(EntryKind),
    size=st.integers(0, 10**15),
    head=st.binary(min_size=32, max_size=32),
    time_micros=st.integers(-(2**62), 2**62),
)
def test_line_is_canonical_json(
    body: dict[str, object], entry_id: str, kind: EntryKind, size: int, head: bytes, time_micros: int
) -> None:
    """A line is the canonical JSON of all seven members, and reading it gives the entry back."""
    after = ChainHead(size=size, sha256=head.hex())
    line = encode_line(encode_canonical(body), entry_id=entry_id, kind=kind, after=after, time_micros=time_micros)
    members = {
        "body": body,
        "entry_id": entry_id,
        "kind": kind,
        "previous": head.hex(),
        "sequence": size + 1,
        "time_micros": time_micros,
        "version": 1,
    }
    assert line == encode_canonical(members) + b"\n"
    entry = read_entry(line)
    assert (entry.sequence, entry.entry_id, entry.kind, entry.time_micros) == (size + 1, entry_id, kind, time_micros)
    assert entry.body == body
    assert entry.sha256 == hashlib.sha256(line[:-1]).hexdigest() == hash_line(line)
    tail = match_tail(line)
    assert tail is not None
    assert tail["previous"].decode() == head.hex()


def test_a_body_cannot_pose_as_the_tail() -> None:
    """Text in a body that looks like the fields after it is not taken for them."""
    posing = (
        '","entry_id":"forged","kind":"denial","previous":"' + "0" * 64 + '","sequence":9,"time_micros":9,"version":1}'
    )
    line = encode_line(
        encode_canonical({"z": posing, "y": {"entry_id": "forged", "kind": "denial"}}),
        entry_id="true",
        kind=EntryKind.INTENT,
        after=EMPTY,
        time_micros=1,
    )
    tail = match_tail(line)
    assert tail is not None
    assert (tail["entry_id"], tail["sequence"]) == (b"true", b"1")


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line[:-1],
        lambda line: line + b"\n",
        lambda line: line.replace(b'"version":1', b'"version":2'),
        lambda line: line.replace(b'"sequence":1', b'"sequence":01'),
        lambda line: line.replace(b'"kind":"denial"', b'"kind":"other"'),
        lambda line: line.replace(b'{"body":{', b'{"body": {'),
        lambda line: line.replace(b'{"body":{"a":1}', b'{"body":{"a":1.5}'),
        lambda line: b"garbage\n",
    ],
)
def test_reads_nothing_else(change: object) -> None:
    """Another version, spelling or kind is not an entry; the unchanged line is."""
    line = encode_line(b'{"a":1}', entry_id="e", kind=EntryKind.DENIAL, after=EMPTY, time_micros=1)
    assert read_entry(line).body == {"a": 1}
    with pytest.raises(ValueError, match=r".+"):
        read_entry(change(line))
