"""Read entries of a log by kind and time, also while it is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connectors.sdk.tlog.entry import Entry, decode_entry, read_header
from connectors.sdk.tlog.segments import Segment, read_leaves

_MICROS = 1_000_000


def read_entries(
    segments: Iterable[Segment], *, kinds: frozenset[str], from_time: int = 0, until_time: int = 0
) -> Iterator[Entry]:
    """Yield the entries of these kinds, in the order of the log.

    Args:
        segments: From `LogWriter.segments`, or `live_segments` where nobody writes.
        kinds: Kinds of entries.
        from_time: Not before, in seconds since 1970-01-01 UTC; 0 for no bound.
        until_time: Before; 0 for no bound.

    Raises:
        OSError: The log cannot be read.
        ValueError: It is damaged.
    """
    for segment in segments:
        for leaf in read_leaves(segment):
            header = read_header(leaf)
            after = header.time_micros >= from_time * _MICROS
            if header.kind in kinds and after and (not until_time or header.time_micros < until_time * _MICROS):
                yield decode_entry(leaf)
