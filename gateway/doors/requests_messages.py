"""Needs and corrections as messages."""

from __future__ import annotations

from catalog.catalogue import NegativeListEntry
from catalog.governance import GovernanceRefused
from catalog.requests import Correction, CorrectionState, Need, NeedState, deadline, is_overdue
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb

_NEED_STATES = {
    NeedState.FILED: pb.NEED_STATE_FILED,
    NeedState.ACCEPTED: pb.NEED_STATE_ACCEPTED,
    NeedState.REFUSED: pb.NEED_STATE_REFUSED,
    NeedState.WITHDRAWN: pb.NEED_STATE_WITHDRAWN,
}
_CORRECTION_STATES = {
    CorrectionState.FILED: pb.CORRECTION_STATE_FILED,
    CorrectionState.CORRECTED: pb.CORRECTION_STATE_CORRECTED,
    CorrectionState.CONFIRMED: pb.CORRECTION_STATE_CONFIRMED,
}
_FINDINGS = {_CORRECTION_STATES[state]: state for state in (CorrectionState.CORRECTED, CorrectionState.CONFIRMED)}


def read_finding(message: pb.CorrectionState) -> CorrectionState:
    """Return what the controller found. Raises GovernanceRefused when it is not said."""
    try:
        return _FINDINGS[message]
    except KeyError:
        raise GovernanceRefused("须答复“已更正”或“经核无误”", "answer whether it was corrected or confirmed") from None


def need_message(need: Need, *, now: int) -> pb.Need:
    """Return the message of a need as it stands at `now`, in seconds since 1970-01-01 UTC."""
    return pb.Need(
        id=need.id,
        office=need.office,
        filed_by=need.filed_by,
        filed_at=need.filed_at,
        controller=need.controller,
        dataset=need.dataset,
        columns=need.columns,
        purpose=need.purpose,
        scenario=need.scenario,
        needed_until=need.needed_until,
        state=_NEED_STATES[need.state],
        deadline=_deadline_message(need, now=now),
        answered_at=need.answered_at,
        answered_by=need.answered_by,
        answer=need.answer,
        basis=need.basis,
        agreement=need.agreement,
    )


def correction_message(correction: Correction, *, now: int) -> pb.Correction:
    """Return the message of a correction as it stands at `now`, in seconds since 1970-01-01 UTC."""
    return pb.Correction(
        id=correction.id,
        dataset=correction.dataset,
        row_reference=correction.row_reference,
        columns=correction.columns,
        remark=correction.remark,
        office=correction.office,
        filed_by=correction.filed_by,
        filed_at=correction.filed_at,
        state=_CORRECTION_STATES[correction.state],
        deadline=_deadline_message(correction, now=now),
        answered_at=correction.answered_at,
        answered_by=correction.answered_by,
        answer=correction.answer,
    )


def ground_message(entry: NegativeListEntry) -> pb.NegativeListEntry:
    """Return the message of a ground of refusal."""
    citation = entry.legal_basis.citation
    return pb.NegativeListEntry(
        id=entry.id,
        title=pb.Text(zh=entry.title.zh, en=entry.title.en),
        legal_basis=pb.Text(zh=citation.zh, en=citation.en),
        controllers=sorted(entry.controllers),
    )


def _deadline_message(request: Need | Correction, *, now: int) -> pb.Deadline:
    due = deadline(request.filed_at, working_days=request.working_days)
    return pb.Deadline(
        due_on=due.due_on.isoformat(),
        working_days=due.working_days,
        provisional=due.provisional,
        overdue=is_overdue(request, now=now),
        escalated_at=request.escalated_at,
    )
