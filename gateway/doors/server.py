"""One gRPC port for every service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.doors.audit import AuditDoor
from gateway.doors.catalog import CatalogDoor
from gateway.doors.flight_sql import SERVICE as FLIGHT_SERVICE
from gateway.doors.flight_sql import FlightSqlDoor
from gateway.doors.governance import GovernanceDoor
from gateway.doors.registry import RegistryDoor
from gateway.doors.requests import RequestsDoor
from gateway.doors.review import ReviewDoor
from gateway.doors.subject import SubjectDoor
from gateway.doors.subscriptions import SubscriptionsDoor
from sharing_stubs.sharing.audit.v1 import (
    audit_pb2,
    audit_pb2_grpc,
    review_pb2,
    review_pb2_grpc,
    subject_pb2,
    subject_pb2_grpc,
)
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from sharing_stubs.sharing.requests.v1 import requests_pb2, requests_pb2_grpc
from sharing_stubs.sharing.subscriptions.v1 import subscriptions_pb2, subscriptions_pb2_grpc

RESERVED_WORKERS = 16
"""Threads that streams can never take, so that health and planning always answer. Half may wait for connectors (`turns`)."""
_OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 1 << 20),
    ("grpc.max_metadata_size", 16 << 10),
    ("grpc.max_concurrent_streams", 256),
]
_SERVICES = (
    FLIGHT_SERVICE,
    registry_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name,
    catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
    audit_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name,
    review_pb2.DESCRIPTOR.services_by_name["ReviewService"].full_name,
    subject_pb2.DESCRIPTOR.services_by_name["SubjectService"].full_name,
    governance_pb2.DESCRIPTOR.services_by_name["GovernanceService"].full_name,
    requests_pb2.DESCRIPTOR.services_by_name["RequestsService"].full_name,
    subscriptions_pb2.DESCRIPTOR.services_by_name["SubscriptionsService"].full_name,
    health.SERVICE_NAME,
)


def make_server(
    *,
    flight_sql: FlightSqlDoor,
    registry: RegistryDoor,
    catalog: CatalogDoor,
    audit: AuditDoor,
    review: ReviewDoor,
    subject: SubjectDoor,
    governance: GovernanceDoor,
    requests: RequestsDoor,
    subscriptions: SubscriptionsDoor,
    streams_max: int,
    listen: str,
    credentials: grpc.ServerCredentials | None,
) -> tuple[grpc.Server, int]:
    """Return a server that is bound but not started, and its port.

    Args:
        flight_sql: Queries.
        registry: Connectors.
        catalog: Metadata.
        audit: The access log.
        review: The log against what it was written from.
        subject: What the log knows of one data subject.
        governance: Agreements, emergencies, revocations, consents.
        requests: Data needs and corrections.
        subscriptions: Saved queries and the results that wait.
        streams_max: Results delivered at the same time.
        listen: host:port; port 0 picks a free one.
        credentials: TLS; None serves plaintext.

    Raises:
        RuntimeError: The address cannot be bound.
    """
    workers = 2 * streams_max + RESERVED_WORKERS
    server = grpc.server(ThreadPoolExecutor(workers), options=_OPTIONS, maximum_concurrent_rpcs=workers)
    server.add_generic_rpc_handlers((flight_sql.handler(),))
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(catalog, server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(audit, server)
    review_pb2_grpc.add_ReviewServiceServicer_to_server(review, server)
    subject_pb2_grpc.add_SubjectServiceServicer_to_server(subject, server)
    governance_pb2_grpc.add_GovernanceServiceServicer_to_server(governance, server)
    requests_pb2_grpc.add_RequestsServiceServicer_to_server(requests, server)
    subscriptions_pb2_grpc.add_SubscriptionsServiceServicer_to_server(subscriptions, server)
    _add_health(server)
    reflection.enable_server_reflection((*_SERVICES, reflection.SERVICE_NAME), server)
    port = server.add_insecure_port(listen) if credentials is None else server.add_secure_port(listen, credentials)
    return server, port


def _add_health(server: grpc.Server) -> None:
    checks = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    for service in ("", *_SERVICES):
        checks.set(service, health_pb2.HealthCheckResponse.SERVING)
