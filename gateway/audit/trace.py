"""Name the requesters whose marks a copy carries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.watermark import (
    DIGESTS_MAX,
    DIGESTS_MIN,
    LOG_CHANCE_MAX,
    Digests,
    Marked,
    log_chance,
    matches,
    requester_key,
)
from gateway.audit.search import readable
from gateway.errors import InvalidQuery
from gateway.messages import Reason


def checked_marks(digests: Sequence[int], marked: Sequence[bool]) -> tuple[Digests, Marked]:
    """Return what an auditor says of a copy as `trace` takes it.

    Raises:
        InvalidQuery: It is not of different texts, or of so few or many that `read_marks` never gives them. One text
            told a thousand times would show single marks of everybody, with which copies could be forged.
    """
    texts, are_marked = np.array(digests, np.uint64), np.array(marked, np.bool_)
    if not DIGESTS_MIN <= len(np.unique(texts)) == len(texts) == len(are_marked) <= DIGESTS_MAX:
        raise InvalidQuery(Reason.MARKS_INVALID, f"{DIGESTS_MIN}-{DIGESTS_MAX}")
    return texts, are_marked


def marks_sha256(digests: Digests, marked: Marked) -> str:
    """Return what the log keeps of a question: hex SHA-256 of the digests, 8 bytes little-endian each, and a byte per mark."""
    return hashlib.sha256(digests.astype("<u8").tobytes() + marked.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A requester whose marks fit better than chance."""

    requester: str
    office: str
    matches: int
    """Texts that stand as this requester would have received them."""
    log_chance: float
    """Natural logarithm of the chance that any innocent requester fits as well."""


def trace(digests: Digests, marked: Marked, *, recipients: Mapping[str, str], mark_secret: bytes) -> list[Suspect]:
    """Return the requesters whose marks fit so well that chance explains it less than once in a million traces, best first.

    Args:
        digests: Of different texts, from `read_marks`.
        marked: Whether each carries a mark.
        recipients: Office by requester: everybody who may be meant.
        mark_secret: The marks were made with it.
    """
    suspects = []
    for requester, office in recipients.items():
        fitting = matches(digests, marked, key=requester_key(mark_secret, subject=requester))
        chance = log_chance(fitting, compared=len(digests), requesters=len(recipients))
        if chance <= LOG_CHANCE_MAX:
            suspects.append(Suspect(requester=requester, office=office, matches=fitting, log_chance=chance))
    return sorted(suspects, key=lambda suspect: suspect.log_chance)


def recipients(index: EntryIndex) -> dict[str, str]:
    """Return the last office of every requester to whom rows were sent, or may have been.

    Raises:
        Unavailable: The log cannot be read.
    """
    sql = """SELECT requester, arg_max(office, sequence) FROM entries
        WHERE kind = 'receipt' AND coalesce(row_count, 1) > 0 GROUP BY requester"""
    with readable(), index.query(sql) as found:
        return {str(requester): str(office or "") for requester, office in found.fetch_all()}
