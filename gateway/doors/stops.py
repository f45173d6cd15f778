"""The part of GovernanceService that is the stop button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

from catalog.governance import GovernanceRefused, Stop, StopKind, StopRecord, check_stop, check_text, controller_of
from catalog.governance.register import GovernanceRegister
from catalog.vocabulary import OVERSIGHT, Role
from gateway.audit import LiftedStop, lifted_stops, record_audit_query, record_governance
from gateway.doors.governance_messages import stop_kind
from gateway.doors.offers import offers_to
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb


class StopButton:
    """Holds back what is the steward's own, or anything for an administrator, and lets it go again.

    The door has checked the role; what is refused here it records.
    """

    def __init__(self, *, path: QueryPath, register: GovernanceRegister) -> None:
        self._path = path
        self._register = register

    def stop(self, request: pb.StopRequest, *, requester: Requester) -> tuple[StopRecord, int]:
        """Bring a stop into force; return it, and how many deliveries on their way it ended.

        Raises:
            GovernanceRefused: What it names does not exist or is not the controller's, or the reason will not do.
        """
        record = StopRecord(
            id=self._path.new_id(),
            stop=self._asked(request, requester=requester),
            reason=request.reason,
            stopped_by=requester.subject,
            by_administrator=Role.ADMINISTRATOR in requester.roles,
            stopped_at=int(self._path.clock_seconds()),
        )
        check_stop(record.stop, catalogue=self._path.catalogue, agreements=self._register.agreements)
        check_text(record.reason)
        witness = partial(
            record_governance,
            self._path.log,
            requester=requester,
            action="stop_begin",
            target=record.id,
            facts=asdict(record),
            datasets=self._datasets(record.stop),
        )
        ended = self._path.watch.count_stopped(partial(self._register.stop, record, witness=witness))
        return record, ended

    def lift(self, request: pb.LiftStopRequest, *, requester: Requester) -> None:
        """End a stop.

        Raises:
            GovernanceRefused: There is none that the requester may lift, or the reason will not do.
        """
        record = next((record for record in self._register.stops if record.id == request.id), None)
        if record is None or not _may_lift(record, requester=requester):
            raise GovernanceRefused(
                "没有您可以解除的该项停用；管理员所作的停用由管理员解除",
                "there is no such stop that you may lift; an administrator's is lifted by an administrator",
            )
        check_text(request.reason)
        witness = partial(
            record_governance,
            self._path.log,
            requester=requester,
            action="stop_lift",
            target=record.id,
            facts={"reason": request.reason, "stop": asdict(record.stop)},
            datasets=self._datasets(record.stop),
        )
        self._register.lift_stop(record.id, witness=witness)

    def seen_by(self, requester: Requester) -> Sequence[StopRecord]:
        """Return what is stopped now, of what the requester may know of: stewards, administrators and auditors of all."""
        stops = self._register.stops
        if not requester.roles.isdisjoint(OVERSIGHT | {Role.STEWARD}):
            return stops
        told_of = offers_to(requester, path=self._path).told_of()
        return [record for record in stops if record.stop in told_of]

    def lifted(self, requester: Requester) -> Sequence[LiftedStop]:
        """Return what was stopped and goes on again, the last lifted first: a steward is told of the own department's."""
        if not requester.roles.isdisjoint((Role.ADMINISTRATOR, Role.AUDITOR)):
            controller = None
        elif Role.STEWARD in requester.roles and requester.department:
            controller = requester.department
        else:
            return ()
        record_audit_query(self._path.log, requester=requester, action="lifted_stops", filters={})
        return lifted_stops(self._path.index, controller=controller)

    def _asked(self, request: pb.StopRequest, *, requester: Requester) -> Stop:
        """Return the stop, of the steward's own department, or of whose data it is that an administrator stops."""
        stop = Stop(kind=stop_kind(request.kind), controller=requester.department or "", target=request.target)
        if Role.ADMINISTRATOR not in requester.roles:
            return stop
        if stop.kind is StopKind.OFFICE:
            return replace(stop, controller=request.controller)
        owner = controller_of(stop, catalogue=self._path.catalogue, agreements=self._register.agreements)
        return replace(stop, controller=owner or "")

    def _datasets(self, stop: Stop) -> Sequence[str]:
        if stop.kind is StopKind.AGREEMENT:
            return next((a.datasets for a in self._register.agreements if a.id == stop.target), ())
        return (stop.dataset,) if stop.dataset else ()


def _may_lift(record: StopRecord, *, requester: Requester) -> bool:
    if Role.ADMINISTRATOR in requester.roles:
        return True
    return not record.by_administrator and record.stop.controller == requester.department
