"""The one place that names concrete parts and puts them together."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from catalog.cases import CaseRegister
from catalog.catalogue import Catalogue
from catalog.directory import Directory
from catalog.governance import load_signers
from catalog.governance.register import GovernanceRegister
from catalog.load import load_catalogue
from catalog.policy_data import policy_data
from catalog.registry import Registry
from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog import VerificationKey, Witnessing
from gateway.audit import (
    AUDIT_KEY_NAME,
    AuditLog,
    RemoteWitness,
    Sealer,
    SubjectKey,
    highest_activated,
    record_policy_change,
)
from gateway.authenticate import Issuer, TokenVerifier
from gateway.decide import (
    BundleSource,
    CachingPdp,
    EmbeddedPdp,
    OpaServerPdp,
    PolicyArchive,
    PolicyDecisionPoint,
    ReloadingPdp,
    load_bundle,
    load_input_schema,
    load_verification_key,
)
from gateway.doors.audit import AuditDoor
from gateway.doors.catalog import CatalogDoor
from gateway.doors.flight_sql import FlightSqlDoor
from gateway.doors.governance import GovernanceDoor
from gateway.doors.registry import RegistryDoor
from gateway.doors.review import ReviewDoor
from gateway.doors.server import make_server
from gateway.doors.subject import SubjectDoor
from gateway.doors.tickets import TicketStore
from gateway.execute import EnginePool
from gateway.parse import EngineParser
from gateway.query_path import QueryPath
from gateway.release import StatisticsLedger, ledger_url
from gateway.scan import ConnectorChannels, ConnectorLogs, GrantIssuer
from gateway.settings import Settings, TlsSettings
from gateway.standing import StandingFacts, UsageCounter, Watch

STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that is bound to its port."""

    server: grpc.Server
    port: int
    path: QueryPath
    registry: Registry
    governance: GovernanceRegister
    sealer: Sealer

    def start(self) -> None:
        """Begin to serve."""
        self.sealer.start()
        self.server.start()

    def stop(self) -> None:
        """Let running streams end for a few seconds, then close everything. The log is closed last."""
        self.server.stop(STOP_SECONDS).wait()
        self.path.watch.close()
        self.path.engines.close()
        self.path.channels.close()
        self.path.pdp.close()
        self.path.engine_parser.close()
        self.path.statistics.close()
        self.governance.close()
        self.registry.close()
        self.sealer.close()
        self.path.log.close()
        self.path.index.close()


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
    governance = _governance(settings)
    archive = PolicyArchive(settings.policy_archive or settings.audit_directory.with_name("policy-archive"))
    path = _query_path(settings, catalogue=catalogue, registry=registry, governance=governance, archive=archive)
    logs = ConnectorLogs(catalogue=catalogue, directory=registry, channels=path.channels, grants=path.grants)
    server, port = make_server(
        flight_sql=FlightSqlDoor(
            path=path,
            tickets=TicketStore(new_handle=lambda: secrets.token_bytes(32), monotonic=time.monotonic),
            streams_max=settings.streams_max,
        ),
        registry=RegistryDoor(path=path, registry=registry),
        catalog=CatalogDoor(path=path, registry=registry),
        audit=AuditDoor(path=path),
        review=ReviewDoor(path=path, archive=archive, input_schema=load_input_schema(), logs=logs),
        subject=SubjectDoor(path=path, logs=logs),
        governance=GovernanceDoor(path=path, register=governance),
        streams_max=settings.streams_max,
        listen=settings.listen,
        credentials=_server_credentials(settings.tls),
    )
    return Gateway(
        server=server,
        port=port,
        path=path,
        registry=registry,
        governance=governance,
        sealer=Sealer(path.log, index=path.index),
    )


def _query_path(
    settings: Settings,
    *,
    catalogue: Catalogue,
    registry: Registry,
    governance: GovernanceRegister,
    archive: PolicyArchive,
) -> QueryPath:
    log = _open_log(settings)
    index = EntryIndex(settings.audit_directory, segments=log.segments)
    watch = Watch()
    governance.on_change(watch.changed)
    return QueryPath(
        verifier=TokenVerifier(_issuers(settings), clock_seconds=time.time),
        directory=Directory.load(settings.requesters),
        catalogue=catalogue,
        engine_parser=EngineParser(),
        pdp=CachingPdp(_pdp(settings, catalogue=catalogue, log=log, index=index, archive=archive)),
        standing=StandingFacts(
            catalogue=catalogue,
            governance=governance,
            cases=CaseRegister(settings.case_register_url) if settings.case_register_url else None,
            usage=UsageCounter(index, clock_seconds=time.time),
        ),
        watch=watch,
        log=log,
        index=index,
        connectors=registry,
        channels=ConnectorChannels(credentials=_connector_credentials(settings.tls)),
        grants=GrantIssuer(
            key=_ed25519(settings.grant_key),
            key_id=settings.grant_key_id,
            pseudonym_secret=_pseudonym_secret(settings),
            clock_seconds=time.time,
            new_id=lambda: str(uuid.uuid4()),
        ),
        engines=EnginePool(),
        subject_key=SubjectKey(settings.subject_key.read_bytes()),
        statistics=StatisticsLedger(ledger_url(settings.registry_url), clock_seconds=time.time),
        hash_name=settings.content_hash,
        mark_secret=hmac.digest(_pseudonym_secret(settings), b"sharing-watermark-v1", "sha256"),
        clock_seconds=time.time,
        new_id=lambda: str(uuid.uuid4()),
        new_nonce=lambda: secrets.token_bytes(16),
        decision_seconds_max=settings.policy.seconds_max,
        query_seconds_max=settings.query_seconds_max,
    )


def _open_log(settings: Settings) -> AuditLog:
    return AuditLog.open(
        settings.audit_directory,
        signing_key=_ed25519(settings.audit_key),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: time.time_ns() // 1000,
        new_entry_id=lambda: str(uuid.uuid4()),
        witnessing=_witnessing(settings),
    )


def _witnessing(settings: Settings) -> Witnessing:
    channels = ConnectorChannels(credentials=_connector_credentials(settings.tls))
    clients = tuple(
        RemoteWitness(channels.to(witness.endpoint), key=VerificationKey.from_text(witness.key))
        for witness in settings.audit_witnesses
    )
    return Witnessing(
        clients=clients,
        witnesses_min=settings.audit_witnesses_min if clients else 0,
        grace_seconds=settings.audit_witness_grace_seconds,
    )


def _issuers(settings: Settings) -> list[Issuer]:
    return [
        Issuer.from_jwks(
            issuer.jwks,
            issuer=issuer.issuer,
            audience=issuer.audience,
            algorithms=issuer.algorithms,
            lifetime_seconds_max=issuer.lifetime_seconds_max,
        )
        for issuer in settings.issuers
    ]


def _governance(settings: Settings) -> GovernanceRegister:
    return GovernanceRegister(
        settings.registry_url,
        signers=load_signers(settings.emergency_signers) if settings.emergency_signers else {},
        subject_key=hmac.digest(_pseudonym_secret(settings), b"sharing-consent-v1", "sha256"),
        clock_seconds=time.time,
    )


def _pseudonym_secret(settings: Settings) -> bytes:
    secret = settings.pseudonym_secret.read_bytes()
    if len(secret) < 32:
        raise ValueError("the pseudonym secret needs at least 32 bytes")
    return secret


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    return host == "localhost" or (host != "" and ipaddress.ip_address(host).is_loopback)


def _pdp(
    settings: Settings, *, catalogue: Catalogue, log: AuditLog, index: EntryIndex, archive: PolicyArchive
) -> PolicyDecisionPoint:
    policy = settings.policy
    start = partial(OpaServerPdp, policy.opa_url) if policy.engine == "opa" else EmbeddedPdp
    if policy.bundle is None or policy.bundle_key is None:
        bundle = load_bundle(settings.policies, catalogue=catalogue)
        archive.keep(bundle)
        return start(bundle)
    if settings.policies is not None:
        raise ValueError("policies 与 policy.bundle 只能配置一项 / give either policies or policy.bundle")
    key = load_verification_key(policy.bundle_key.read_bytes())
    return ReloadingPdp(
        BundleSource(path=policy.bundle, key=key, catalog=policy_data(catalogue)),
        start=start,
        highest=highest_activated(index),
        keep=archive.keep,
        record=lambda change: record_policy_change(log, change=change),
    )


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
