"""What the editor of queries shows when it is opened: the query that somebody is working on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A query that has not been asked yet. `Session.draft` holds it; `/query` shows it."""

    sql: str = ""
    purpose: str = ""
    """Id of the declared purpose; empty for none chosen yet."""
    case: str = ""
    """Case number; empty for none."""
    title: str = ""
    """Under which the requester will find the result again; empty for none."""
