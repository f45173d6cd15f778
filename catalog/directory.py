"""The directory: which office a requester belongs to. A token says who asks; only this says as whom."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter

from catalog.dataset import Entry
from catalog.vocabulary import Role


class RequesterEntry(Entry):
    """One person or system that may ask."""

    subject: str = Field(min_length=1)
    """The `sub` claim of the requester's tokens."""
    display_name: str
    office: str
    """Office id of the catalogue."""
    roles: frozenset[Role] = Field(min_length=1)
    clearance: str
    """Highest grade the requester may see."""
    department: str | None = None
    """For stewards and connectors: the controller they act for."""
    disabled: bool = False


class Directory:
    """Look-up of requesters by subject."""

    def __init__(self, requesters: tuple[RequesterEntry, ...]) -> None:
        self._requesters = {requester.subject: requester for requester in requesters}

    @classmethod
    def load(cls, path: Path) -> Directory:
        """Read a YAML list of requesters.

        Raises:
            ValueError: The file is not a list of valid requesters.
        """
        entries = TypeAdapter(tuple[RequesterEntry, ...]).validate_python(yaml.safe_load(path.read_text("utf-8")))
        if len({entry.subject for entry in entries}) != len(entries):
            raise ValueError(f"{path}: a subject is listed twice")
        return cls(entries)

    def find(self, subject: str) -> RequesterEntry | None:
        """Return the requester, or None when unknown or disabled."""
        requester = self._requesters.get(subject)
        return None if requester is None or requester.disabled else requester

    def of_office(self, office: str) -> tuple[RequesterEntry, ...]:
        """Return the requesters of an office who are not disabled, in the order of the directory."""
        return tuple(entry for entry in self._requesters.values() if entry.office == office and not entry.disabled)
