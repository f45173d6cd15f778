"""Marks in text that name the requester who received it.

A marked text ends with U+2060 (word joiner), which no reader sees. Whether a text is marked follows from a digest of the text
and from the requester's key: AES-128 (FIPS 197) of the digest as a pseudorandom function, of which one bit counts. So equal
texts are marked alike for one requester, and differently, as if by coin toss, for another.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

MARK = "\u2060"
LOG_CHANCE_MAX = math.log(1e-6)
"""Natural logarithm of the chance of accusing anybody wrongly that a trace may run."""
DIGESTS_MIN, DIGESTS_MAX = 20, 16_384
"""Texts of a copy that a trace looks at. Fewer name nobody, not even a sole recipient; sixty name one among thousands."""
_KEY_BYTES = 16
_BLOCK_BYTES = 16
_WORD_BYTES = 8
_ODD = np.uint64(0x9E3779B97F4A7C15)

Digests = npt.NDArray[np.uint64]
Marked = npt.NDArray[np.bool_]


def requester_key(secret: bytes, *, subject: str) -> bytes:
    """Return the key of a requester's marks, 16 bytes."""
    return hmac.digest(secret, subject.encode(), "sha256")[:_KEY_BYTES]


def mark_texts(texts: pa.StringArray, *, key: bytes) -> pa.StringArray:
    """Return the texts as the requester with this key receives them; empty ones and nulls stay as they are."""
    if texts.offset and texts.null_count:
        texts = pa.concat_arrays([texts])
    marked = _bits(_digests(texts), key=key) & (np.diff(_offsets(texts)) > 0)
    # The bytes of every text followed by its mark or nothing, as one column of twice the rows: `take` is the fastest join.
    parts = np.empty((len(texts), 2), np.int32)
    parts[:, 0], parts[:, 1] = np.arange(len(texts)), len(texts) + marked
    joined = pa.concat_arrays([texts, pa.array(["", MARK])]).take(pa.array(parts.reshape(-1)))
    offsets = np.ascontiguousarray(_offsets(joined)[::2], np.int32)
    nulls = texts.buffers()[0] if texts.null_count else None
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), joined.buffers()[2], nulls)


def strip_marks(texts: pa.StringArray) -> pa.StringArray:
    """Return the texts without marks."""
    return pc.replace_substring(texts, MARK, "")


def read_marks(columns: Iterable[pa.StringArray]) -> tuple[Digests, Marked]:
    """Return what a copy shows: for each different text its digest without the mark, and whether it is marked.

    Texts that occur both marked and unmarked, as when copies of two requesters were put together, are left out, and so are
    columns without any mark, and texts beyond `DIGESTS_MAX`.
    """
    found: list[tuple[Digests, Marked]] = []
    for column in columns:
        texts = column.filter(pc.greater(pc.binary_length(column), 0))
        is_marked = pc.ends_with(texts, MARK).to_numpy(zero_copy_only=False)
        if is_marked.any():
            found.append((_digests(strip_marks(texts)), is_marked))
    if not found:
        return np.zeros(0, np.uint64), np.zeros(0, np.bool_)
    digests, marked = (np.concatenate(part) for part in zip(*found, strict=True))
    with_mark, without = np.unique(digests[marked]), np.unique(digests[~marked])
    digests = np.setxor1d(with_mark, without, assume_unique=True)[:DIGESTS_MAX]
    return digests, np.isin(digests, with_mark)


def matches(digests: Digests, marked: Marked, *, key: bytes) -> int:
    """Return how many texts stand as the requester with this key would have received them."""
    return int(np.count_nonzero(_bits(digests, key=key) == marked))


def log_chance(matching: int, *, compared: int, requesters: int) -> float:
    """Return a bound of the natural logarithm of the chance that any of so many innocent requesters fits as well.

    Chernoff's bound of the binomial tail at one half, times the number of requesters (Bonferroni); at most 0.
    """
    share = matching / compared if compared else 0.0
    if share <= 0.5:
        return 0.0
    rest = 1 - share
    divergence = math.log(2) + share * math.log(share) + (rest * math.log(rest) if rest else 0.0)
    return min(0.0, math.log(requesters) - compared * divergence)


def _bits(digests: Digests, *, key: bytes) -> Marked:
    blocks = np.zeros((len(digests), _BLOCK_BYTES // _WORD_BYTES), "<u8")
    blocks[:, 0] = digests
    encrypted = Cipher(AES(key), ECB()).encryptor().update(blocks.data.cast("B")) if len(digests) else b""  # noqa: S305 - as a function of single blocks
    bits: Marked = (np.frombuffer(encrypted, np.uint8)[::_BLOCK_BYTES] & 1).astype(np.bool_)
    return bits


def _offsets(texts: pa.StringArray) -> npt.NDArray[np.int64]:
    if not len(texts):
        return np.zeros(1, np.int64)
    return np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)


def _digests(texts: pa.StringArray) -> Digests:
    """Return 64 bits that depend on every byte and the length of a text; no secret, and no protection against collisions.

    The last eight bytes (or fewer) and the length, then all eight-byte words but the last mixed into them.
    """
    offsets, data = _offsets(texts), texts.buffers()[2]
    lengths, ends = np.diff(offsets), offsets[1:] - offsets[0]
    text = b"" if data is None else memoryview(data)[offsets[0] : offsets[-1]]
    buffer = b"".join((bytes(_WORD_BYTES), text))
    words: Digests = np.ndarray((len(buffer) - _WORD_BYTES + 1,), "<u8", buffer=buffer, strides=(1,))
    before = (8 * np.clip(_WORD_BYTES - lengths, 0, _WORD_BYTES - 1)).astype(np.uint64)
    digests = _mixed((words[ends] >> before) ^ lengths.astype(np.uint64))
    starts = ends - lengths + _WORD_BYTES
    for read in range(0, int(lengths.max(initial=0)) - _WORD_BYTES, _WORD_BYTES):
        is_longer = lengths > read + _WORD_BYTES
        longer = slice(None) if is_longer.all() else np.flatnonzero(is_longer)
        digests[longer] = _mixed(digests[longer] ^ words[starts[longer] + read])
    return digests


def _mixed(words: Digests) -> Digests:
    mixed = words * _ODD
    mixed ^= mixed >> np.uint64(32)
    return mixed
