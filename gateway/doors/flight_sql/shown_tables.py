"""Which tables and columns the metadata commands may name: those that the catalogue shows the requester."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataset import Dataset
from catalog.purpose import DatasetNeed
from gateway.doors.offers import Offers

CATALOG = ""
"""There are no catalogs: a table is `schema.table`, and its `catalog_name` is null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTable:
    """One dataset as far as the requester may know of it."""

    dataset: Dataset
    needs: Mapping[str, DatasetNeed]
    """What each purpose needs of it, by the purpose's id."""
    columns: frozenset[str]
    """Names that may be shown."""

    @property
    def path(self) -> tuple[str, str]:
        """Database schema and name of the table."""
        schema, _, table = self.dataset.name.partition(".")
        return schema, table

    def shows(self, *columns: str) -> bool:
        """Tell whether all these columns may be shown."""
        return self.columns.issuperset(columns)


def shown_tables(offers: Offers, *, purpose: str) -> tuple[ShownTable, ...]:
    """Return the tables that are open to the requester, sorted by schema and table.

    Args:
        offers: What the catalogue offers the requester now.
        purpose: Id of the declared purpose, which narrows tables and columns to its own; empty when none is declared.
    """
    shown = []
    for name, needs in offers.opened().items():
        columns = offers.visible(name, needs=needs)
        if purpose:
            needs = {id: need for id, need in needs.items() if id == purpose}
            columns &= frozenset(column for need in needs.values() for column in need.columns)
        if columns:
            shown.append(ShownTable(dataset=offers.catalogue.datasets[name], needs=needs, columns=columns))
    return tuple(sorted(shown, key=lambda table: table.path))


def matching(names: list[str], *, pattern: str) -> list[bool]:
    r"""Tell which names a pattern matches: `%` is any text, `_` any character, `\` takes the next one as it is."""
    return [bool(matched) for matched in pc.match_like(pa.array(names, pa.string()), pattern).to_pylist()]
