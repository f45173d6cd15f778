"""Sets of data subjects: who is asked about can be found in them, who is in them cannot be read from them.

A set holds a keyed hash of 40 bits for each data subject (AES-CBC-MAC, key of the department), in the coding of Elias and Fano:
some 3 bytes a row for large sets, 6 for one row. Somebody else is found by chance with a probability of one in 2^40 for each
member, however the members are spread over sets: once in a thousand questions to a log of a billion rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction, IdentifierKind
from connectors.sdk.grant import ScanGrant
from connectors.sdk.keyed_hash import keyed_hash64

HASH_BITS = 40
MEMBERS_MAX = 1 << 18
"""Members of one set, so that an entry of the log has room for it."""
_BYTES_MAX = MEMBERS_MAX * HASH_BITS // 8

DATA_SUBJECTS = frozenset({IdentifierKind.RESIDENT_ID, IdentifierKind.CREDIT_CODE})
"""Identifiers of people and entities. Such a column tells of somebody also where it is not the dataset's entity key."""

Hashes = npt.NDArray[np.uint64]


def identifying_columns(dataset: Dataset) -> dict[str, IdentifierKind]:
    """Return by column whom rows can be about: the entity key, and every other column with one of `DATA_SUBJECTS`."""
    return {
        column.name: column.identifier
        for column in dataset.columns
        if column.identifier is not None and (column.name == dataset.entity_key or column.identifier in DATA_SUBJECTS)
    }


def subject_columns(grant: ScanGrant, *, dataset: Dataset) -> dict[str, IdentifierKind]:
    """Return by column whom the rows of a grant are about: the entity key, and the other `identifying_columns` that it tells of.

    A grant tells of a column that it releases in any form but nulls, and of one in a filter or a look-up.
    """
    told = {column.name for column in grant.columns if column.action is not ColumnAction.NULL}
    told.update((dataset.entity_key, *grant.row_filter.columns()))
    told.update(grant.pushed_filter.columns() if grant.pushed_filter else ())
    told.update({grant.lookup.column} if grant.lookup else ())
    return {name: identifier for name, identifier in identifying_columns(dataset).items() if name in told}


def hash_subjects(values: pa.Array, *, key: bytes) -> Hashes:
    """Return the hashes of identifiers that are not null.

    Args:
        values: Of a type that casts to text.
        key: 16 bytes.
    """
    texts = values.drop_null().cast(pa.string())
    return keyed_hash64(texts, key=key) >> np.uint64(64 - HASH_BITS)


@dataclass(slots=True, kw_only=True)
class SubjectCollector:
    """Collects the data subjects of a scan in bounded memory.

    `key` has 16 bytes.
    """

    key: bytes
    _parts: list[Hashes] = field(default_factory=list)
    _collected: int = 0

    def add(self, values: pa.Array) -> Iterator[Hashes]:
        """Take identifiers, and yield a set whenever one is full."""
        for start in range(0, len(values), MEMBERS_MAX):
            part = values.slice(start, MEMBERS_MAX)
            if self._collected + len(part) > MEMBERS_MAX:
                yield from self.rest()
            self._parts.append(hash_subjects(part, key=self.key))
            self._collected += len(part)

    def rest(self) -> Iterator[Hashes]:
        """Yield what was not yielded yet: at most one set, sorted, each member once, never empty."""
        members = np.sort(np.concatenate(self._parts)) if self._parts else np.empty(0, dtype=np.uint64)
        self._parts, self._collected = [], 0
        if len(members):
            yield members[np.append(True, members[1:] != members[:-1])]  # np.unique takes ten times as long


def pack_set(members: Hashes) -> bytes:
    """Return the Elias–Fano code of a set: the low bytes of the members one after the other, then their upper bits in unary.

    Args:
        members: Sorted, each once; at least one and at most `MEMBERS_MAX`.
    """
    low_bytes = _low_bytes(len(members))
    low = members.view(np.uint8).reshape(-1, 8)[:, :low_bytes]
    high = (members >> np.uint64(8 * low_bytes)) + np.arange(len(members), dtype=np.uint64)
    unary = np.zeros(int(high[-1]) + 1, dtype=np.uint8)
    unary[high] = 1
    return low.tobytes() + np.packbits(unary, bitorder="little").tobytes()


def unpack_set(packed: bytes, *, members: int) -> Hashes:
    """Return the set that `pack_set` packed.

    Raises:
        ValueError: It is not the code of a set with so many members.
    """
    low_bytes = _low_bytes(members)
    if not 1 <= members <= MEMBERS_MAX or not members * low_bytes < len(packed) <= _BYTES_MAX:
        raise ValueError("not a set of data subjects")
    data = np.frombuffer(packed, dtype=np.uint8)
    high: Hashes = np.flatnonzero(np.unpackbits(data[members * low_bytes :], bitorder="little")).astype(np.uint64)
    if len(high) != members:
        raise ValueError("not a set of data subjects")
    hashes = np.zeros((members, 8), dtype=np.uint8)
    hashes[:, :low_bytes] = data[: members * low_bytes].reshape(members, low_bytes)
    high -= np.arange(members, dtype=np.uint64)
    return hashes.view(np.uint64).ravel() | high << np.uint64(8 * low_bytes)


def _low_bytes(members: int) -> int:
    """Return how much of each member is low: whole bytes are fast and cost a twentieth more than the best number of bits."""
    return 5 if members < 1 << 5 else 4 if members < 1 << 13 else 3
