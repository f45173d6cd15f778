"""RequestsService: data needs and corrections. Every step is in the log before it takes effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import TypeVar

import grpc

from catalog.governance.register import GovernanceRegister
from catalog.requests import Correction, Need, RequestStore, is_overdue
from catalog.vocabulary import OVERSIGHT, Role
from gateway.doors.asked import asked_by
from gateway.doors.corrections import CorrectionDesk
from gateway.doors.needs import NeedDesk
from gateway.doors.requests_messages import correction_message, ground_message, need_message
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb
from sharing_stubs.sharing.requests.v1 import requests_pb2_grpc

_OFFICE = (Role.CLERK, Role.ANALYST)
_Request = TypeVar("_Request", Need, Correction)


class RequestsDoor(requests_pb2_grpc.RequestsServiceServicer):
    """Offices ask, controllers answer."""

    def __init__(self, *, path: QueryPath, store: RequestStore, register: GovernanceRegister) -> None:
        self._path = path
        self._asked = partial(asked_by, path)
        self._store = store
        self._needs = NeedDesk(path=path, store=store, register=register)
        self._corrections = CorrectionDesk(path=path, store=store)

    def FileNeed(  # noqa: N802
        self, request: pb.FileNeedRequest, context: grpc.ServicerContext
    ) -> pb.FileNeedResponse:
        """Store a need of the requester's office."""
        with self._asked(context, *_OFFICE) as requester:
            return pb.FileNeedResponse(need=self._need(self._needs.file(request, requester=requester)))
        raise AssertionError

    def AcceptNeed(  # noqa: N802
        self, request: pb.AcceptNeedRequest, context: grpc.ServicerContext
    ) -> pb.AcceptNeedResponse:
        """Bring an agreement about what is needed into force."""
        with self._asked(context, Role.STEWARD) as requester:
            return pb.AcceptNeedResponse(need=self._need(self._needs.accept(request, requester=requester)))
        raise AssertionError

    def RefuseNeed(  # noqa: N802
        self, request: pb.RefuseNeedRequest, context: grpc.ServicerContext
    ) -> pb.RefuseNeedResponse:
        """Refuse a need on a ground of the negative list."""
        with self._asked(context, Role.STEWARD) as requester:
            return pb.RefuseNeedResponse(need=self._need(self._needs.refuse(request, requester=requester)))
        raise AssertionError

    def WithdrawNeed(  # noqa: N802
        self, request: pb.WithdrawNeedRequest, context: grpc.ServicerContext
    ) -> pb.WithdrawNeedResponse:
        """Take back a need of the requester's office."""
        with self._asked(context, *_OFFICE) as requester:
            return pb.WithdrawNeedResponse(need=self._need(self._needs.withdraw(request, requester=requester)))
        raise AssertionError

    def ListNeeds(  # noqa: N802
        self, request: pb.ListNeedsRequest, context: grpc.ServicerContext
    ) -> pb.ListNeedsResponse:
        """List the needs that concern the requester, newest first."""
        with self._asked(context, *_OFFICE, Role.STEWARD, *OVERSIGHT) as requester:
            needs = self._concerning(requester, self._store.needs(), overdue_only=request.overdue_only)
            return pb.ListNeedsResponse(needs=map(self._need, needs))
        raise AssertionError

    def ListNegativeList(  # noqa: N802
        self, request: pb.ListNegativeListRequest, context: grpc.ServicerContext
    ) -> pb.ListNegativeListResponse:
        """List the grounds on which a need may be refused."""
        with self._asked(context, *Role):
            grounds = self._path.catalogue.negative_list.values()
            return pb.ListNegativeListResponse(entries=map(ground_message, grounds))
        raise AssertionError

    def FileCorrection(  # noqa: N802
        self, request: pb.FileCorrectionRequest, context: grpc.ServicerContext
    ) -> pb.FileCorrectionResponse:
        """Flag a record that the requester's office received."""
        with self._asked(context, *_OFFICE) as requester:
            filed = self._corrections.file(request, requester=requester)
            return pb.FileCorrectionResponse(correction=self._correction(filed))
        raise AssertionError

    def AnswerCorrection(  # noqa: N802
        self, request: pb.AnswerCorrectionRequest, context: grpc.ServicerContext
    ) -> pb.AnswerCorrectionResponse:
        """Store what the controller found."""
        with self._asked(context, Role.STEWARD) as requester:
            answered = self._corrections.answer(request, requester=requester)
            return pb.AnswerCorrectionResponse(correction=self._correction(answered))
        raise AssertionError

    def ListCorrections(  # noqa: N802
        self, request: pb.ListCorrectionsRequest, context: grpc.ServicerContext
    ) -> pb.ListCorrectionsResponse:
        """List the corrections that concern the requester, newest first."""
        with self._asked(context, *_OFFICE, Role.STEWARD, *OVERSIGHT) as requester:
            corrections = self._concerning(requester, self._store.corrections(), overdue_only=request.overdue_only)
            return pb.ListCorrectionsResponse(corrections=map(self._correction, corrections))
        raise AssertionError

    def RevealCorrection(  # noqa: N802
        self, request: pb.RevealCorrectionRequest, context: grpc.ServicerContext
    ) -> pb.RevealCorrectionResponse:
        """Tell the controller which record is meant."""
        with self._asked(context, Role.STEWARD) as requester:
            return pb.RevealCorrectionResponse(entity_key=self._corrections.reveal(request, requester=requester))
        raise AssertionError

    def _concerning(
        self, requester: Requester, requests: Iterable[_Request], *, overdue_only: bool
    ) -> Iterator[_Request]:
        """Yield what the requester's office asked or its department is asked; everything to administrators and auditors."""
        sees_all = not requester.roles.isdisjoint(OVERSIGHT)
        for request in requests:
            concerned = sees_all or request.office == requester.office or request.controller == requester.department
            if concerned and (not overdue_only or is_overdue(request, now=self._now())):
                yield request

    def _need(self, need: Need) -> pb.Need:
        return need_message(need, now=self._now())

    def _correction(self, correction: Correction) -> pb.Correction:
        return correction_message(correction, now=self._now())

    def _now(self) -> int:
        return int(self._path.clock_seconds())
