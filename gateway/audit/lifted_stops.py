"""The stops that were lifted, as the log has them: the register keeps those in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.governance import Ending, Stop, StopKind, StopRecord
from connectors.sdk.access_log import EntryIndex
from gateway.audit.search import readable
from gateway.model.audit import EntryKind

LIFTED_MAX = 100
_STOPS = "kind = $1 AND list_contains($2, action)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftedStop:
    """A stop and how it ended."""

    record: StopRecord
    lifted: Ending


def lifted_stops(index: EntryIndex, *, controller: str | None) -> tuple[LiftedStop, ...]:
    """Return the stops that were lifted through this gateway, the last lifted first, at most `LIFTED_MAX`.

    Args:
        index: The log.
        controller: Whose; None for everybody's.

    Raises:
        Unavailable: The log cannot be read.
    """
    begun: dict[str, StopRecord] = {}
    lifted: dict[str, LiftedStop] = {}
    with readable():
        for entry in index.entries(_STOPS, (EntryKind.GOVERNANCE, ["stop_begin", "stop_lift"])):
            id, facts = entry.body["target"], entry.body["facts"]
            if facts["stop"]["controller"] != (controller or facts["stop"]["controller"]):
                continue
            if entry.body["action"] == "stop_begin":
                begun[id] = _begun(facts)
            elif id in begun:
                at, by = entry.time_micros // 1_000_000, entry.body["requester"]["subject"]
                lifted[id] = LiftedStop(record=begun[id], lifted=Ending(at=at, by=by, reason=facts["reason"]))
    return tuple(reversed(lifted.values()))[:LIFTED_MAX]


def _begun(facts: Mapping[str, Any]) -> StopRecord:
    stop = facts["stop"]
    return StopRecord(
        id=facts["id"],
        stop=Stop(kind=StopKind(stop["kind"]), controller=stop["controller"], target=stop["target"]),
        reason=facts["reason"],
        stopped_by=facts["stopped_by"],
        by_administrator=facts["by_administrator"],
        stopped_at=facts["stopped_at"],
    )
