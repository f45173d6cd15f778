"""SubjectService: who looked at one data subject, and who stands behind a token. Every question is itself an entry."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import grpc

from catalog.vocabulary import IdentifierKind, Role
from gateway.audit import Access, DepartmentLogs, SubjectKey, record_audit_query, report_subject
from gateway.doors.call import header
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.audit.v1 import subject_pb2 as pb
from sharing_stubs.sharing.audit.v1 import subject_pb2_grpc

_NUMBER = re.compile(r"\d{11}|[0-9A-HJ-NP-RTUW-Y]{2}\d{6}[0-9A-HJ-NP-RTUW-Y]{10}")
"""What no reason may hold, without separators: eleven digits (a phone; identity and account numbers have more), or a unified
social credit code (GB 32100)."""


class SubjectDoor(subject_pb2_grpc.SubjectServiceServicer):
    """Answers auditors and nobody else."""

    def __init__(self, *, path: QueryPath, logs: DepartmentLogs) -> None:
        self._path = path
        self._logs = logs

    def ReportSubject(  # noqa: N802
        self, request: pb.ReportSubjectRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReportSubjectResponse]:
        """Stream the accesses, then fail when a department could not be asked."""
        with errors_as_status(context):
            requester = self._auditor(context)
            if request.identifier not in set(IdentifierKind) or not request.value.strip():
                raise InvalidQuery(Reason.SUBJECT_INVALID)
            identifier, value = IdentifierKind(request.identifier), request.value.strip()
            filters: dict[str, str | int] = {
                "person": self._path.subject_key.token(identifier, value=value),
                "for_data_subject": request.for_data_subject,
            }
            self._path.record_question(requester, action="report_subject", filters=filters)
            accesses, failures = report_subject(
                self._path.index,
                logs=self._logs,
                catalogue=self._path.catalogue,
                subject_key=self._path.subject_key,
                identifier=identifier,
                value=value,
                now=int(self._path.clock_seconds()),
            )
            for access in accesses:
                if not request.for_data_subject:
                    yield _message(access)
                elif not access.withheld_until:
                    yield _message_for_data_subject(access)
            for failure in failures:
                raise failure

    def RevealSubject(  # noqa: N802
        self, request: pb.RevealSubjectRequest, context: grpc.ServicerContext
    ) -> pb.RevealSubjectResponse:
        """Say who it is, once it is recorded who asked and why."""
        with errors_as_status(context):
            requester, reason = self._auditor(context), checked_reason(request.reason)
            identifier, value = _revealed(self._path.subject_key, token=request.token)
            filters = {"person": request.token, "reason": reason}
            record_audit_query(self._path.log, requester=requester, action="reveal_subject", filters=filters)
            return pb.RevealSubjectResponse(identifier=identifier, value=value)
        raise AssertionError

    def _auditor(self, context: grpc.ServicerContext) -> Requester:
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, Role.AUDITOR)
        return requester


def checked_reason(reason: str) -> str:
    """Return the reason as it may be recorded.

    Raises:
        InvalidQuery: It is empty, or holds the number of somebody, however it is written.
    """
    normal = unicodedata.normalize("NFKC", reason).strip()
    if not normal:
        raise InvalidQuery(Reason.REVEAL_REASON_MISSING)
    if _NUMBER.search("".join(filter(str.isalnum, normal)).upper()):
        raise InvalidQuery(Reason.REVEAL_REASON_NAMES_SOMEBODY)
    return normal


def _revealed(key: SubjectKey, *, token: str) -> tuple[IdentifierKind, str]:
    try:
        return key.reveal(token)
    except ValueError:
        raise InvalidQuery(Reason.SUBJECT_INVALID) from None


def _message(access: Access) -> pb.ReportSubjectResponse:
    """Return what an auditor gets."""
    requester = access.intent.body["requester"]
    message = _message_for_data_subject(access)
    message.entry_id, message.requester = access.intent.entry_id, requester["subject"]
    message.withheld_until = access.withheld_until
    return message


def _message_for_data_subject(access: Access) -> pb.ReportSubjectResponse:
    """Return what the data subject gets: no name of a civil servant and no number of an entry."""
    body = access.intent.body
    return pb.ReportSubjectResponse(
        time_micros=access.intent.time_micros,
        office=body["requester"]["office"],
        purpose=body["purpose"],
        dataset=access.dataset,
        columns=access.columns,
        kind=f"ACCESS_KIND_{access.kind.name}",
    )
