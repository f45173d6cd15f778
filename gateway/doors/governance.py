"""GovernanceService: agreements, emergencies, revocations, stops, consents, destruction receipts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

import grpc

from catalog.governance import (
    AgreementRecord,
    GovernanceRefused,
    RevocationKind,
    check_agreement,
    check_consent,
    check_declaration,
    check_text,
)
from catalog.governance.register import GovernanceRegister, Witness
from catalog.vocabulary import Role
from gateway.audit import record_governance
from gateway.doors.call import header
from gateway.doors.destructions import Destructions
from gateway.doors.governance_messages import (
    agreement_message,
    emergency_message,
    lifted_message,
    owed_message,
    problem_message,
    read_declaration,
    read_signature,
    revocation_kind,
    revocation_message,
    stop_message,
)
from gateway.doors.rpc_errors import errors_as_status
from gateway.doors.stops import StopButton
from gateway.errors import Denied, InvalidQuery
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from sharing_stubs.sharing.governance.v1 import governance_pb2_grpc


class GovernanceDoor(governance_pb2_grpc.GovernanceServiceServicer):
    """Checks who may decide what; every change is in the log before it takes effect."""

    def __init__(self, *, path: QueryPath, register: GovernanceRegister) -> None:
        self._path = path
        self._register = register
        self._button = StopButton(path=path, register=register)
        self._destructions = Destructions(path=path)

    def SignAgreement(  # noqa: N802
        self, request: pb.SignAgreementRequest, context: grpc.ServicerContext
    ) -> pb.SignAgreementResponse:
        """Bring an agreement of the steward's department into force."""
        with self._asked(context, Role.STEWARD) as requester:
            agreement = self._agreement(request.agreement, requester=requester)
            check_agreement(agreement, catalogue=self._path.catalogue)
            witness = partial(
                record_governance,
                self._path.log,
                requester=requester,
                action="agreement_sign",
                target=agreement.id,
                facts=asdict(agreement),
                datasets=agreement.datasets,
            )
            self._register.sign_agreement(agreement, witness=witness)
            return pb.SignAgreementResponse(agreement=agreement_message(agreement))
        raise AssertionError

    def RevokeAgreement(  # noqa: N802
        self, request: pb.RevokeAgreementRequest, context: grpc.ServicerContext
    ) -> pb.RevokeAgreementResponse:
        """End an agreement for good."""
        with self._asked(context, Role.STEWARD, Role.ADMINISTRATOR) as requester:
            found = [agreement for agreement in self._register.agreements if agreement.id == request.id]
            own = [agreement for agreement in found if agreement.controller == requester.department]
            if Role.ADMINISTRATOR not in requester.roles and not own:
                self._path.record_refusal(Denied(Reason.ROLE_MISSING), requester=requester)
            check_text(request.reason)
            witness = partial(
                record_governance,
                self._path.log,
                requester=requester,
                action="agreement_revoke",
                target=request.id,
                facts={"reason": request.reason},
                datasets=[name for agreement in found for name in agreement.datasets],
            )
            self._register.revoke_agreement(request.id, by=requester.subject, reason=request.reason, witness=witness)
            return pb.RevokeAgreementResponse()
        raise AssertionError

    def ListAgreements(  # noqa: N802
        self, request: pb.ListAgreementsRequest, context: grpc.ServicerContext
    ) -> pb.ListAgreementsResponse:
        """List all agreements."""
        with self._asked(context, *Role):
            return pb.ListAgreementsResponse(agreements=map(agreement_message, self._register.agreements))
        raise AssertionError

    def DeclareEmergency(  # noqa: N802
        self, request: pb.DeclareEmergencyRequest, context: grpc.ServicerContext
    ) -> pb.DeclareEmergencyResponse:
        """Bring a signed declaration into force."""
        with self._asked(context, Role.ADMINISTRATOR) as requester:
            declaration = read_declaration(request.declaration)
            signatures = [read_signature(signature) for signature in request.signatures]
            check_declaration(declaration, catalogue=self._path.catalogue)
            facts = declaration.model_dump() | {"signatures": signatures}
            witness = partial(
                record_governance,
                self._path.log,
                requester=requester,
                action="emergency_declare",
                target=declaration.id,
                facts=facts,
            )
            self._register.declare_emergency(declaration, signatures=signatures, by=requester.subject, witness=witness)
            return pb.DeclareEmergencyResponse()
        raise AssertionError

    def EndEmergency(  # noqa: N802
        self, request: pb.EndEmergencyRequest, context: grpc.ServicerContext
    ) -> pb.EndEmergencyResponse:
        """End an emergency for good."""
        with self._asked(context, Role.ADMINISTRATOR) as requester:
            check_text(request.reason)
            facts = {"reason": request.reason}
            witness = partial(
                record_governance,
                self._path.log,
                requester=requester,
                action="emergency_end",
                target=request.id,
                facts=facts,
            )
            self._register.end_emergency(request.id, by=requester.subject, reason=request.reason, witness=witness)
            return pb.EndEmergencyResponse()
        raise AssertionError

    def ListEmergencies(  # noqa: N802
        self, request: pb.ListEmergenciesRequest, context: grpc.ServicerContext
    ) -> pb.ListEmergenciesResponse:
        """List all emergencies, and stored ones that are ignored."""
        with self._asked(context, *Role):
            return pb.ListEmergenciesResponse(
                emergencies=map(emergency_message, self._register.emergencies),
                problems=map(problem_message, self._register.problems),
            )
        raise AssertionError

    def RevokeAccess(  # noqa: N802
        self, request: pb.RevokeAccessRequest, context: grpc.ServicerContext
    ) -> pb.RevokeAccessResponse:
        """Stop everything for a requester or purpose."""
        with self._asked(context, Role.ADMINISTRATOR) as requester:
            kind = revocation_kind(request.kind)
            self._check_exists(kind, request.id)
            if kind is RevocationKind.REQUESTER and request.id == requester.subject:
                raise GovernanceRefused(
                    "不能停用本人，请由另一位管理员办理", "nobody revokes themselves; ask another administrator"
                )
            check_text(request.reason)
            witness = self._access_witness(requester, action="access_revoke", kind=kind, request=request)
            self._register.revoke(kind, request.id, by=requester.subject, reason=request.reason, witness=witness)
            return pb.RevokeAccessResponse()
        raise AssertionError

    def RestoreAccess(  # noqa: N802
        self, request: pb.RestoreAccessRequest, context: grpc.ServicerContext
    ) -> pb.RestoreAccessResponse:
        """Lift a revocation."""
        with self._asked(context, Role.ADMINISTRATOR) as requester:
            kind = revocation_kind(request.kind)
            check_text(request.reason)
            witness = self._access_witness(requester, action="access_restore", kind=kind, request=request)
            self._register.restore(kind, request.id, witness=witness)
            return pb.RestoreAccessResponse()
        raise AssertionError

    def ListRevocations(  # noqa: N802
        self, request: pb.ListRevocationsRequest, context: grpc.ServicerContext
    ) -> pb.ListRevocationsResponse:
        """List what is revoked now."""
        with self._asked(context, Role.ADMINISTRATOR, Role.AUDITOR):
            return pb.ListRevocationsResponse(revocations=map(revocation_message, self._register.revocations))
        raise AssertionError

    def Stop(self, request: pb.StopRequest, context: grpc.ServicerContext) -> pb.StopResponse:  # noqa: N802
        """Hold back a dataset, a column, a department's datasets for an office, or an agreement."""
        with self._asked(context, Role.STEWARD, Role.ADMINISTRATOR) as requester:
            record, ended = self._button.stop(request, requester=requester)
            return pb.StopResponse(stop=stop_message(record), deliveries_ended=ended)
        raise AssertionError

    def LiftStop(self, request: pb.LiftStopRequest, context: grpc.ServicerContext) -> pb.LiftStopResponse:  # noqa: N802
        """End a stop."""
        with self._asked(context, Role.STEWARD, Role.ADMINISTRATOR) as requester:
            self._button.lift(request, requester=requester)
            return pb.LiftStopResponse()
        raise AssertionError

    def ListStops(self, request: pb.ListStopsRequest, context: grpc.ServicerContext) -> pb.ListStopsResponse:  # noqa: N802
        """List what is stopped now, and what was, of what the requester may know of."""
        with self._asked(context, *Role) as requester:
            lifted = self._button.lifted(requester) if request.with_lifted else ()
            return pb.ListStopsResponse(
                stops=map(stop_message, self._button.seen_by(requester)), lifted=map(lifted_message, lifted)
            )
        raise AssertionError

    def RecordConsent(  # noqa: N802
        self, request: pb.RecordConsentRequest, context: grpc.ServicerContext
    ) -> pb.RecordConsentResponse:
        """Record that a person consented to a purpose of the clerk's office."""
        with self._asked(context, Role.CLERK) as requester:
            check_consent(
                request.resident_id,
                purpose=request.purpose,
                days=request.days,
                evidence=request.evidence,
                catalogue=self._path.catalogue,
            )
            token = self._consent_token(request, requester=requester)
            expires_at = int(self._path.clock_seconds()) + request.days * 86_400
            facts = {"evidence": request.evidence, "expires_at": expires_at}
            witness = partial(
                record_governance,
                self._path.log,
                requester=requester,
                action="consent_record",
                target=token,
                facts=facts,
                purpose=request.purpose,
            )
            self._register.record_consent(
                token, evidence=request.evidence, expires_at=expires_at, by=requester.subject, witness=witness
            )
            return pb.RecordConsentResponse(expires_at=expires_at)
        raise AssertionError

    def WithdrawConsent(  # noqa: N802
        self, request: pb.WithdrawConsentRequest, context: grpc.ServicerContext
    ) -> pb.WithdrawConsentResponse:
        """End a consent that the clerk's office recorded."""
        with self._asked(context, Role.CLERK) as requester:
            token = self._consent_token(request, requester=requester)
            witness = partial(
                record_governance,
                self._path.log,
                requester=requester,
                action="consent_withdraw",
                target=token,
                facts={},
                purpose=request.purpose,
            )
            self._register.withdraw_consent(token, witness=witness)
            return pb.WithdrawConsentResponse()
        raise AssertionError

    def ListOwedDestructions(  # noqa: N802
        self, request: pb.ListOwedDestructionsRequest, context: grpc.ServicerContext
    ) -> pb.ListOwedDestructionsResponse:
        """List the results of ended emergencies that are not destroyed yet."""
        with self._asked(context, Role.CLERK, Role.ANALYST, Role.ADMINISTRATOR, Role.AUDITOR) as requester:
            return pb.ListOwedDestructionsResponse(owed=map(owed_message, self._destructions.owed(requester)))
        raise AssertionError

    def RecordDestruction(  # noqa: N802
        self, request: pb.RecordDestructionRequest, context: grpc.ServicerContext
    ) -> pb.RecordDestructionResponse:
        """Record that the requester's office destroyed a result, or all that it owes for an emergency."""
        with self._asked(context, Role.CLERK, Role.ANALYST) as requester:
            return pb.RecordDestructionResponse(entry_ids=self._destructions.record(request, requester=requester))
        raise AssertionError

    @contextmanager
    def _asked(self, context: grpc.ServicerContext, *roles: Role) -> Iterator[Requester]:
        """Yield the requester, who has one of the roles; a refusal is recorded and told."""
        with errors_as_status(context):
            requester = self._path.authenticate(header(context, "authorization"))
            self._path.require_role(requester, *roles)
            try:
                yield requester
            except GovernanceRefused as error:
                self._path.record_refusal(InvalidQuery(Reason.GOVERNANCE_REFUSED, error.text), requester=requester)

    def _agreement(self, message: pb.Agreement, *, requester: Requester) -> AgreementRecord:
        if requester.department is None:
            raise GovernanceRefused("请求人不代表任何部门", "the requester acts for no department")
        now = int(self._path.clock_seconds())
        return AgreementRecord(
            id=message.id,
            controller=requester.department,
            recipient=message.recipient,
            datasets=tuple(sorted(set(message.datasets))),
            purposes=tuple(sorted(set(message.purposes))),
            valid_from=message.valid_from or now,
            valid_until=message.valid_until,
            signed_by=requester.subject,
            signed_at=now,
            office=message.office,
            columns=tuple(sorted(set(message.columns))),
            terms=message.terms,
        )

    def _check_exists(self, kind: RevocationKind, id: str) -> None:
        if kind is RevocationKind.PURPOSE and id not in self._path.catalogue.purposes:
            raise GovernanceRefused(f"没有用途“{id}”", f"there is no purpose '{id}'")
        if kind is RevocationKind.REQUESTER and self._path.directory.find(id) is None:
            raise GovernanceRefused(f"目录中没有请求人“{id}”", f"the directory has no active requester '{id}'")

    def _access_witness(
        self,
        requester: Requester,
        *,
        action: str,
        kind: RevocationKind,
        request: pb.RevokeAccessRequest | pb.RestoreAccessRequest,
    ) -> Witness:
        return partial(
            record_governance,
            self._path.log,
            requester=requester,
            action=action,
            target=request.id,
            facts={"kind": kind, "reason": request.reason},
            purpose=request.id if kind is RevocationKind.PURPOSE else "",
        )

    def _consent_token(
        self, request: pb.RecordConsentRequest | pb.WithdrawConsentRequest, *, requester: Requester
    ) -> str:
        return self._register.consent_token(request.resident_id, purpose=request.purpose, office=requester.office)
