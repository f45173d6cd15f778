"""What stands in the buffers of a batch beyond its rows: values that were not granted can hide there."""

from __future__ import annotations

import pyarrow as pa

_ALIGNMENT_BYTES = 64


def has_hidden_bytes(batch: pa.RecordBatch) -> bool:
    """Tell whether a buffer is longer than its rows and its alignment need, or padded with anything but zeros.

    Args:
        batch: As read from a message, without offset: fixed-width types and text.
    """
    return any(
        _is_too_long(buffer, bytes_needed=needed)
        for column in batch.columns
        for buffer, needed in zip(column.buffers(), _needed(column), strict=True)
        if buffer is not None
    )


def _needed(column: pa.Array) -> list[int]:
    """Return how many bytes each buffer of a column needs."""
    rows = len(column)
    validity = -(-rows // 8)
    if not pa.types.is_string(column.type):
        return [validity, -(-rows * column.type.bit_width // 8)]
    offsets = column.buffers()[1]
    ends = memoryview(offsets).cast("i") if offsets is not None and offsets.size else memoryview(bytes(4)).cast("i")
    return [validity, 4 * (rows + 1), (ends[rows] - ends[0]) if rows else 0]


def _is_too_long(buffer: pa.Buffer, *, bytes_needed: int) -> bool:
    padding = bytes(buffer)[bytes_needed:]
    return len(padding) >= _ALIGNMENT_BYTES or any(padding)
