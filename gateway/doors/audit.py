"""AuditService: auditors question the access log, stewards see the use of their data, recipients fetch receipts.

Every question is itself an entry, but for the overview's numbers, which name nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import fields as dataclass_fields

import grpc

from catalog.vocabulary import OVERSIGHT, Role
from connectors.sdk.tlog.copying import send_log
from gateway.audit import (
    Scope,
    ScopeKind,
    SearchFilters,
    Today,
    checked_marks,
    find_entry,
    find_receipt,
    marks_sha256,
    readable,
    recipients,
    recipients_receipt,
    search,
    summarise,
    trace,
)
from gateway.doors import audit_messages
from gateway.doors.call import asked, header
from gateway.doors.rpc_errors import errors_as_status
from gateway.doors.turns import Turns
from gateway.errors import Denied, InvalidQuery
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

_SUMMARIES_MAX, _OWN_SUMMARIES_MAX = 4, 2
"""Summaries at the same time, and of one requester: each may read a year of the log."""


class AuditDoor(audit_pb2_grpc.AuditServiceServicer):
    """Answers auditors, stewards about their own data, and recipients about their own deliveries."""

    def __init__(self, *, path: QueryPath) -> None:
        self._path = path
        self._today = Today(path.index, catalogue=path.catalogue, clock_seconds=path.clock_seconds)
        self._turns = Turns(all_max=_SUMMARIES_MAX, own_max=_OWN_SUMMARIES_MAX)

    def SearchEntries(  # noqa: N802
        self, request: audit_pb2.SearchEntriesRequest, context: grpc.ServicerContext
    ) -> Iterator[audit_pb2.SearchEntriesResponse]:
        """Stream the entries that match."""
        with errors_as_status(context):
            self._path.record_question(self._auditor(context), action="search", filters=asked(request))
            for entry in search(self._path.index, filters=_filters(request)):
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

    def GetEntry(  # noqa: N802
        self, request: audit_pb2.GetEntryRequest, context: grpc.ServicerContext
    ) -> audit_pb2.GetEntryResponse:
        """Return one entry and the proof that it is in the log."""
        with errors_as_status(context):
            self._path.record_question(self._auditor(context), action="entry", filters=asked(request))
            entry = find_entry(self._path.index, entry_id=request.entry_id)
            if entry is None:
                raise InvalidQuery(Reason.ENTRY_UNKNOWN, request.entry_id)
            evidence = self._path.log.evidence(entry)
            return audit_pb2.GetEntryResponse(
                leaf=evidence.leaf,
                index=evidence.index,
                tree_size=evidence.tree_size,
                inclusion_proof=evidence.path,
                checkpoint=evidence.checkpoint,
            )
        raise AssertionError

    def SummariseEntries(  # noqa: N802
        self, request: audit_pb2.SummariseEntriesRequest, context: grpc.ServicerContext
    ) -> audit_pb2.SummariseEntriesResponse:
        """Count entries in groups: all of them for an auditor, the use of the own department's datasets for a steward."""
        with errors_as_status(context):
            requester = self._path.authenticate(header(context, "authorization"))
            self._path.require_role(requester, Role.AUDITOR, Role.STEWARD)
            groupings = audit_messages.read_groupings(request.groupings)
            filters = {name: value for name, value in asked(request).items() if name != "groupings"}
            with self._turns.take(requester.subject):
                self._path.record_question(
                    requester, action="summarise", filters=filters | {"groupings": audit_messages.in_words(groupings)}
                )
                answers = summarise(
                    self._path.index,
                    filters=_filters(request),
                    groupings=groupings,
                    own=None if Role.AUDITOR in requester.roles else self._own_datasets(requester),
                    groups_max=request.groups_max,
                    on_start=context.add_callback,
                )
            return audit_pb2.SummariseEntriesResponse(
                groupings=[
                    audit_messages.grouped_message(answer, dimensions=dimensions, catalogue=self._path.catalogue)
                    for answer, dimensions in zip(answers, groupings, strict=True)
                ]
            )
        raise AssertionError

    def GetOverview(  # noqa: N802
        self, request: audit_pb2.GetOverviewRequest, context: grpc.ServicerContext
    ) -> audit_pb2.GetOverviewResponse:
        """Return today's numbers, of what the requester's role may see."""
        with errors_as_status(context):
            requester = self._path.authenticate(header(context, "authorization"))
            self._path.require_role(requester, *Role)
            scope = _scope(requester)
            return audit_messages.overview_message(
                self._today.use(scope), scope=scope, state=self._path.log.state, catalogue=self._path.catalogue
            )
        raise AssertionError

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

    def _own_datasets(self, steward: Requester) -> frozenset[str]:
        """Return the datasets that a steward answers for."""
        datasets = self._path.catalogue.datasets.values()
        return frozenset(dataset.name for dataset in datasets if dataset.controller == steward.department)


def _filters(request: audit_pb2.SearchEntriesRequest | audit_pb2.SummariseEntriesRequest) -> SearchFilters:
    names = {field.name for field in dataclass_fields(SearchFilters)}
    return SearchFilters(**{field.name: value for field, value in request.ListFields() if field.name in names})


def _scope(requester: Requester) -> Scope:
    """Return whose queries a requester may see numbers of."""
    if requester.roles & OVERSIGHT:
        return Scope(ScopeKind.CITY)
    if Role.STEWARD in requester.roles and requester.department:
        return Scope(ScopeKind.DEPARTMENT, requester.department)
    return Scope(ScopeKind.OFFICE, requester.office)
