"""Results that arrive from nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import pyarrow as pa

TERMS = {
    "sharing.purpose": "elderly-care-visits",
    "sharing.case": "",
    "sharing.recipient": "310101002",
    "sharing.entry": "entry-1",
    "sharing.decision": "decision-1",
    "sharing.policy_revision": "revision-1",
    "sharing.treatment": '{"population.resident": {"name": "name"}}',
    "sharing.cuts": json.dumps(
        [
            {
                "dataset": "population.resident",
                "column": "name",
                "action": "partial",
                "mask": "name",
                "text": {"zh": "只保留姓氏", "en": "surname only"},
            }
        ]
    ),
    "sharing.rows": '[{"dataset": "population.resident", "text": {"zh": "仅本街道的行", "en": "only rows of the street"}}]',
    "sharing.obligations": json.dumps(
        {
            "retention_days": 30,
            "onward_sharing": False,
            "grade": "general-3",
            "agreements": ["a-1"],
            "emergency": None,
        }
    ),
    "sharing.expires_at": "1900000000",
    "sharing.missing": "[]",
    "sharing.about": json.dumps(
        {
            "purpose": {"zh": "高龄老人走访", "en": "Visits to the elderly"},
            "legal_basis": [{"zh": "《老年人权益保障法》第十五条", "en": "Elderly Law, article 15"}],
            "recipient": {"zh": "南京东路街道", "en": "Nanjing East Road"},
            "grade": {"zh": "一般数据3级", "en": "General data, level 3"},
            "datasets": {
                "population.resident": {
                    "title": {"zh": "实有人口", "en": "Residents"},
                    "controller": {"zh": "市公安局", "en": "Public Security"},
                }
            },
        }
    ),
}
"""As the gateway writes them."""
RECEIPT = {
    "entry": "entry-1",
    "receipt": "receipt-1",
    "rows": 3,
    "datasets": {"population.resident": {"as_of": 1_800_000_000, "late": True, "missing": False}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedTable:
    """A table that arrives in batches of `batch_rows` rows, and may break off after `rows_max` of them."""

    table: pa.Table
    receipt: Mapping[str, Any] = field(default_factory=lambda: RECEIPT)
    batch_rows: int = 2
    rows_max: int | None = None
    error: type[BaseException] = ConnectionError

    def __enter__(self) -> ArrivedTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        yield from self.table.slice(0, self.rows_max).to_batches(self.batch_rows)
        if self.rows_max is not None:
            raise self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePart:
    """A part of a result; `fetched` is told when it is opened."""

    key: str
    result: ArrivedTable
    fetched: Callable[[str], object]

    def open(self) -> ArrivedTable:
        self.fetched(self.key)
        return self.result


def with_terms(table: pa.Table, **changed: str) -> pa.Table:
    """Return a table as the gateway delivers it; `changed` by the name after `sharing.`."""
    return table.replace_schema_metadata(TERMS | {f"sharing.{name}": value for name, value in changed.items()})
