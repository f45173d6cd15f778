"""Titles of what entries name by id: offices, departments, purposes and datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.dataset import Bilingual
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

Titles = Mapping[tuple[str, str], Bilingual]
"""By what they name (`office`, `department`, `purpose`, `dataset`) and id."""
_Named = catalog_pb2.Office | catalog_pb2.Named


def titles_of(visit: Visit) -> Titles:
    """Return all titles; the catalogue is asked once a session."""
    work = visit.session.audit
    if not work.titles:
        listed = visit.connection.catalog.names()
        named: Mapping[str, Iterable[_Named]] = {
            "office": listed.offices,
            "department": listed.departments,
            "purpose": listed.purposes,
            "dataset": listed.datasets,
        }
        work.titles = {(what, one.id): one.title for what, ones in named.items() for one in ones}
    return work.titles
