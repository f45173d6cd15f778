"""AuditService: auditors question the access log, recipients fetch receipts. Every question is itself an entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import grpc

from catalog.vocabulary import Role
from connectors.sdk.tlog.copying import send_log
from gateway.audit import (
    SearchFilters,
    checked_marks,
    find_receipt,
    marks_sha256,
    readable,
    recipients,
    recipients_receipt,
    search,
    trace,
)
from gateway.doors.call import asked, header
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc


class AuditDoor(audit_pb2_grpc.AuditServiceServicer):
    """Answers auditors, and recipients about their own deliveries."""

    def __init__(self, *, path: QueryPath) -> None:
        self._path = path

    def SearchEntries(  # noqa: N802
        self, request: audit_pb2.SearchEntriesRequest, context: grpc.ServicerContext
    ) -> Iterator[audit_pb2.SearchEntriesResponse]:
        """Stream the entries that match."""
        with errors_as_status(context):
            self._path.record_question(self._auditor(context), action="search", filters=asked(request))
            filters = SearchFilters(**{field.name: value for field, value in request.ListFields()})
            for entry in search(self._path.index, filters=filters):
                yield audit_pb2.SearchEntriesResponse(leaf=entry.leaf)

    def ReadLog(  # noqa: N802
        self, request: audit_pb2.ReadLogRequest, context: grpc.ServicerContext
    ) -> Iterator[audit_pb2.ReadLogResponse]:
        """Stream the log for verification elsewhere."""
        with errors_as_status(context):
            self._path.record_question(self._auditor(context), action="read_log", filters={})
            log = self._path.log
            with readable():
                for name, piece in send_log(log.directory, checkpoint=log.checkpoint, segments=log.segments()):
                    yield audit_pb2.ReadLogResponse(file=name, data=piece)

    def GetCheckpoint(  # noqa: N802
        self, request: audit_pb2.GetCheckpointRequest, context: grpc.ServicerContext
    ) -> audit_pb2.GetCheckpointResponse:
        """Return the checkpoint last published, and how it continues the caller's."""
        with errors_as_status(context):
            self._path.record_question(
                self._auditor(context), action="checkpoint", filters={"old_size": request.old_size}
            )
            note, proof = self._path.log.checkpoint_since(request.old_size)
            return audit_pb2.GetCheckpointResponse(checkpoint=note, consistency_proof=proof)

    def GetReceipt(  # noqa: N802
        self, request: audit_pb2.GetReceiptRequest, context: grpc.ServicerContext
    ) -> audit_pb2.GetReceiptResponse:
        """Return the evidence of a delivery to whom it was made, or to an auditor."""
        with errors_as_status(context):
            requester = self._path.authenticate(header(context, "authorization"))
            self._path.require_role(requester, *Role)
            is_auditor = Role.AUDITOR in requester.roles
            if is_auditor:
                self._path.record_question(requester, action="receipt", filters=asked(request))
            entry = find_receipt(self._path.index, entry_id=request.entry_id)
            if entry is None or not (is_auditor or entry.body["requester"]["subject"] == requester.subject):
                self._path.record_refusal(Denied(Reason.RECEIPT_UNKNOWN, request.entry_id), requester=requester)
            evidence = self._path.log.evidence(entry)
            return audit_pb2.GetReceiptResponse(receipt=recipients_receipt(entry, evidence=evidence))

    def TraceCopy(  # noqa: N802
        self, request: audit_pb2.TraceCopyRequest, context: grpc.ServicerContext
    ) -> audit_pb2.TraceCopyResponse:
        """Name the requesters whose marks a copy carries."""
        with errors_as_status(context):
            auditor = self._auditor(context)
            digests, marked = checked_marks(request.digests, request.marked)
            copy: dict[str, str | int] = {"texts": len(digests), "sha256": marks_sha256(digests, marked)}
            self._path.record_question(auditor, action="trace", filters=copy)
            suspects = trace(
                digests, marked, recipients=recipients(self._path.index), mark_secret=self._path.mark_secret
            )
            return audit_pb2.TraceCopyResponse(
                suspects=[audit_pb2.Suspect(**asdict(suspect), compared=len(digests)) for suspect in suspects]
            )

    def _auditor(self, context: grpc.ServicerContext) -> Requester:
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, Role.AUDITOR)
        return requester
