"""The part of RequestsService that is about data needs."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial

from catalog.governance import AgreementRecord, GovernanceRefused, check_text
from catalog.governance.register import GovernanceRegister, Witness
from catalog.purpose import Purpose
from catalog.requests import (
    Need,
    NeedState,
    RequestStore,
    agreement_of_need,
    answer_within,
    check_need,
    check_refusal,
)
from gateway.audit import record_governance, record_request
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb


class NeedDesk:
    """Takes needs of offices and answers of controllers. The door has checked the role; what is refused here it records.

    Every method raises GovernanceRefused when a need or answer will not do.
    """

    def __init__(self, *, path: QueryPath, store: RequestStore, register: GovernanceRegister) -> None:
        self._path = path
        self._store = store
        self._register = register

    def file(self, request: pb.FileNeedRequest, *, requester: Requester) -> Need:
        """Store a need of the requester's office."""
        asked = Need(
            id=self._path.new_id(),
            office=requester.office,
            filed_by=requester.subject,
            filed_at=int(self._path.clock_seconds()),
            working_days=0,
            controller=request.controller,
            dataset=request.dataset,
            columns=tuple(request.columns),
            purpose=request.purpose,
            scenario=request.scenario,
            needed_until=request.needed_until,
        )
        purpose = self._open_purpose(request.purpose, requester=requester)
        need = check_need(asked, purpose=purpose, catalogue=self._path.catalogue)
        self._store.file(need, witness=self._witness(need, requester=requester, action="need_file"))
        return need

    def accept(self, request: pb.AcceptNeedRequest, *, requester: Requester) -> Need:
        """Bring an agreement about what is needed into force; data that is not catalogued is promised only."""
        need = self._asked_of(request.id, requester=requester)
        check_text(request.terms)
        accepted = replace(
            self._answered(need, state=NeedState.ACCEPTED, answer=request.terms, requester=requester),
            agreement=request.agreement,
        )
        witness = self._witness(accepted, requester=requester, action="need_accept")
        if need.dataset:
            agreement = agreement_of_need(accepted, valid_until=request.valid_until, catalogue=self._path.catalogue)
            self._sign(agreement, accepted=accepted, requester=requester, accept=witness)
        elif request.agreement:
            raise GovernanceRefused(
                "目录中没有的数据还不能签协议；请先编目，再由单位就数据集提出需求",
                "there is no agreement about data that is not catalogued; once it is, the office files a need for the dataset",
            )
        else:
            self._store.answer(accepted, witness=witness)
        return accepted

    def refuse(self, request: pb.RefuseNeedRequest, *, requester: Requester) -> Need:
        """Refuse a need on a ground of the negative list."""
        need = self._asked_of(request.id, requester=requester)
        check_text(request.answer)
        check_refusal(need, basis=request.basis, catalogue=self._path.catalogue)
        answered = self._answered(need, state=NeedState.REFUSED, answer=request.answer, requester=requester)
        refused = replace(answered, basis=request.basis)
        self._store.answer(refused, witness=self._witness(refused, requester=requester, action="need_refuse"))
        return refused

    def withdraw(self, request: pb.WithdrawNeedRequest, *, requester: Requester) -> Need:
        """Take back a need of the requester's office."""
        need = next((n for n in self._store.needs() if (n.id, n.office) == (request.id, requester.office)), None)
        if need is None:
            raise _no_such_need(request.id)
        withdrawn = self._answered(need, state=NeedState.WITHDRAWN, answer="", requester=requester)
        self._store.answer(withdrawn, witness=self._witness(withdrawn, requester=requester, action="need_withdraw"))
        return withdrawn

    def _open_purpose(self, id: str, *, requester: Requester) -> Purpose | None:
        purpose = self._path.catalogue.purposes.get(id)
        if purpose is None or requester.office_kind not in purpose.office_kinds or not requester.roles & purpose.roles:
            return None
        return purpose

    def _asked_of(self, id: str, *, requester: Requester) -> Need:
        """Return a need that the steward's department was asked for."""
        need = next((n for n in self._store.needs() if (n.id, n.controller) == (id, requester.department)), None)
        if need is None:
            raise _no_such_need(id)
        return need

    def _answered(self, need: Need, *, state: NeedState, answer: str, requester: Requester) -> Need:
        return replace(
            need,
            state=state,
            answered_at=int(self._path.clock_seconds()),
            answered_by=requester.subject,
            answer=answer,
        )

    def _sign(self, agreement: AgreementRecord, *, accepted: Need, requester: Requester, accept: Witness) -> None:
        def witness() -> None:
            accept()
            record_governance(
                self._path.log,
                requester=requester,
                action="agreement_sign",
                target=agreement.id,
                facts=asdict(agreement),
                datasets=agreement.datasets,
            )

        self._register.sign_agreement(agreement, witness=witness, with_it=partial(answer_within, request=accepted))

    def _witness(self, need: Need, *, requester: Requester, action: str) -> Witness:
        return partial(record_request, self._path.log, requester=requester, action=action, request=need)


def _no_such_need(id: str) -> GovernanceRefused:
    return GovernanceRefused(f"没有您可以办理的需求“{id}”", f"there is no need '{id}' that you may answer or withdraw")
