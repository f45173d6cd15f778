"""Port: the departments' own logs of grants."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from catalog.vocabulary import IdentifierKind
from connectors.sdk.grant_log import FoundSubject
from connectors.sdk.tlog.entry import Entry


class DepartmentLogs(Protocol):
    """Asks departments about what they served; `gateway.scan.ConnectorLogs` is the adapter."""

    @property
    def departments(self) -> Collection[str]:
        """Departments that have a log."""
        ...

    def read(self, department: str, *, from_time: int, until_time: int) -> Iterator[Entry]:
        """Yield the department's entries of a period (seconds since 1970-01-01 UTC), oldest first, without data subjects.

        The adapter bounds how many there are; what they say is the department's word, of any shape.

        Raises:
            GatewayError: The log cannot be had, is no log, or is too large.
        """
        ...

    def find(self, department: str, *, identifier: IdentifierKind, value: str) -> Iterator[FoundSubject]:
        """Yield the grants under which a row of the data subject left the department, or may have left.

        The adapter bounds how many there are; decisions and datasets are the department's word.

        Raises:
            GatewayError: The log cannot be had, or is too large.
        """
        ...
