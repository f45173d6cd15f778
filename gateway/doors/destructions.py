"""The part of GovernanceService that is about destroyed results."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from catalog.governance import GovernanceRefused, check_text
from catalog.vocabulary import OVERSIGHT
from gateway.audit import (
    OwedDestruction,
    kept_result,
    owed_destructions,
    record_audit_query,
    record_destruction,
)
from gateway.model.audit import AuditEntry
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb


class Destructions:
    """Tells what is to be destroyed, and records what an office destroyed of its own.

    The door has checked the role; what is refused here it records. A gateway records one destruction after the other, so that
    two calls at once leave one entry for a result; two gateways on one log may still leave one each.
    """

    def __init__(self, *, path: QueryPath) -> None:
        self._path = path
        self._recording = Lock()

    def owed(self, requester: Requester) -> Sequence[OwedDestruction]:
        """Return the results of ended emergencies that are not destroyed yet: the own office's, or all for who sees all."""
        record_audit_query(self._path.log, requester=requester, action="owed_destructions", filters={})
        owed = self._owed()
        if not requester.roles.isdisjoint(OVERSIGHT):
            return owed
        return [one for one in owed if one.office == requester.office]

    def record(self, request: pb.RecordDestructionRequest, *, requester: Requester) -> Sequence[str]:
        """Record a destruction and return the ids of its entries.

        A result is recorded once: who reports it again gets the same id. Of one without rows there is nothing to record.

        Raises:
            GovernanceRefused: The requester's office did not receive such a result, or owes nothing for the emergency.
        """
        check_text(request.method)
        with self._recording:
            if request.entry_id:
                return self._one(request, requester=requester)
            return self._all_owed(request, requester=requester)

    def _one(self, request: pb.RecordDestructionRequest, *, requester: Requester) -> Sequence[str]:
        kept = kept_result(self._path.index, entry_id=request.entry_id, office=requester.office)
        if kept is None:
            raise GovernanceRefused(
                "本单位没有收到过该审计编号的数据，请核对编号",
                "your office received nothing under this audit entry; check its id",
            )
        if kept.rows == 0:
            return []
        recorded = kept.destruction or self._recorded(kept.intent, requester=requester, method=request.method)
        return [recorded.entry_id]

    def _all_owed(self, request: pb.RecordDestructionRequest, *, requester: Requester) -> Sequence[str]:
        owed = [one for one in self._owed() if one.office == requester.office and one.emergency == request.emergency]
        if not owed:
            raise GovernanceRefused("本单位没有这样的待销毁记录", "your office does not owe such a destruction")
        return [self._recorded(one.intent, requester=requester, method=request.method).entry_id for one in owed]

    def _recorded(self, intent: AuditEntry, *, requester: Requester, method: str) -> AuditEntry:
        emergency = intent.body["obligations"]["emergency"]
        return record_destruction(self._path.log, intent, requester=requester, emergency=emergency, method=method)

    def _owed(self) -> tuple[OwedDestruction, ...]:
        return owed_destructions(self._path.index, now=int(self._path.clock_seconds()))
