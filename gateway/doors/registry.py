"""RegistryService: departments register their connectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from catalog.dataset import Text
from catalog.governance import GovernanceRefused, check_text
from catalog.registry import (
    CONNECTOR_NAME,
    Candidate,
    ConnectorInstance,
    Registration,
    RegistrationAction,
    RegistrationRefused,
    RegistrationState,
    Registry,
    RegistryUnavailable,
)
from catalog.registry.registry import Witness
from catalog.vocabulary import Role
from gateway.audit import record_refused_registration, record_registration
from gateway.doors.call import header
from gateway.doors.call_back import CallBack
from gateway.doors.registry_messages import change_message, registration_message
from gateway.doors.rpc_errors import errors_as_status
from gateway.doors.turns import DEPARTMENT_TURNS_MAX, TURNS_MAX, CallTime, Turns
from gateway.errors import InvalidQuery, Unavailable
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from sharing_stubs.sharing.registry.v1 import registry_pb2_grpc

REGISTER, HEARTBEAT = "register", "heartbeat"
REGISTER_SECONDS_MAX = 130.0
"""With the comparison of a replica's datasets with those that run."""
HEARTBEAT_SECONDS_MAX = 15.0
_NONCE_BYTES = 16
_CONNECTOR_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_INSTANCE_ID = re.compile(r"[A-Za-z0-9-]{1,63}")
_ENDPOINT = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]{1,240}):[0-9]{1,5}")
_SOFTWARE = re.compile(r"[ -~]{0,100}")


class RegistryDoor(registry_pb2_grpc.RegistryServiceServicer):
    """Checks who registers what, and who decides about it; every change is in the log before it takes effect."""

    def __init__(self, *, path: QueryPath, registry: Registry) -> None:
        self._path = path
        self._registry = registry
        self._registrations = Turns(all_max=TURNS_MAX, own_max=DEPARTMENT_TURNS_MAX)
        self._heartbeats = Turns(all_max=TURNS_MAX, own_max=DEPARTMENT_TURNS_MAX)

    def Register(  # noqa: N802
        self, request: pb.RegisterRequest, context: grpc.ServicerContext
    ) -> pb.RegisterResponse:
        """Call a connector back and let it in."""
        with (
            errors_as_status(context),
            self._connector(context, request.connector, action=REGISTER, endpoint=request.endpoint) as requester,
        ):
            _check_form(request)
            department, within = requester.department or "", CallTime(context, seconds_max=REGISTER_SECONDS_MAX)
            with self._registrations.take(department, id=request.connector):
                call_back = CallBack(self._path, within=within)
                candidate = _candidate(request, department=department, call_back=call_back)
                same_as, gone = self._compared(candidate, call_back=call_back)
                registration = self._registry.register_instance(
                    candidate,
                    same_as=same_as,
                    gone=gone,
                    by=requester.subject,
                    witness=self._witness(requester, action=REGISTER),
                )
            if registration.state is RegistrationState.REQUESTED:
                raise RegistrationRefused(*_listed(candidate))
            instance = _instance(registration, instance_id=request.instance_id)
            return pb.RegisterResponse(
                registration=registration_message(registration),
                generation=instance.generation,
                lease_seconds=self._registry.lease_seconds,
            )
        raise AssertionError

    def Heartbeat(  # noqa: N802
        self, request: pb.HeartbeatRequest, context: grpc.ServicerContext
    ) -> pb.HeartbeatResponse:
        """Look at a running connector again and prolong its lease."""
        with (
            errors_as_status(context),
            self._connector(context, request.connector, action=HEARTBEAT) as requester,
        ):
            department, connector = requester.department or "", request.connector
            known = self._registry.registration(department, connector)
            instance = self._registry.instance(department, connector, instance_id=request.instance_id)
            if known is None or instance is None or instance.generation != request.generation:
                raise RegistrationRefused(
                    "该实例已被新的实例取代，或从未登记",
                    "this instance was superseded by a newer one, or never registered",
                )
            within = CallTime(context, seconds_max=HEARTBEAT_SECONDS_MAX)
            with self._heartbeats.take(department, id=instance.instance_id):
                registration = self._registry.heartbeat(
                    instance,
                    drifts=CallBack(self._path, within=within).heartbeat(instance, datasets=known.datasets),
                    by=requester.subject,
                    witness=self._witness(requester, action=HEARTBEAT),
                )
            return pb.HeartbeatResponse(
                registration=registration_message(registration), lease_seconds=self._registry.lease_seconds
            )
        raise AssertionError

    def Approve(self, request: pb.ApproveRequest, context: grpc.ServicerContext) -> pb.ApproveResponse:  # noqa: N802
        """Let a checked registration serve."""
        with errors_as_status(context):
            changed = self._decide(context, request, action=RegistrationAction.APPROVE)
            return pb.ApproveResponse(registration=changed)
        raise AssertionError

    def Suspend(self, request: pb.SuspendRequest, context: grpc.ServicerContext) -> pb.SuspendResponse:  # noqa: N802
        """Stop a registration."""
        with errors_as_status(context):
            changed = self._decide(context, request, action=RegistrationAction.SUSPEND)
            return pb.SuspendResponse(registration=changed)
        raise AssertionError

    def Resume(self, request: pb.ResumeRequest, context: grpc.ServicerContext) -> pb.ResumeResponse:  # noqa: N802
        """End a suspension."""
        with errors_as_status(context):
            changed = self._decide(context, request, action=RegistrationAction.RESUME)
            return pb.ResumeResponse(registration=changed)
        raise AssertionError

    def Withdraw(self, request: pb.WithdrawRequest, context: grpc.ServicerContext) -> pb.WithdrawResponse:  # noqa: N802
        """End a registration for good."""
        with errors_as_status(context):
            changed = self._decide(context, request, action=RegistrationAction.WITHDRAW)
            return pb.WithdrawResponse(registration=changed)
        raise AssertionError

    def ListRegistrations(  # noqa: N802
        self, request: pb.ListRegistrationsRequest, context: grpc.ServicerContext
    ) -> pb.ListRegistrationsResponse:
        """List all registrations."""
        with errors_as_status(context), self._reading(context):
            return pb.ListRegistrationsResponse(registrations=map(registration_message, self._registry.registrations()))
        raise AssertionError

    def GetRegistration(  # noqa: N802
        self, request: pb.GetRegistrationRequest, context: grpc.ServicerContext
    ) -> pb.GetRegistrationResponse:
        """Return one registration with its history."""
        with errors_as_status(context), self._reading(context):
            connector = request.connector or CONNECTOR_NAME
            found = self._registry.registration(request.department, connector)
            if found is None:
                raise InvalidQuery(Reason.NOT_AVAILABLE, f"{request.department}/{connector}")
            history = self._registry.history(request.department, connector)
            return pb.GetRegistrationResponse(
                registration=registration_message(found), history=map(change_message, history)
            )
        raise AssertionError

    @contextmanager
    def _connector(
        self, context: grpc.ServicerContext, connector: str, *, action: str, endpoint: str = ""
    ) -> Iterator[Requester]:
        """Yield who calls, a department's connector; a refusal inside is recorded with its own text."""
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, Role.CONNECTOR)
        with self._unavailable_named(requester):
            try:
                if requester.department is None:
                    raise RegistrationRefused("请求人不代表任何部门", "the requester acts for no department")
                yield requester
            except RegistrationRefused as refused:
                record_refused_registration(
                    self._path.log,
                    requester=requester,
                    action=action,
                    department=requester.department or "",
                    connector=connector[:80],
                    endpoint=endpoint[:260],
                    reason=refused.recorded,
                )
                text = Text(zh=refused.text.zh.rstrip("。"), en=refused.text.en.rstrip("."))
                raise InvalidQuery(Reason.REGISTRATION_REFUSED, text) from refused

    @contextmanager
    def _reading(self, context: grpc.ServicerContext) -> Iterator[None]:
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, Role.ADMINISTRATOR, Role.STEWARD, Role.AUDITOR)
        with self._unavailable_named(requester):
            yield

    def _decide(
        self,
        context: grpc.ServicerContext,
        request: pb.ApproveRequest | pb.SuspendRequest | pb.ResumeRequest | pb.WithdrawRequest,
        *,
        action: RegistrationAction,
    ) -> pb.Registration:
        """Carry out what an administrator, or the department's steward, decides."""
        requester = self._path.authenticate(header(context, "authorization"))
        connector = request.connector or CONNECTOR_NAME
        with self._unavailable_named(requester):
            own = self._is_the_stewards(action, requester=requester, department=request.department, connector=connector)
            self._path.require_role(requester, Role.ADMINISTRATOR, *([Role.STEWARD] if own else []))
            reason = "" if isinstance(request, pb.ApproveRequest) else request.reason
            try:
                if not isinstance(request, pb.ApproveRequest):
                    check_text(reason)
                changed = self._registry.change_state(
                    request.department,
                    connector,
                    action=action,
                    by=requester.subject,
                    reason=reason,
                    witness=self._witness(requester, action=action),
                )
            except (GovernanceRefused, RegistrationRefused) as refused:
                self._path.record_refusal(InvalidQuery(Reason.GOVERNANCE_REFUSED, refused.text), requester=requester)
        return registration_message(changed)

    def _is_the_stewards(
        self, action: RegistrationAction, *, requester: Requester, department: str, connector: str
    ) -> bool:
        """Tell whether a steward may do this: stop what is the department's own, and end a stop of its own."""
        if Role.STEWARD not in requester.roles or requester.department != department:
            return False
        if action is not RegistrationAction.RESUME:
            return action is not RegistrationAction.APPROVE
        known = self._registry.registration(department, connector)
        stopper = None if known is None else self._path.directory.find(known.changed_by)
        return stopper is not None and stopper.department == department

    @contextmanager
    def _unavailable_named(self, requester: Requester) -> Iterator[None]:
        try:
            yield
        except RegistryUnavailable as error:
            unavailable = Unavailable(Reason.REGISTRY_UNAVAILABLE, internal=str(error))
            self._path.record_refusal(unavailable, requester=requester)

    def _witness(self, requester: Requester, *, action: str) -> Witness:
        return lambda changed: record_registration(self._path.log, changed, requester=requester, action=action)

    def _compared(self, candidate: Candidate, *, call_back: CallBack) -> tuple[frozenset[str], frozenset[str]]:
        """Return the ids of the other instances that serve the same as a candidate, and of those that do not run any more."""
        department, connector = candidate.department, candidate.connector
        known = self._registry.registration(department, connector)
        if known is None:
            return frozenset(), frozenset()
        others = [one for one in known.instances if one.endpoint != candidate.endpoint]
        gone = frozenset(one.instance_id for one in others if call_back.is_gone(one))
        running = [one for one in others if one.instance_id not in gone]
        before = self._registry.instance(department, connector, instance_id=candidate.instance_id)
        if known.datasets == candidate.datasets and (before is None or before.endpoint != candidate.endpoint):
            call_back.check_same(
                candidate.endpoint, department=department, datasets=candidate.datasets, running=running
            )
        return frozenset(one.instance_id for one in running), gone


def _candidate(request: pb.RegisterRequest, *, department: str, call_back: CallBack) -> Candidate:
    answer = call_back.registration(
        request.endpoint, department=department, instance_id=request.instance_id, nonce=request.nonce
    )
    return Candidate(
        department=department,
        connector=request.connector,
        instance_id=request.instance_id,
        endpoint=request.endpoint,
        certificate_sha256=answer.certificate_sha256,
        software=request.software,
        datasets=answer.datasets,
        drifts=answer.drifts,
    )


def _check_form(request: pb.RegisterRequest) -> None:
    for value, form in (
        (request.connector, _CONNECTOR_NAME),
        (request.instance_id, _INSTANCE_ID),
        (request.endpoint, _ENDPOINT),
        (request.software, _SOFTWARE),
    ):
        if not form.fullmatch(value):
            raise RegistrationRefused(f"“{value[:80]}”的格式不正确", f"'{value[:80]}' is not written as it must be")
    if len(request.nonce) != _NONCE_BYTES:
        raise RegistrationRefused(f"nonce 须为 {_NONCE_BYTES} 字节", f"a nonce has {_NONCE_BYTES} bytes")


def _instance(registration: Registration, *, instance_id: str) -> ConnectorInstance:
    return next(one for one in registration.instances if one.instance_id == instance_id)


def _listed(candidate: Candidate) -> tuple[str, str]:
    """Return in both languages what is not as catalogued."""
    drifts = sorted(candidate.drifts.items())
    return (
        "；".join(f"数据集“{name}”与目录不符：{text.zh.rstrip('。')}" for name, text in drifts),
        "; ".join(f"dataset '{name}' is not as catalogued: {text.en.rstrip('.')}" for name, text in drifts),
    )
