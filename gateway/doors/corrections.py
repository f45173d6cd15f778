"""The part of RequestsService that is about corrections."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from catalog.dataset import Dataset
from catalog.governance import GovernanceRefused, check_text
from catalog.governance.register import Witness
from catalog.requests import Correction, RequestStore, check_correction
from gateway.audit import ReceivedDataset, received_dataset, record_request
from gateway.doors.requests_messages import read_finding
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.requests.v1 import requests_pb2 as pb


class CorrectionDesk:
    """Takes corrections of offices and answers of controllers. The door has checked the role; what is refused here it records.

    Every method raises GovernanceRefused when a correction or answer will not do. Which record is meant is never stored or
    recorded: a reference stands for it, and only the controller may have that revealed.
    """

    def __init__(self, *, path: QueryPath, store: RequestStore) -> None:
        self._path = path
        self._store = store

    def file(self, request: pb.FileCorrectionRequest, *, requester: Requester) -> Correction:
        """Flag a record that the requester's office received."""
        dataset = self._path.catalogue.datasets.get(request.dataset)
        received = received_dataset(
            self._path.index, entry_id=request.receipt_entry, office=requester.office, dataset=request.dataset
        )
        if dataset is None or received is None:
            raise GovernanceRefused(
                "本单位没有该数据集的这一回执", "your office has no such receipt of records of this dataset"
            )
        correction = Correction(
            id=self._path.new_id(),
            office=requester.office,
            filed_by=requester.subject,
            filed_at=int(self._path.clock_seconds()),
            working_days=self._path.catalogue.deadlines.correction.working_days,
            controller=dataset.controller,
            dataset=dataset.name,
            row_reference=self._path.subject_key.row_reference(dataset.name, entity_key=request.entity_key),
            columns=tuple(sorted(set(request.columns))),
            remark=request.remark,
            receipt=received.entry_id,
        )
        check_correction(correction, entity_key=request.entity_key)
        self._check_received(correction, dataset=dataset, received=received, entity_key=request.entity_key)
        self._store.file(correction, witness=self._witness(correction, requester=requester, action="correction_file"))
        return correction

    def answer(self, request: pb.AnswerCorrectionRequest, *, requester: Requester) -> Correction:
        """Store what the controller found."""
        correction = self._asked_of(request.id, requester=requester)
        check_text(request.answer)
        answered = replace(
            correction,
            state=read_finding(request.state),
            answered_at=int(self._path.clock_seconds()),
            answered_by=requester.subject,
            answer=request.answer,
        )
        self._store.answer(answered, witness=self._witness(answered, requester=requester, action="correction_answer"))
        return answered

    def reveal(self, request: pb.RevealCorrectionRequest, *, requester: Requester) -> str:
        """Return the entity key of the record that is meant, once it is recorded who asked."""
        correction = self._asked_of(request.id, requester=requester)
        self._witness(correction, requester=requester, action="correction_reveal")()
        return self._path.subject_key.reveal_row(correction.row_reference, dataset=correction.dataset)

    def _check_received(
        self, correction: Correction, *, dataset: Dataset, received: ReceivedDataset, entity_key: str
    ) -> None:
        """Raise GovernanceRefused unless the office received these columns, and could tell by the key which record it was."""
        missing = sorted(set(correction.columns) - received.columns)
        if missing:
            raise GovernanceRefused(f"回执中没有列“{missing[0]}”", f"the receipt has no column '{missing[0]}'")
        key = dataset.column(dataset.entity_key)
        named = (
            key is not None
            and key.identifier is not None
            and self._path.subject_key.token(key.identifier, value=entity_key) in received.people
        )
        if not named and dataset.entity_key not in received.clear_columns:
            raise GovernanceRefused(
                f"回执中没有未遮蔽的“{dataset.entity_key}”，也不是按它查询的",
                f"the receipt neither holds '{dataset.entity_key}' unmasked nor is about this one",
            )

    def _asked_of(self, id: str, *, requester: Requester) -> Correction:
        """Return a correction that the steward's department was asked for."""
        found = self._store.corrections()
        correction = next((c for c in found if (c.id, c.controller) == (id, requester.department)), None)
        if correction is None:
            raise GovernanceRefused(f"本部门没有校核“{id}”", f"your department has no correction '{id}'")
        return correction

    def _witness(self, correction: Correction, *, requester: Requester, action: str) -> Witness:
        return partial(record_request, self._path.log, requester=requester, action=action, request=correction)
