"""AuditService: auditors question the access log. Every question is itself an entry."""

from __future__ import annotations

from collections.abc import Iterator

import grpc

from catalog.vocabulary import Role
from gateway.audit import (
    SearchFilters,
    read_checkpoint,
    read_checkpoint_file,
    read_log,
    record_audit_query,
    search,
)
from gateway.doors.call import header
from gateway.doors.rpc_errors import errors_as_status
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc


class AuditDoor(audit_pb2_grpc.AuditServiceServicer):
    """Answers auditors and nobody else."""

    def __init__(self, *, path: QueryPath) -> None:
        self._path = path

    def SearchEntries(  # noqa: N802
        self, request: audit_pb2.SearchEntriesRequest, context: grpc.ServicerContext
    ) -> Iterator[audit_pb2.SearchEntriesResponse]:
        """Stream the entries that match."""
        with errors_as_status(context):
            asked = {field.name: value for field, value in request.ListFields()}
            record_audit_query(self._path.log, requester=self._auditor(context), action="search", filters=asked)
            for found in search(self._path.log.directory, filters=SearchFilters(**asked)):
                yield audit_pb2.SearchEntriesResponse(
                    sequence=found.entry.sequence,
                    canonical_json=found.canonical_json,
                    sha256=bytes.fromhex(found.entry.sha256),
                )

    def ReadLog(  # noqa: N802
        self, request: audit_pb2.ReadLogRequest, context: grpc.ServicerContext
    ) -> Iterator[audit_pb2.ReadLogResponse]:
        """Stream the log for verification elsewhere."""
        with errors_as_status(context):
            record_audit_query(self._path.log, requester=self._auditor(context), action="read_log", filters={})
            directory = self._path.log.directory
            checkpoint = read_checkpoint_file(directory) or b""
            signed = read_checkpoint(checkpoint, public_key=self._path.log.public_key)
            for piece in read_log(directory, entries=signed.size):
                yield audit_pb2.ReadLogResponse(log=piece)
            yield audit_pb2.ReadLogResponse(checkpoint=checkpoint)

    def _auditor(self, context: grpc.ServicerContext) -> Requester:
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, Role.AUDITOR)
        return requester
