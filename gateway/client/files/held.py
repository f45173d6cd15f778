"""Say what a file on this machine was delivered by, as it says itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.client.files.cover_sheet import Terms, terms_of
from gateway.client.files.formats import receipt_beside

ENTRIES: Final = "sharing.entries"
"""Metadata of a dataset that is kept by changes, JSON: audit entries of all that it is made of."""


def held_entries(path: Path) -> frozenset[str]:
    """Return the audit entries of what a file, or a folder of parts, holds; none when nothing is there, or it is not told."""
    if path.is_dir():
        return frozenset[str]().union(*map(held_entries, path.glob("part-*.parquet")))
    if not path.is_file():
        return frozenset()
    try:
        terms = _terms(path)
        return frozenset(json.loads(terms[ENTRIES]) if ENTRIES in terms else [terms["sharing.entry"]])
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException):
        return frozenset()


def _terms(path: Path) -> Terms:
    if path.suffix == ".parquet":
        return terms_of(pq.read_schema(path))
    if path.suffix == ".arrow":
        with pa.OSFile(str(path)) as file:
            return terms_of(pa.ipc.open_file(file).schema)
    terms: Terms = json.loads(receipt_beside(path).read_bytes())["terms"]
    return terms
