"""Titles of what entries name by id: offices, departments, purposes and datasets."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.dataset import Text
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2

_COUNTED = frozenset({"purpose", "dataset"})
"""Whose titles come with the counts of a search: the catalogue tells an auditor only what auditors may use."""


def learn_titles(visit: Visit) -> None:
    """Ask the catalogue once a session for the titles of all offices and departments."""
    work = visit.session.audit
    if work.offices_known:
        return
    listed = visit.connection.catalog.offices()
    for what, named in (("office", listed.offices), ("department", listed.departments)):
        work.titles |= {(what, one.id): Text(zh=one.title.zh, en=one.title.en) for one in named}
    work.offices_known = True


def keep_titles(visit: Visit, groupings: Iterable[tuple[str, audit_pb2.GroupedCounts]]) -> None:
    """Keep the titles that came with counts; `groupings` name what each counts by."""
    visit.session.audit.titles |= {
        (name, group.values[0]): Text(zh=title.zh, en=title.en)
        for name, counts in groupings
        if name in _COUNTED
        for group in counts.groups
        for title in group.titles
        if title.zh and title.en
    }
