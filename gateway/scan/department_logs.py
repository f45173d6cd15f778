"""Ask the departments' connectors about their own logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import grpc

from catalog.catalogue import Catalogue
from catalog.registry import RegistryUnavailable
from catalog.vocabulary import IdentifierKind
from connectors.sdk.grant_log import FoundSubject
from connectors.sdk.tlog.entry import Entry, decode_entry
from gateway.errors import TooLarge, Unavailable
from gateway.messages import Reason
from gateway.scan.connectors import ConnectorChannels, ConnectorDirectory
from gateway.scan.grants import GrantIssuer
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc

ENTRY_BYTES_MAX = 64 << 10
"""Longest entry without a set of data subjects; one of 40 columns takes 4 KB."""
_Message = TypeVar("_Message", connector_pb2.ReadGrantLogResponse, connector_pb2.FindSubjectResponse)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBounds:
    """How much one department may answer to one question."""

    entries_max: int = 500_000
    """Entries, or findings."""
    bytes_max: int = 1 << 30
    seconds_max: float = 120.0

    def exceeded(self, department: str) -> TooLarge:
        """Return the error that names the department and the bounds."""
        bounds = f"{self.entries_max:,} entries, {self.bytes_max:,} bytes, {self.seconds_max:g} s"
        return TooLarge(Reason.DEPARTMENT_LOG_TOO_LARGE, f"{department} ({bounds})")


class ConnectorLogs:
    """The departments' logs of grants, over their connectors; see `gateway.audit.DepartmentLogs`.

    Args:
        catalogue: Knows the departments' datasets.
        directory: Knows which connector serves a dataset.
        channels: Channels to the connectors.
        grants: Signs the questions.
        bounds: Of each answer.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        directory: ConnectorDirectory,
        channels: ConnectorChannels,
        grants: GrantIssuer,
        bounds: AnswerBounds = AnswerBounds(),
    ) -> None:
        self._catalogue = catalogue
        self._directory = directory
        self._channels = channels
        self._grants = grants
        self._bounds = bounds

    @property
    def departments(self) -> frozenset[str]:
        """Controllers of the catalogue's datasets."""
        return frozenset(dataset.controller for dataset in self._catalogue.datasets.values())

    def read(self, department: str, *, from_time: int, until_time: int) -> Iterator[Entry]:
        """See `DepartmentLogs.read`."""
        with self._failures_named(department):
            for stub in self._stubs(department):
                inquiry = self._grants.inquire(department, from_time=from_time, until_time=until_time)
                request = connector_pb2.ReadGrantLogRequest(inquiry=inquiry)
                call = stub.ReadGrantLog(request, timeout=self._bounds.seconds_max)
                for response in self._bounded(call, department=department):
                    yield decode_entry(response.leaf)

    def find(self, department: str, *, identifier: IdentifierKind, value: str) -> Iterator[FoundSubject]:
        """See `DepartmentLogs.find`."""
        with self._failures_named(department):
            for stub in self._stubs(department):
                inquiry = self._grants.inquire(department, identifier=str(identifier), value=value)
                request = connector_pb2.FindSubjectRequest(inquiry=inquiry)
                call = stub.FindSubject(request, timeout=self._bounds.seconds_max)
                for found in self._bounded(call, department=department):
                    yield FoundSubject(decision_id=found.decision_id, dataset=found.dataset, certain=found.certain)

    def _bounded(self, call: grpc._CallIterator[_Message], *, department: str) -> Iterator[_Message]:
        """Yield what arrives within the bounds, and end the call in any case."""
        bytes_left = self._bounds.bytes_max
        try:
            for index, message in enumerate(call):
                size = message.ByteSize()
                bytes_left -= size
                if size > ENTRY_BYTES_MAX:
                    raise ValueError("an entry is too long")
                if index >= self._bounds.entries_max or bytes_left < 0:
                    raise self._bounds.exceeded(department)
                yield message
        finally:
            call.cancel()

    def _stubs(self, department: str) -> Iterator[connector_pb2_grpc.ConnectorServiceStub]:
        """Yield every running connector of the department: each keeps a log of its own."""
        instances = self._directory.instances(department)
        if not instances:
            raise Unavailable(Reason.CONNECTOR_UNAVAILABLE, department)
        for instance in instances:
            channel = self._channels.to(instance.endpoint, department=department)
            yield connector_pb2_grpc.ConnectorServiceStub(channel)

    @contextmanager
    def _failures_named(self, department: str) -> Iterator[None]:
        """Turn a failed call into an error that names the department."""
        try:
            yield
        except grpc.RpcError as error:
            code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise self._bounds.exceeded(department) from error
            raise Unavailable(Reason.CONNECTOR_UNAVAILABLE, department, internal=code.name) from error
        except RegistryUnavailable as error:
            raise Unavailable(Reason.REGISTRY_UNAVAILABLE, internal=str(error)) from error
        except ValueError as error:
            raise Unavailable(Reason.DEPARTMENT_LOG_INVALID, department, internal=str(error)) from error
