"""The connector's gRPC server: verifies grants, reads the source, treats the values, streams what may leave."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NoReturn

import grpc
import pyarrow as pa
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnAction
from connectors.sdk.enforce import encode_slices, plan_scan, treat_batch
from connectors.sdk.grant import GrantCode, GrantRefused, ScanGrant, verify_grant
from connectors.sdk.grant_log import GrantLog
from connectors.sdk.inquiry import Inquiry, Topic, verify_inquiry
from connectors.sdk.instance import RunningInstance
from connectors.sdk.profile import profile_scan, take_profile
from connectors.sdk.replay import ReplayGuard
from connectors.sdk.source import BatchStream, Source, SourceCode, SourceError
from connectors.sdk.tlog.pending import LogUnavailable
from connectors.sdk.tls import CONNECTION_SECONDS_MAX, CertificateFiles, GatewayOnly, server_credentials
from connectors.sdk.witness_server import WitnessServicer
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from sharing_stubs.sharing.witness.v1 import witness_pb2_grpc

_SCANS_MAX = 16
_OTHER_CALLS_MAX = 8
_NONCE_BYTES = 16
_OPTIONS = (
    ("grpc.max_receive_message_length", 5 << 20),
    ("grpc.max_send_message_length", 3 << 20),
    ("grpc.max_metadata_size", 16 << 10),
    ("grpc.max_concurrent_streams", 64),
    ("grpc.max_connection_age_ms", CONNECTION_SECONDS_MAX * 1000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.so_reuseport", 0),
)
_STATUS: Mapping[SourceCode, grpc.StatusCode] = {
    SourceCode.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    SourceCode.DRIFT: grpc.StatusCode.FAILED_PRECONDITION,
    SourceCode.SLOW: grpc.StatusCode.DEADLINE_EXCEEDED,
    SourceCode.CANCELLED: grpc.StatusCode.CANCELLED,
    SourceCode.FAILED: grpc.StatusCode.INTERNAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """What a connector serves."""

    department: str
    datasets: Mapping[str, Dataset]
    """The served datasets, as catalogued."""
    ceilings: Mapping[str, Mapping[str, ColumnAction]]
    """By dataset, then column: the mildest treatment the controller allows."""
    source: Source
    grant_keys: Mapping[str, Ed25519PublicKey]
    """The gateway's public keys by key id."""
    grant_log: GrantLog


class ConnectorServicer(connector_pb2_grpc.ConnectorServiceServicer):
    """Implements `ConnectorService`. Errors carry a status and a code, never data or driver text.

    Args:
        connector: What is served.
        clock: Returns seconds since 1970-01-01 UTC.
        log: The operator's log; gets ids, counts and codes, never values.
        instance: As which the connector registers; None when it never does.
    """

    def __init__(
        self,
        connector: Connector,
        *,
        clock: Callable[[], float],
        log: structlog.typing.FilteringBoundLogger,
        instance: RunningInstance | None = None,
    ) -> None:
        self._connector = connector
        self._instance = instance
        self._clock = clock
        self._log = log
        self._replay = ReplayGuard()
        self._scans = threading.BoundedSemaphore(_SCANS_MAX)

    def Describe(  # noqa: N802 - gRPC's name
        self, request: connector_pb2.DescribeRequest, context: grpc.ServicerContext
    ) -> connector_pb2.DescribeResponse:
        """List the datasets and the schemas their source delivers; one whose table is missing has none."""
        try:
            described = self._connector.source.describe()
        except Exception as error:  # noqa: BLE001 - the door: nothing of an unforeseen error may leave
            failure = _failure(error)
        else:
            return connector_pb2.DescribeResponse(
                department=self._connector.department,
                datasets=[
                    connector_pb2.DatasetDescription(name=name, arrow_schema=_serialised(described.get(name)))
                    for name in sorted(self._connector.datasets)
                ],
                instance_id="" if self._instance is None else self._instance.id,
                confirms_registration=self._instance is not None and self._instance.confirm(request.registration_nonce),
            )
        _abort(context, failure, log=self._log)

    def Check(  # noqa: N802 - gRPC's name
        self, request: connector_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> connector_pb2.CheckResponse:
        """Ask the database for its tables."""
        self.Describe(connector_pb2.DescribeRequest(), context)
        return connector_pb2.CheckResponse()

    def Scan(  # noqa: N802 - gRPC's name
        self, request: connector_pb2.ScanRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.ScanResponse]:
        """Stream what one grant allows."""
        log, grant = self._log, None
        if not self._scans.acquire(blocking=False):
            _abort(context, _Failure(status=grpc.StatusCode.RESOURCE_EXHAUSTED, code="BUSY"), log=log)
        try:
            grant = self._verified(request)
            log = log.bind(grant_id=grant.grant_id, decision_id=grant.decision_id, dataset=grant.dataset)
            yield from self._stream(grant, context=context, log=log)
            return
        except Exception as error:  # noqa: BLE001 - the door: nothing of an unforeseen error may leave
            failure = self._recorded(error, grant=grant)
        finally:
            self._scans.release()
        _abort(context, failure, log=log)

    def ReadGrantLog(  # noqa: N802 - gRPC's name
        self, request: connector_pb2.ReadGrantLogRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.ReadGrantLogResponse]:
        """Stream the department's log without the sets of data subjects."""
        try:
            inquiry = self._asked(request.inquiry, about=Topic.LOG)
            for entry in self._connector.grant_log.read(inquiry):
                yield connector_pb2.ReadGrantLogResponse(leaf=entry.leaf)
            return
        except Exception as error:  # noqa: BLE001 - the door: nothing of an unforeseen error may leave
            failure = _failure(error)
        _abort(context, failure, log=self._log)

    def FindSubject(  # noqa: N802 - gRPC's name
        self, request: connector_pb2.FindSubjectRequest, context: grpc.ServicerContext
    ) -> Iterator[connector_pb2.FindSubjectResponse]:
        """Stream the decisions under which a row of one data subject left, or may have left."""
        try:
            inquiry = self._asked(request.inquiry, about=Topic.SUBJECT)
            for found in self._connector.grant_log.find(inquiry):
                yield connector_pb2.FindSubjectResponse(
                    decision_id=found.decision_id, dataset=found.dataset, certain=found.certain
                )
            return
        except Exception as error:  # noqa: BLE001 - the door: nothing of an unforeseen error may leave
            failure = _failure(error)
        _abort(context, failure, log=self._log)

    def Profile(  # noqa: N802 - gRPC's name
        self, request: connector_pb2.ProfileRequest, context: grpc.ServicerContext
    ) -> connector_pb2.ProfileResponse:
        """Count what is wrong with one dataset; takes the place of one scan."""
        if not self._scans.acquire(blocking=False):
            _abort(context, _Failure(status=grpc.StatusCode.RESOURCE_EXHAUSTED, code="BUSY"), log=self._log)
        try:
            inquiry = self._asked(request.inquiry, about=Topic.DATASET)
            dataset = self._connector.datasets.get(inquiry.dataset)
            if dataset is None:
                raise GrantRefused(GrantCode.DATASET_UNKNOWN)
            with self._connector.source.scan(profile_scan(dataset)) as stream:
                context.add_callback(lambda: _cancel(stream))
                profile = take_profile(stream, dataset=dataset, sketch_key=inquiry.sketch_key)
                profile.as_of = int(self._clock()) if stream.as_of is None else stream.as_of
            self._log.info("profile taken", dataset=dataset.name, rows=profile.rows)
            return profile
        except Exception as error:  # noqa: BLE001 - the door: nothing of an unforeseen error may leave
            failure = _failure(error)
        finally:
            self._scans.release()
        _abort(context, failure, log=self._log)

    def _asked(self, signed: connector_pb2.SignedInquiry, *, about: Topic) -> Inquiry:
        now = int(self._clock())
        inquiry = verify_inquiry(
            signed,
            keys=self._connector.grant_keys,
            audience=self._connector.department,
            about=about,
            now=now,
        )
        key = b"inquiry " + inquiry.inquiry_id.encode("utf-8")
        if not self._replay.admit(key, expires_at=inquiry.expires_at, now=now):
            raise GrantRefused(GrantCode.REPLAYED)
        return inquiry

    def _recorded(self, error: Exception, *, grant: ScanGrant | None) -> _Failure:
        """Record a refusal of what the gateway signed; whoever holds no key cannot fill the log."""
        if isinstance(error, GrantRefused) and error.code not in (GrantCode.KEY_UNKNOWN, GrantCode.SIGNATURE):
            try:
                self._connector.grant_log.refused(grant, code=error.code)
            except LogUnavailable as unavailable:
                return _failure(unavailable)
        return _failure(error)

    def _stream(
        self, grant: ScanGrant, *, context: grpc.ServicerContext, log: structlog.typing.FilteringBoundLogger
    ) -> Iterator[connector_pb2.ScanResponse]:
        dataset = self._connector.datasets.get(grant.dataset)
        if dataset is None:
            raise GrantRefused(GrantCode.DATASET_UNKNOWN)
        scan = plan_scan(grant, dataset=dataset, ceiling=self._connector.ceilings.get(grant.dataset, {}))
        served = self._connector.grant_log.granted(grant, dataset=dataset)
        started_at, digest, rows, read = int(self._clock()), hashlib.sha256(), 0, threading.Event()
        log.info("scan started", purpose=grant.purpose, recipient=grant.recipient)
        try:
            with self._connector.source.scan(scan) as stream:
                context.add_callback(lambda: None if read.is_set() else _cancel(stream))
                for batch in stream:
                    served.sending(batch)
                    for count, message in encode_slices(treat_batch(batch, grant=grant, dataset=dataset)):
                        rows += count
                        if grant.rows_max is not None and rows > grant.rows_max:
                            raise SourceError(SourceCode.FAILED, detail="the source sent too many rows")
                        if not context.is_active():
                            raise SourceError(SourceCode.CANCELLED)
                        digest.update(message)
                        yield connector_pb2.ScanResponse(record_batch=message)
                read.set()
                as_of = started_at if stream.as_of is None else stream.as_of
        finally:
            log.info("scan ended", rows=rows, complete=read.is_set())
            served.close(rows=rows, sha256=digest.digest(), complete=read.is_set())
        yield connector_pb2.ScanResponse(end=connector_pb2.ScanEnd(rows=rows, sha256=digest.digest(), as_of=as_of))

    def _verified(self, request: connector_pb2.ScanRequest) -> ScanGrant:
        """Verify the grant before anything else is looked at. A grant and a nonce serve once."""
        now = int(self._clock())
        grant = verify_grant(
            request.grant, keys=self._connector.grant_keys, audience=self._connector.department, now=now
        )
        if len(request.nonce) != _NONCE_BYTES:
            raise GrantRefused(GrantCode.MALFORMED)
        keys = (b"nonce " + request.nonce, b"grant " + grant.grant_id.encode("utf-8"))
        if not self._replay.admit(*keys, expires_at=grant.expires_at, now=now):
            raise GrantRefused(GrantCode.REPLAYED)
        return grant


def _serialised(schema: pa.Schema | None) -> bytes:
    return b"" if schema is None else bytes(schema.serialize())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """How a call ends that is not answered."""

    status: grpc.StatusCode
    code: str
    detail: str = ""
    """For the log only."""


def _failure(error: Exception) -> _Failure:
    match error:
        case GrantRefused():
            return _Failure(status=grpc.StatusCode.PERMISSION_DENIED, code=error.code)
        case SourceError():
            return _Failure(status=_STATUS[error.code], code=error.code, detail=error.detail)
        case LogUnavailable():
            return _Failure(status=grpc.StatusCode.UNAVAILABLE, code="LOG_UNAVAILABLE", detail=error.internal)
    return _Failure(status=grpc.StatusCode.INTERNAL, code="INTERNAL", detail=type(error).__name__)


def _abort(context: grpc.ServicerContext, failure: _Failure, *, log: structlog.typing.FilteringBoundLogger) -> NoReturn:
    log.warning("call refused or failed", code=str(failure.code), detail=failure.detail)
    context.abort(failure.status, str(failure.code))


def _cancel(stream: BatchStream) -> None:
    """Stop a query; in a thread of its own, because it talks to the database and gRPC's own thread must not wait."""
    threading.Thread(target=stream.cancel, name="cancel", daemon=True).start()


def start_server(
    servicer: ConnectorServicer, *, listen: str, tls: CertificateFiles | None, witness: WitnessServicer | None = None
) -> tuple[grpc.Server, int]:
    """Serve the connector, health and reflection until the server is stopped.

    Args:
        servicer: The connector.
        listen: `host:port`; port 0 takes a free one.
        tls: The department's certificate and the authority of the gateway's, who alone is served then; plaintext when None,
            which is for one machine only.
        witness: The department's witness of logs, when it has one.

    Returns:
        The started server and its port.

    Raises:
        OSError: The address cannot be used.
    """
    server = grpc.server(
        ThreadPoolExecutor(max_workers=_SCANS_MAX + _OTHER_CALLS_MAX, thread_name_prefix="connector"),
        interceptors=None if tls is None else [GatewayOnly()],
        options=_OPTIONS,
        maximum_concurrent_rpcs=_SCANS_MAX + _OTHER_CALLS_MAX,
    )
    connector_pb2_grpc.add_ConnectorServiceServicer_to_server(servicer, server)
    if witness is not None:
        witness_pb2_grpc.add_WitnessServiceServicer_to_server(witness, server)
    service = connector_pb2.DESCRIPTOR.services_by_name["ConnectorService"].full_name
    healthy = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    for name in ("", service):
        healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    reflection.enable_server_reflection((service, health_name, reflection.SERVICE_NAME), server)
    try:
        port = (
            server.add_insecure_port(listen) if tls is None else server.add_secure_port(listen, server_credentials(tls))
        )
    except RuntimeError:
        raise OSError(f"cannot listen on {listen}") from None
    server.start()
    return server, port
