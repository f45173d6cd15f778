"""A keyed hash of short texts, over whole Arrow arrays: AES-128 in CBC-MAC over the length and the text.

The length comes first, so that no input is the beginning of another, which CBC-MAC needs (ISO/IEC 9797-1, algorithm 1).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

KEY_BYTES = 16
_BLOCK_BYTES = 16
_LENGTH_BYTES = 4
_ROWS_AT_ONCE = 4096
"""So that the scratch space stays in the processor's cache and need not be taken from the system each time."""

Words = npt.NDArray[np.uint64]


def keyed_hash64(array: pa.StringArray, *, key: bytes) -> Words:
    """Return the first 8 bytes, little-endian, of the MAC over 4 bytes of length (little-endian), the UTF-8 text, and zeros.

    Args:
        array: Type string, without nulls; may have an offset.
        key: 16 bytes.

    Returns:
        One hash for each value, in order.
    """
    hashes = np.empty(len(array), dtype=np.uint64)
    _, offsets_buffer, data = array.buffers()
    offsets = np.frombuffer(offsets_buffer or bytes(4), dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    text = b"" if data is None else memoryview(data)
    starts, lengths = offsets[:-1], np.diff(offsets)
    encryptor = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305 - chained below
    for first in range(0, len(array), _ROWS_AT_ONCE):
        some = lengths[first : first + _ROWS_AT_ONCE]
        for length in np.flatnonzero(np.bincount(some)):  # np.unique takes ten times as long
            chosen = first + np.flatnonzero(some == length)
            hashes[chosen] = _chained(_padded(text, starts[chosen], length=int(length)), encryptor=encryptor)
    return hashes


def _padded(text: bytes | memoryview, starts: npt.NDArray[np.int32], *, length: int) -> npt.NDArray[np.uint8]:
    """Return one row of whole blocks for each value of this length."""
    end = _LENGTH_BYTES + length
    rows = np.zeros((len(starts), -(-end // _BLOCK_BYTES) * _BLOCK_BYTES), dtype=np.uint8)
    rows[:, :_LENGTH_BYTES] = np.frombuffer(length.to_bytes(_LENGTH_BYTES, "little"), dtype=np.uint8)
    if length:
        values = np.ndarray((len(text) - length + 1,), dtype=f"V{length}", buffer=text, strides=(1,))
        places = np.ndarray(
            (len(starts),), dtype=f"V{length}", buffer=rows.data, strides=rows.strides[:1], offset=_LENGTH_BYTES
        )
        places[:] = values[starts]
    return rows


def _chained(rows: npt.NDArray[np.uint8], *, encryptor: CipherContext) -> Words:
    state = np.zeros((len(rows), _BLOCK_BYTES), dtype=np.uint8)
    for start in range(0, rows.shape[1], _BLOCK_BYTES):
        block = rows[:, start : start + _BLOCK_BYTES] ^ state
        state = np.frombuffer(encryptor.update(block.data), dtype=np.uint8).reshape(-1, _BLOCK_BYTES)
    words: Words = state.view("<u8")[:, 0]
    return words
