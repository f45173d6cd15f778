"""ReviewService: auditors hold the log against the policies and against the departments' own logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import grpc

from catalog.vocabulary import Role
from gateway.audit import DepartmentLogs, Difference, readable, reconcile, recorded_decisions
from gateway.decide import PolicyArchive, Reviewed, review
from gateway.doors.call import asked, header
from gateway.doors.rpc_errors import errors_as_status
from gateway.query_path import QueryPath
from sharing_stubs.sharing.audit.v1 import review_pb2 as pb
from sharing_stubs.sharing.audit.v1 import review_pb2_grpc

_ENTRIES_MAX = 10_000


class ReviewDoor(review_pb2_grpc.ReviewServiceServicer):
    """Answers auditors and nobody else."""

    def __init__(
        self, *, path: QueryPath, archive: PolicyArchive, input_schema: Mapping[str, Any], logs: DepartmentLogs
    ) -> None:
        self._path = path
        self._archive = archive
        self._input_schema = input_schema
        self._logs = logs

    def ReplayEntries(  # noqa: N802
        self, request: pb.ReplayEntriesRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReplayEntriesResponse]:
        """Decide recorded queries again and stream what comes of each, oldest first."""
        with errors_as_status(context):
            self._record_question(context, action="replay", request=request)
            entries = recorded_decisions(
                self._path.index,
                entry_id=request.entry_id,
                from_time=request.from_time,
                until_time=request.until_time,
                entries_max=request.entries_max if request.entries_max > 0 else _ENTRIES_MAX,
            )
            by_revision = self._path.pdp.revision if request.by_active_policy else None
            for item in review(entries, archive=self._archive, schema=self._input_schema, by_revision=by_revision):
                yield _replayed(item)

    def Reconcile(  # noqa: N802
        self, request: pb.ReconcileRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReconcileResponse]:
        """Compare the log with the departments' own logs and stream the differences."""
        with errors_as_status(context):
            self._record_question(context, action="reconcile", request=request)
            period = {"from_time": request.from_time, "until_time": request.until_time}
            with readable():
                for difference in reconcile(self._path.index, logs=self._logs, **period):
                    yield _reconciled(difference)

    def _record_question(
        self, context: grpc.ServicerContext, *, action: str, request: pb.ReplayEntriesRequest | pb.ReconcileRequest
    ) -> None:
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, Role.AUDITOR)
        self._path.record_question(requester, action=action, filters=asked(request))


def _replayed(item: Reviewed) -> pb.ReplayEntriesResponse:
    body = item.entry.body
    return pb.ReplayEntriesResponse(
        entry_id=item.entry.entry_id,
        policy_revision=item.policy_revision,
        outcome=f"REPLAY_OUTCOME_{item.outcome.name}",
        differences=item.differences,
        office=(body.get("requester") or {}).get("office"),
        purpose=body.get("purpose"),
        time_micros=item.entry.time_micros,
    )


def _reconciled(difference: Difference) -> pb.ReconcileResponse:
    ours, theirs = difference.gateway, difference.served
    seen = ours or theirs
    return pb.ReconcileResponse(
        kind=f"DIFFERENCE_KIND_{difference.kind.name}",
        department=difference.department,
        dataset=seen.dataset if seen else "",
        decision_id=seen.decision_id if seen else "",
        entry_id=ours.entry_id if ours else "",
        department_entry_id=theirs.entry_id if theirs else "",
        gateway_rows=(ours.rows or 0) if ours else difference.agreed,
        department_rows=(theirs.rows or 0) if theirs else difference.agreed,
        reason=str(difference.error.reason) if difference.error else "",
    )
