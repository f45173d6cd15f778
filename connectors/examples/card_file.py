"""Own code as a source: the nightly dump of an old system, one card in each line, fields at fixed bytes, in GB 18030.

source: {kind: python, factory: "connectors.examples.card_file:CardFile", options: {path: /data/cards.txt}}
datasets:
  transport.senior_card:
    table: cards
    columns: {card_number: KH, resident_id: ZJHM, name: XM, residence_division: XZQH, issued_on: FZRQ}
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from connectors.sdk.predicates import Predicate
from connectors.sources.own import OwnTable

_PLACES = {"KH": (0, 10), "ZJHM": (10, 28), "XM": (28, 58), "XZQH": (58, 70), "FZRQ": (70, 78)}
_SCHEMA = pa.schema([(name, pa.date32() if name == "FZRQ" else pa.string()) for name in _PLACES])
_LINES = 4_096


class CardFile:
    """The table `cards` in one file; see `connectors.sources.own.OwnSource`."""

    def __init__(self, *, path: str) -> None:
        self._path = Path(path)

    def describe(self) -> Mapping[str, OwnTable]:
        """See `OwnSource.describe`. The data is as old as the file."""
        return {"cards": OwnTable(schema=_SCHEMA, as_of=int(self._path.stat().st_mtime))}

    def scan(self, table: str, *, columns: tuple[str, ...], predicate: Predicate) -> Iterator[pa.RecordBatch]:
        """See `OwnSource.scan`. The file has no index, so every line is read; the connector drops what is not asked for."""
        with self._path.open("rb") as file:
            while lines := list(itertools.islice(file, _LINES)):
                arrays = [
                    pa.array([_field(line, name) for line in lines], _SCHEMA.field(name).type) for name in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _field(line: bytes, name: str) -> str | datetime.date | None:
    start, end = _PLACES[name]
    text = line[start:end].decode("gb18030").strip()
    if name == "FZRQ":
        return datetime.datetime.strptime(text, "%Y%m%d").date() if text else None
    return text or None
