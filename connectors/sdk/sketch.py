"""A sketch of a set of primary keys: tells how much two datasets share, and no key.

One-permutation MinHash (Li, Owen and Zhang, NIPS 2012) under a secret key that is used for one comparison.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sdk.keyed_hash import Words, keyed_hash64

BINS = 256
_BIN_SHIFT = np.uint64(56)
_NONE = np.uint64(2**64 - 1)
_SEPARATOR = "\x1f"
_ROWS_AT_ONCE = 1 << 20
"""So that the texts of one array stay below the 2 GiB that its offsets can count."""


class Sketch:
    """Takes rows in any order and any number of batches; a row that comes twice changes nothing.

    A row's text is its key columns as text in the order of the key, with U+001F between them; null is the empty text. The
    text is hashed with `keyed_hash64`. The highest 8 bits of the hash choose a bin, which keeps its smallest hash.

    Args:
        key: 16 random bytes.
    """

    def __init__(self, *, key: bytes) -> None:
        self._key = key
        self._smallest = np.full(BINS, _NONE, dtype=np.uint64)

    def add(self, keys: pa.RecordBatch) -> None:
        """Add the rows of a batch that has the primary key's columns only, in the order of the key."""
        for start in range(0, keys.num_rows, _ROWS_AT_ONCE):
            hashes = keyed_hash64(_texts(keys.slice(start, _ROWS_AT_ONCE)), key=self._key)
            np.minimum.at(self._smallest, _bins(hashes), hashes)

    def to_bytes(self) -> bytes:
        """Return one byte for each bin: 0 when it is empty, otherwise the lowest 8 bits of its hash, but 1 instead of 0."""
        lowest = np.maximum(self._smallest.astype(np.uint8), 1)
        return np.where(self._smallest == _NONE, np.uint8(0), lowest).tobytes()


def similarity(one: bytes, other: bytes) -> float:
    """Estimate the Jaccard similarity of two sets from their sketches under the same key.

    Args:
        one: 256 bytes.
        other: 256 bytes.

    Returns:
        0 (nothing in common) to 1 (the same); two empty sets are the same. Its standard deviation is at most 0.03, and 0.02
        about 0.9; sets smaller than the 256 bins are compared almost key by key.

    Raises:
        ValueError: One of them is no sketch.
    """
    if len(one) != BINS or len(other) != BINS:
        raise ValueError(f"a sketch has {BINS} bytes")
    first, second = np.frombuffer(one, dtype=np.uint8), np.frombuffer(other, dtype=np.uint8)
    used = (first != 0) | (second != 0)
    return float(np.mean(first[used] == second[used])) if used.any() else 1.0


def _texts(keys: pa.RecordBatch) -> pa.StringArray:
    columns = [pc.cast(column, pa.string()) for column in keys.columns]
    return pc.binary_join_element_wise(*columns, _SEPARATOR, null_handling="replace", null_replacement="")


def _bins(hashes: Words) -> Words:
    return hashes >> _BIN_SHIFT
