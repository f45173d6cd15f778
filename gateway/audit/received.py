"""What an office received of a dataset, by one receipt."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.vocabulary import ColumnAction, ColumnUse
from connectors.sdk.access_log import EntryIndex
from gateway.audit.receipts import find_receipt
from gateway.audit.search import readable

_NOTHING_RECEIVED = frozenset({ColumnAction.DENY, ColumnAction.LOOKUP, ColumnAction.NULL})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDataset:
    """What was delivered of one dataset, row by row."""

    entry_id: str
    """Of the intent."""
    columns: frozenset[str]
    """Columns with values, masked ones too."""
    clear_columns: frozenset[str]
    people: frozenset[str]
    """Tokens of whom the query named."""


def received_dataset(index: EntryIndex, *, entry_id: str, office: str, dataset: str) -> ReceivedDataset | None:
    """Return what an office received; None when the receipt is of another office or dataset, of a statistic, or without rows.

    Args:
        index: Of the log.
        entry_id: Of a delivery's receipt or intent.
        office: Who must have received it.
        dataset: Its name.

    Raises:
        Unavailable: The log cannot be read.
    """
    receipt = find_receipt(index, entry_id=entry_id)
    if receipt is None or receipt.body["requester"]["office"] != office:
        return None
    with readable():
        intent = next(index.entries("kind = 'intent' AND entry_id = $1", [receipt.body["intent"]]))
    found = next((one for one in intent.body["datasets"] if one["name"] == dataset), None)
    arrived = any(s["dataset"] == dataset and s["rows"] > 0 and not s["missing"] for s in receipt.body["scans"])
    if found is None or not arrived or receipt.body["sent"]["rows"] == 0 or intent.body["people_min"] is not None:
        return None
    selected = [column for column in found["columns"] if ColumnUse.SELECTED in column["uses"]]
    return ReceivedDataset(
        entry_id=intent.entry_id,
        columns=frozenset(column["name"] for column in selected if column["action"] not in _NOTHING_RECEIVED),
        clear_columns=frozenset(column["name"] for column in selected if column["action"] == ColumnAction.CLEAR),
        people=frozenset(found["people"]),
    )
