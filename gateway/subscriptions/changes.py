"""What has changed since the run that the recipient keeps, told by keyed hashes of keys and rows."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction
from connectors.sdk.watermark import strip_marks
from gateway.errors import InvalidQuery, TooLarge
from gateway.messages import Reason
from gateway.model.plan import EnforcedPlan
from gateway.model.result import ReleasableResult

CHANGE, KEY = "sharing_change", "sharing_key"
_RESERVED: Final = {CHANGE, KEY, "sharing_entry"}
"""The last one is the recipient's, of the run that brought a row."""
INSERT, UPDATE, DELETE = "insert", "update", "delete"
SUBSCRIPTION_METADATA: Final = "sharing.subscription"
ROWS_MAX: Final = 1_000_000
"""Their hashes, and those they are compared with, are in memory during a run."""
_HASH_BYTES = 16
_ROWS_OF_A_BATCH = 8_192
_PIECE_BYTES = 1 << 20


def check_key(plan: EnforcedPlan, *, key_columns: Sequence[str]) -> None:
    """Raise InvalidQuery unless runs of the plan may be compared by these columns of its result.

    Pseudonyms are others in every query, so a query that uses any is not compared.
    """
    names = plan.resolved.tree.named_selects
    for name in key_columns:
        if names.count(name) != 1 or key_columns.count(name) != 1:
            raise _invalid(f"结果中没有唯一的列“{name}”", f"the result has no one column '{name}'")
    if _RESERVED.intersection(names) or len(set(names)) != len(names):
        raise _invalid("结果的列名有重复", "names of columns of the result repeat")
    for dataset in plan.decision.datasets.values():
        if any(treatment.action is ColumnAction.PSEUDONYM for treatment in dataset.columns.values()):
            raise _invalid("查询使用了化名", "the query uses pseudonyms")


class Hashes:
    """Keyed hashes of the rows of one result, by the keyed hashes of their keys.

    Args:
        columns: Names and types of the result's columns; hashes of other columns are not compared.
        rows: By hash of the key the hash of the row, 16 bytes each.
    """

    def __init__(self, *, columns: str, rows: dict[bytes, bytes]) -> None:
        self.columns = columns
        self.rows = rows

    @classmethod
    def read(cls, pieces: Iterator[bytes]) -> Hashes:
        """Return what `pieces` gave."""
        columns = next(pieces).decode()
        rows: dict[bytes, bytes] = {}
        for piece in pieces:
            for i in range(0, len(piece), 2 * _HASH_BYTES):
                rows[piece[i : i + _HASH_BYTES]] = piece[i + _HASH_BYTES : i + 2 * _HASH_BYTES]
        return cls(columns=columns, rows=rows)

    def pieces(self) -> Iterator[bytes]:
        """Yield them as bytes, in pieces of at most 1 MiB."""
        yield self.columns.encode()
        pairs = iter(self.rows.items())
        while chunk := b"".join(key + row for key, row in itertools.islice(pairs, _PIECE_BYTES // (2 * _HASH_BYTES))):
            yield chunk


class Comparison:
    """Makes a result into its changes since `before`, and keeps its hashes for the next time.

    Args:
        subscription: Id.
        run: Id of the run whose changes these are.
        key_columns: Tell one row from another.
        hash_key: Of the subscription, 32 bytes.
        builds_on: Id of the run whose hashes are `before`.
        before: None makes every row an insert.
    """

    def __init__(
        self,
        *,
        subscription: str,
        run: str,
        key_columns: Sequence[str],
        hash_key: bytes,
        builds_on: str,
        before: Hashes | None,
    ) -> None:
        self._subscription = subscription
        self._run = run
        self._key_columns = list(key_columns)
        self._hash_key = hash_key
        self._kept_run, self._kept = builds_on, before
        self.builds_on = ""
        """Run on whose dataset the changes build; empty when they are a whole dataset."""
        self.after = Hashes(columns="", rows={})

    def changes(self, released: ReleasableResult) -> ReleasableResult:
        """Return the changes: `sharing_change`, `sharing_key`, and the row as it is now; of a deleted row nothing but these two."""
        check_key(released.plan, key_columns=self._key_columns)
        columns = _columns(released.stream.schema)
        is_comparable = self._kept is not None and self._kept.columns == columns
        before = self._kept.rows if self._kept is not None and is_comparable else {}
        self.builds_on = self._kept_run if is_comparable else ""
        self.after = Hashes(columns=columns, rows={})
        schema = self._schema(released.stream.schema)
        batches = self._batches(released.stream.batches, schema=schema, before=before)
        return replace(released, stream=replace(released.stream, schema=schema, batches=batches))

    def _schema(self, schema: pa.Schema) -> pa.Schema:
        about = {"subscription": self._subscription, "run": self._run, "builds_on": self.builds_on}
        fields = [pa.field(CHANGE, pa.string(), nullable=False), pa.field(KEY, pa.string(), nullable=False)]
        metadata = {**(schema.metadata or {}), SUBSCRIPTION_METADATA: json.dumps(about)}
        return pa.schema([*fields, *(field.with_nullable(True) for field in schema)], metadata=metadata)

    def _batches(
        self, batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, before: Mapping[bytes, bytes]
    ) -> Iterator[pa.RecordBatch]:
        after = self.after.rows
        for batch in batches:
            changed, changes, keys = [], [], []
            for i, (key, row) in enumerate(self._hashes(batch)):
                if key in after:
                    raise _invalid("键有重复", "keys repeat")
                if len(after) == ROWS_MAX:
                    raise TooLarge(Reason.RUN_TOO_LARGE, Text(zh=f"{ROWS_MAX:,} 行", en=f"{ROWS_MAX:,} rows"))
                after[key] = row
                if before.get(key) != row:
                    changed.append(i)
                    changes.append(UPDATE if key in before else INSERT)
                    keys.append(key.hex())
            told = [pa.array(changes, pa.string()), pa.array(keys, pa.string())]
            rows = batch.take(pa.array(changed, pa.int64()))
            yield pa.RecordBatch.from_arrays([*told, *rows.columns], schema=schema)
        deleted = [key.hex() for key in before if key not in after]
        for i in range(0, len(deleted), _ROWS_OF_A_BATCH):
            keys = deleted[i : i + _ROWS_OF_A_BATCH]
            nothing = [pa.nulls(len(keys), field.type) for field in list(schema)[2:]]
            yield pa.RecordBatch.from_arrays([pa.array([DELETE] * len(keys)), pa.array(keys), *nothing], schema=schema)

    def _hashes(self, batch: pa.RecordBatch) -> Iterator[tuple[bytes, bytes]]:
        """Yield the hashes of key and row. Marks in text are no part of them."""
        plain = {
            name: strip_marks(column) if pa.types.is_string(column.type) else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        }
        if any(plain[name].null_count for name in self._key_columns):
            raise _invalid("键有空值", "a key is null")
        keys = zip(*(plain[name].to_pylist() for name in self._key_columns), strict=True)
        rows = zip(*(column.to_pylist() for column in plain.values()), strict=True)
        for key, row in zip(keys, rows, strict=True):
            yield self._hash(key, person=b"key"), self._hash(row, person=b"row")

    def _hash(self, values: Sequence[object], *, person: bytes) -> bytes:
        text = json.dumps(values, default=str, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=_HASH_BYTES, key=self._hash_key, person=person).digest()


def _columns(schema: pa.Schema) -> str:
    return json.dumps([[field.name, str(field.type)] for field in schema])


def _invalid(zh: str, en: str) -> InvalidQuery:
    return InvalidQuery(Reason.SUBSCRIPTION_KEY_INVALID, Text(zh=zh, en=en))
