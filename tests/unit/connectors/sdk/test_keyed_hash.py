"""Tests of the keyed hash of texts."""

from __future__ import annotations

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from connectors.sdk.keyed_hash import keyed_hash64

KEY = bytes(range(16))


def _one_by_one(text: str, *, key: bytes = KEY) -> int:
    """Return the CBC-MAC of the length and the text, by the cipher mode of the library."""
    data = len(text.encode()).to_bytes(4, "little") + text.encode()
    encryptor = Cipher(algorithms.AES128(key), modes.CBC(bytes(16))).encryptor()
    return int.from_bytes(encryptor.update(data + bytes(-len(data) % 16))[-16:][:8], "little")


@given(st.lists(st.text(max_size=60), max_size=30), st.integers(0, 5))
def test_every_text_has_the_mac_of_its_own_bytes(texts: list[str], skipped: int) -> None:
    """Whatever the lengths, the characters and the offset of the array are, each hash is the MAC of that text alone."""
    found = keyed_hash64(pa.array(texts, pa.string()).slice(skipped), key=KEY)
    assert found.tolist() == [_one_by_one(text) for text in texts[skipped:]]


def test_padding_and_length_tell_texts_apart() -> None:
    """Texts that differ only in trailing zero bytes, and the empty one, have different hashes; another key gives others."""
    texts = pa.array(["", "\0", "\0\0", "a", "a\0", "a" * 12, "a" * 12 + "\0", "a" * 13])
    found = keyed_hash64(texts, key=KEY).tolist()
    assert len(set(found)) == len(found)
    assert not set(found) & set(keyed_hash64(texts, key=bytes(16)).tolist())


def test_no_text_is_no_hash() -> None:
    """An empty array, also one without buffers, gives no hashes."""
    assert len(keyed_hash64(pa.array([], pa.string()), key=KEY)) == 0
    assert len(keyed_hash64(pa.array(["a"]).slice(1), key=KEY)) == 0
