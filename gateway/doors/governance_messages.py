"""Records of the governance register as messages, and back."""

from __future__ import annotations

from catalog.dataset import Text
from catalog.governance import (
    AgreementRecord,
    Declaration,
    EmergencyRecord,
    Ending,
    GovernanceRefused,
    RegisterProblem,
    Revocation,
    RevocationKind,
    Signature,
    StopKind,
    StopRecord,
)
from gateway.audit import LiftedStop, OwedDestruction
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb

_KINDS = {
    RevocationKind.REQUESTER: pb.REVOCATION_KIND_REQUESTER,
    RevocationKind.PURPOSE: pb.REVOCATION_KIND_PURPOSE,
}
_STOPS = {
    StopKind.DATASET: pb.STOP_KIND_DATASET,
    StopKind.COLUMN: pb.STOP_KIND_COLUMN,
    StopKind.OFFICE: pb.STOP_KIND_OFFICE,
    StopKind.AGREEMENT: pb.STOP_KIND_AGREEMENT,
}


def revocation_kind(message: pb.RevocationKind) -> RevocationKind:
    """Return the kind. Raises GovernanceRefused when it is not set."""
    for kind, value in _KINDS.items():
        if value == message:
            return kind
    raise GovernanceRefused("须指明请求人或用途", "name a requester or a purpose")


def revocation_kind_message(kind: RevocationKind) -> pb.RevocationKind:
    """Return the message of a kind."""
    return _KINDS[kind]


def read_declaration(message: pb.Declaration) -> Declaration:
    """Return the declaration. Raises GovernanceRefused when it is malformed."""
    return Declaration.read(
        {
            "id": message.id,
            "title": {"zh": message.title.zh, "en": message.title.en},
            "area": message.area,
            "purposes": tuple(message.purposes),
            "starts_at": message.starts_at,
            "ends_at": message.ends_at,
        }
    )


def declaration_message(declaration: Declaration | EmergencyRecord) -> pb.Declaration:
    """Return the message of a declaration."""
    return pb.Declaration(
        id=declaration.id,
        title=_text(declaration.title),
        area=declaration.area,
        purposes=declaration.purposes,
        starts_at=declaration.starts_at,
        ends_at=declaration.ends_at,
    )


def read_signature(message: pb.Signature) -> Signature:
    """Return the signature."""
    return Signature(signer=message.signer, signature=message.signature)


def agreement_message(agreement: AgreementRecord) -> pb.Agreement:
    """Return the message of an agreement."""
    return pb.Agreement(
        id=agreement.id,
        controller=agreement.controller,
        recipient=agreement.recipient,
        datasets=agreement.datasets,
        purposes=agreement.purposes,
        valid_from=agreement.valid_from,
        valid_until=agreement.valid_until,
        signed_by=agreement.signed_by,
        signed_at=agreement.signed_at,
        revoked=_ending(agreement.revoked),
        office=agreement.office,
        columns=agreement.columns,
        terms=agreement.terms,
    )


def emergency_message(emergency: EmergencyRecord) -> pb.Emergency:
    """Return the message of an emergency."""
    return pb.Emergency(
        declaration=declaration_message(emergency),
        signers=emergency.signers,
        declared_by=emergency.declared_by,
        declared_at=emergency.declared_at,
        ended=_ending(emergency.ended),
    )


def problem_message(problem: RegisterProblem) -> pb.EmergencyProblem:
    """Return the message of a stored emergency that is ignored."""
    return pb.EmergencyProblem(id=problem.id, text=_text(problem.text))


def revocation_message(revocation: Revocation) -> pb.Revocation:
    """Return the message of a revocation."""
    return pb.Revocation(
        kind=revocation_kind_message(revocation.kind),
        id=revocation.id,
        reason=revocation.reason,
        revoked_by=revocation.revoked_by,
        revoked_at=revocation.revoked_at,
    )


def stop_kind(message: pb.StopKind) -> StopKind:
    """Return the kind. Raises GovernanceRefused when it is not set."""
    for kind, value in _STOPS.items():
        if value == message:
            return kind
    raise GovernanceRefused("须指明数据集、列、单位或协议", "name a dataset, column, office or agreement")


def stop_kind_message(kind: StopKind) -> pb.StopKind:
    """Return the message of a kind."""
    return _STOPS[kind]


def stop_message(record: StopRecord, *, lifted: Ending | None = None) -> pb.StopOrder:
    """Return the message of a stop."""
    return pb.StopOrder(
        id=record.id,
        kind=stop_kind_message(record.stop.kind),
        controller=record.stop.controller,
        target=record.stop.target,
        reason=record.reason,
        stopped_by=record.stopped_by,
        stopped_at=record.stopped_at,
        lifted=_ending(lifted),
    )


def lifted_message(stop: LiftedStop) -> pb.StopOrder:
    """Return the message of a stop that was lifted."""
    return stop_message(stop.record, lifted=stop.lifted)


def owed_message(owed: OwedDestruction) -> pb.OwedDestruction:
    """Return the message of a result that is to be destroyed."""
    return pb.OwedDestruction(
        entry_id=owed.intent.entry_id,
        emergency=owed.emergency,
        ended_at=owed.ended_at,
        office=owed.office,
        requester=owed.intent.body["requester"]["subject"],
        purpose=owed.intent.body["purpose"],
        rows=owed.rows,
    )


def _ending(ending: Ending | None) -> pb.Ending | None:
    return None if ending is None else pb.Ending(at=ending.at, by=ending.by, reason=ending.reason)


def _text(text: Text) -> pb.Text:
    return pb.Text(zh=text.zh, en=text.en)
