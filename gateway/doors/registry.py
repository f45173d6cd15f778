"""RegistryService: departments register their connectors."""

from __future__ import annotations

import grpc
import pyarrow as pa

from catalog.dataset import Text
from catalog.registry import Registration, RegistrationState, Registry
from catalog.vocabulary import Role
from gateway.audit import record_registration
from gateway.doors.call import header
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import InvalidQuery, Unavailable
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

DESCRIBE_SECONDS_MAX = 10
_STATES = {
    RegistrationState.CHECKED: registry_pb2.REGISTRATION_STATE_CHECKED,
    RegistrationState.ACTIVE: registry_pb2.REGISTRATION_STATE_ACTIVE,
    RegistrationState.SUSPENDED: registry_pb2.REGISTRATION_STATE_SUSPENDED,
}


class RegistryDoor(registry_pb2_grpc.RegistryServiceServicer):
    """Checks who registers what, and that the connector serves what the catalogue says."""

    def __init__(self, *, path: QueryPath, registry: Registry) -> None:
        self._path = path
        self._registry = registry

    def Register(  # noqa: N802
        self, request: registry_pb2.RegisterRequest, context: grpc.ServicerContext
    ) -> registry_pb2.RegisterResponse:
        """Check a connector and store it."""
        with errors_as_status(context):
            requester = self._requester(context)
            self._path.require_role(requester, Role.CONNECTOR)
            if requester.department is None:
                raise _refused("请求人不代表任何部门", "the requester acts for no department")
            datasets = self._described(request.endpoint, department=requester.department)
            known = self._registry.find(requester.department)
            registration = self._registry.register(
                department=requester.department,
                endpoint=request.endpoint,
                datasets=datasets,
                by=requester.subject,
            )
            if registration != known:
                self._record(requester, registration, action="register")
            return registry_pb2.RegisterResponse(registration=_message(registration))
        raise AssertionError

    def Approve(  # noqa: N802
        self, request: registry_pb2.ApproveRequest, context: grpc.ServicerContext
    ) -> registry_pb2.ApproveResponse:
        """Make a checked registration active."""
        with errors_as_status(context):
            registration = self._change(context, request.department, state=RegistrationState.ACTIVE)
            return registry_pb2.ApproveResponse(registration=_message(registration))
        raise AssertionError

    def Suspend(  # noqa: N802
        self, request: registry_pb2.SuspendRequest, context: grpc.ServicerContext
    ) -> registry_pb2.SuspendResponse:
        """Stop a registration."""
        with errors_as_status(context):
            registration = self._change(context, request.department, state=RegistrationState.SUSPENDED)
            return registry_pb2.SuspendResponse(registration=_message(registration))
        raise AssertionError

    def ListRegistrations(  # noqa: N802
        self, request: registry_pb2.ListRegistrationsRequest, context: grpc.ServicerContext
    ) -> registry_pb2.ListRegistrationsResponse:
        """List all registrations."""
        with errors_as_status(context):
            self._path.require_role(self._requester(context), Role.ADMINISTRATOR, Role.STEWARD, Role.AUDITOR)
            found = self._registry.registrations()
            return registry_pb2.ListRegistrationsResponse(registrations=[_message(r) for r in found])
        raise AssertionError

    def _requester(self, context: grpc.ServicerContext) -> Requester:
        return self._path.authenticate(header(context, "authorization"))

    def _change(self, context: grpc.ServicerContext, department: str, *, state: RegistrationState) -> Registration:
        requester = self._requester(context)
        own_stop = (
            Role.STEWARD in requester.roles
            and requester.department == department
            and state is RegistrationState.SUSPENDED
        )
        self._path.require_role(requester, Role.STEWARD if own_stop else Role.ADMINISTRATOR)
        registration = self._registry.change_state(department, state=state, by=requester.subject)
        if registration is None:
            raise _refused("该部门没有登记的连接器", "the department has no registered connector")
        self._record(requester, registration, action="approve" if state is RegistrationState.ACTIVE else "suspend")
        return registration

    def _record(self, requester: Requester, registration: Registration, *, action: str) -> None:
        record_registration(
            self._path.log,
            requester=requester,
            action=action,
            department=registration.department,
            endpoint=registration.endpoint,
            datasets=registration.datasets,
        )

    def _described(self, endpoint: str, *, department: str) -> tuple[str, ...]:
        """Ask the connector what it serves and hold it against the catalogue."""
        stub = connector_pb2_grpc.ConnectorServiceStub(self._path.channels.to(endpoint))
        try:
            description = stub.Describe(
                connector_pb2.DescribeRequest(), timeout=DESCRIBE_SECONDS_MAX, wait_for_ready=True
            )
        except grpc.RpcError as error:
            raise Unavailable(Reason.CONNECTOR_UNAVAILABLE, department, internal=str(error)) from error
        if description.department != department or not description.datasets:
            raise _refused("连接器属于另一部门或没有数据集", "the connector is another department's or serves nothing")
        for described in description.datasets:
            dataset = self._path.catalogue.datasets.get(described.name)
            if dataset is None or dataset.controller != department:
                raise _refused(
                    f"数据集“{described.name}”不属于该部门",
                    f"dataset '{described.name}' does not belong to the department",
                )
            if not _schema_matches(described.arrow_schema, expected=dataset.schema):
                raise _refused(
                    f"数据集“{described.name}”的结构与目录不符",
                    f"the schema of dataset '{described.name}' differs from the catalogue",
                )
        return tuple(sorted(described.name for described in description.datasets))


def _schema_matches(serialised: bytes, *, expected: pa.Schema) -> bool:
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(serialised))
    except (pa.ArrowException, OSError):
        return False
    return bool(schema.equals(expected, check_metadata=False))


def _refused(zh: str, en: str) -> InvalidQuery:
    return InvalidQuery(Reason.REGISTRATION_REFUSED, Text(zh=zh, en=en))


def _message(registration: Registration) -> registry_pb2.Registration:
    return registry_pb2.Registration(
        department=registration.department,
        endpoint=registration.endpoint,
        datasets=registration.datasets,
        state=_STATES[registration.state],
        changed_at=registration.changed_at,
        changed_by=registration.changed_by,
    )
