"""Departments that answer from memory; see `gateway.audit.DepartmentLogs`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from catalog.vocabulary import IdentifierKind
from connectors.sdk.grant_log import FoundSubject
from connectors.sdk.tlog.entry import Entry
from gateway.errors import Unavailable
from gateway.messages import Reason

Answer = TypeVar("Answer")


@dataclass(kw_only=True)
class DepartmentsInMemory:
    """`None` instead of entries or findings is a department that does not answer."""

    entries: Mapping[str, Sequence[Entry] | None] = field(default_factory=dict)
    found: Mapping[str, Sequence[FoundSubject] | None] = field(default_factory=dict)
    asked: list[tuple[str, IdentifierKind, str]] = field(default_factory=list)

    @property
    def departments(self) -> Collection[str]:
        """Departments that have a log."""
        return self.entries.keys()

    def read(self, department: str, *, from_time: int, until_time: int) -> Iterator[Entry]:
        """Yield the entries of the period."""
        for entry in _known(self.entries, department):
            if from_time <= entry.time_micros // 1_000_000 < until_time:
                yield entry

    def find(self, department: str, *, identifier: IdentifierKind, value: str) -> Iterator[FoundSubject]:
        """Yield what was found."""
        self.asked.append((department, identifier, value))
        yield from _known(self.found, department)


def _known(answers: Mapping[str, Sequence[Answer] | None], department: str) -> Sequence[Answer]:
    known = answers.get(department, ())
    if known is None:
        raise Unavailable(Reason.CONNECTOR_UNAVAILABLE, department)
    return known
