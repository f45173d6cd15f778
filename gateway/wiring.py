"""The one place that names concrete parts and puts them together."""

from __future__ import annotations

import ipaddress
import secrets
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from catalog.catalogue import Catalogue
from catalog.directory import Directory
from catalog.load import load_catalogue
from catalog.registry import Registry
from gateway.audit import AUDIT_KEY_NAME, AuditLog
from gateway.authenticate import Issuer, TokenVerifier
from gateway.decide import EmbeddedPdp, OpaServerPdp, PolicyBundle, PolicyDecisionPoint, load_bundle
from gateway.doors.audit import AuditDoor
from gateway.doors.catalog import CatalogDoor
from gateway.doors.flight_sql import FlightSqlDoor
from gateway.doors.registry import RegistryDoor
from gateway.doors.server import make_server
from gateway.doors.tickets import TicketStore
from gateway.execute import EnginePool
from gateway.parse import EngineParser
from gateway.query_path import QueryPath
from gateway.scan import ConnectorChannels, GrantIssuer
from gateway.settings import PolicySettings, Settings, TlsSettings

STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that is bound to its port."""

    server: grpc.Server
    port: int
    path: QueryPath
    registry: Registry

    def start(self) -> None:
        """Begin to serve."""
        self.server.start()

    def stop(self) -> None:
        """Let running streams end for a few seconds, then close everything. The log is closed last."""
        self.server.stop(STOP_SECONDS).wait()
        self.path.engines.close()
        self.path.channels.close()
        self.path.pdp.close()
        self.path.engine_parser.close()
        self.registry.close()
        self.path.log.close()


def make_gateway(settings: Settings) -> Gateway:
    """Put a gateway together.

    Raises:
        CatalogueInvalid: The catalogue has errors.
        GatewayError: The audit log does not verify or the policy cannot be loaded.
        ValueError, OSError: A key, directory file or address is unusable.
    """
    if settings.tls is None and not _is_loopback(settings.listen):
        raise ValueError(
            f"{settings.listen}: 非本机地址必须配置 [tls] / without [tls] only loopback addresses are served"
        )
    catalogue = load_catalogue(settings.catalogue)
    registry = Registry(settings.registry_url, clock_seconds=time.time)
    path = _query_path(settings, catalogue=catalogue, registry=registry)
    server, port = make_server(
        flight_sql=FlightSqlDoor(
            path=path,
            tickets=TicketStore(new_handle=lambda: secrets.token_bytes(32), monotonic=time.monotonic),
            streams_max=settings.streams_max,
        ),
        registry=RegistryDoor(path=path, registry=registry),
        catalog=CatalogDoor(path=path, registry=registry),
        audit=AuditDoor(path=path),
        streams_max=settings.streams_max,
        listen=settings.listen,
        credentials=_server_credentials(settings.tls),
    )
    return Gateway(server=server, port=port, path=path, registry=registry)


def _query_path(settings: Settings, *, catalogue: Catalogue, registry: Registry) -> QueryPath:
    issuers = [
        Issuer.from_jwks(
            issuer.jwks,
            issuer=issuer.issuer,
            audience=issuer.audience,
            algorithms=issuer.algorithms,
            lifetime_seconds_max=issuer.lifetime_seconds_max,
        )
        for issuer in settings.issuers
    ]
    pseudonym_secret = settings.pseudonym_secret.read_bytes()
    if len(pseudonym_secret) < 32:
        raise ValueError("the pseudonym secret needs at least 32 bytes")
    return QueryPath(
        verifier=TokenVerifier(issuers, clock_seconds=time.time),
        directory=Directory.load(settings.requesters),
        catalogue=catalogue,
        engine_parser=EngineParser(),
        pdp=_pdp(settings.policy, bundle=load_bundle(settings.policies, catalogue=catalogue)),
        log=AuditLog.open(
            settings.audit_directory,
            signing_key=_ed25519(settings.audit_key),
            key_name=AUDIT_KEY_NAME,
            clock_micros=lambda: time.time_ns() // 1000,
            new_entry_id=lambda: str(uuid.uuid4()),
        ),
        connectors=registry,
        channels=ConnectorChannels(credentials=_connector_credentials(settings.tls)),
        grants=GrantIssuer(
            key=_ed25519(settings.grant_key),
            key_id=settings.grant_key_id,
            pseudonym_secret=pseudonym_secret,
            clock_seconds=time.time,
            new_id=lambda: str(uuid.uuid4()),
        ),
        engines=EnginePool(),
        new_id=lambda: str(uuid.uuid4()),
        new_nonce=lambda: secrets.token_bytes(16),
        decision_seconds_max=settings.policy.seconds_max,
        query_seconds_max=settings.query_seconds_max,
    )


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    return host == "localhost" or (host != "" and ipaddress.ip_address(host).is_loopback)


def _pdp(settings: PolicySettings, *, bundle: PolicyBundle) -> PolicyDecisionPoint:
    if settings.engine == "opa":
        return OpaServerPdp(settings.opa_url, bundle=bundle)
    return EmbeddedPdp(bundle)


def _ed25519(path: Path) -> Ed25519PrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: not an Ed25519 key")
    return key


def _server_credentials(tls: TlsSettings | None) -> grpc.ServerCredentials | None:
    if tls is None:
        return None
    return grpc.ssl_server_credentials([(tls.private_key.read_bytes(), tls.certificate.read_bytes())])


def _connector_credentials(tls: TlsSettings | None) -> grpc.ChannelCredentials | None:
    if tls is None or tls.connector_ca is None:
        return None
    return grpc.ssl_channel_credentials(
        tls.connector_ca.read_bytes(), tls.private_key.read_bytes(), tls.certificate.read_bytes()
    )
