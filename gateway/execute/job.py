"""What the gateway and a worker say to each other over one SOCK_SEQPACKET socket, one JSON message a packet."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

PACKET_BYTES_MAX = 128 * 1024
"""Linux sends packets of up to about 200 KiB on sockets with default buffers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One statement to run.

    Travels with file descriptors: the pipe to write the result to, then one pipe to read for each table, all Arrow IPC streams.
    """

    sql: str
    tables: tuple[str, ...]
    read_once: tuple[str, ...]
    """Tables that the statement scans once, so that they may be streamed instead of stored."""
    seconds_max: float
    batch_rows: int

    def to_bytes(self) -> bytes:
        """Return the packet."""
        return json.dumps(asdict(self), ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Job:
        """Read the packet."""
        fields: dict[str, Any] = json.loads(data)
        fields |= {name: tuple(fields[name]) for name in ("tables", "read_once")}
        return cls(**fields)


class JobOutcome(StrEnum):
    """How a job ended, as the worker tells. No engine text crosses the boundary: it may hold values."""

    DONE = "done"
    MEMORY = "memory"
    CONVERSION = "conversion"
    TYPES = "types"
    RANGE = "range"
    FAILED = "failed"
