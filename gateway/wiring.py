"""The one place that names concrete parts and puts them together."""

from __future__ import annotations

import hmac
import importlib
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
from catalog.quality import QualityRegister
from catalog.registry import Registry
from catalog.requests import RequestStore
from catalog.store import StoreWatch, open_store
from catalog.subscriptions import SubscriptionStore
from connectors.sdk.access_log import EntryIndex
from connectors.sdk.identity import GATEWAY_HOST
from connectors.sdk.tlog import VerificationKey, Witnessing
from connectors.sdk.tls import CONNECTION_SECONDS_MAX, CertificateFiles, is_loopback, server_credentials
from connectors.sdk.witness_server import witness_department
from gateway.audit import (
    AUDIT_KEY_NAME,
    AuditLog,
    RemoteWitness,
    Sealer,
    SubjectKey,
    highest_activated,
    put_back_from_log,
    record_policy_change,
    record_registration,
)
from gateway.authenticate import Issuer, TokenVerifier
from gateway.decide import (
    BundleSource,
    CachingPdp,
    EmbeddedPdp,
    PolicyArchive,
    PolicyBundle,
    PolicyDecisionPoint,
    ReloadingPdp,
    load_bundle,
    load_input_schema,
    load_verification_key,
)
from gateway.doors.audit import AuditDoor
from gateway.doors.catalog import CatalogDoor
from gateway.doors.flight_sql import (
    STATEMENT_SECONDS,
    STATEMENTS_PER_REQUESTER_MAX,
    TICKET_SECONDS,
    TICKETS_PER_REQUESTER_MAX,
    FlightSqlDoor,
    HandleStore,
)
from gateway.doors.governance import GovernanceDoor
from gateway.doors.registry import RegistryDoor
from gateway.doors.requests import RequestsDoor
from gateway.doors.review import ReviewDoor
from gateway.doors.server import make_server
from gateway.doors.subject import SubjectDoor
from gateway.doors.subscriptions import SubscriptionsDoor
from gateway.escalation import Escalation
from gateway.execute import EnginePool
from gateway.parse import EngineParser
from gateway.quality import QualitySchedule
from gateway.query_path import QueryPath
from gateway.release import StatisticsLedger, ledger_url
from gateway.scan import ConnectorChannels, ConnectorLogs, GrantIssuer, Replicas
from gateway.settings import Settings, TlsSettings, WitnessSettings
from gateway.standing import StandingFacts, UsageCounter, Watch
from gateway.subscriptions import Sealing, SubscriptionParts, SubscriptionSchedule

STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Registers:
    """What people and connectors register, on one database."""

    store: StoreWatch
    registry: Registry
    governance: GovernanceRegister
    quality: QualityRegister
    requests: RequestStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that is bound to its port."""

    server: grpc.Server
    port: int
    path: QueryPath
    registers: Registers
    sealer: Sealer
    escalation: Escalation
    quality: QualitySchedule
    subscriptions: SubscriptionSchedule

    def start(self) -> None:
        """Begin to serve."""
        self.sealer.start()
        self.escalation.start()
        self.quality.start()
        self.subscriptions.start()
        self.server.start()

    def stop(self) -> None:
        """Let running streams end for a few seconds, then close everything. The log is closed last."""
        self.server.stop(STOP_SECONDS).wait()
        self.escalation.close()
        self.quality.close()
        self.subscriptions.close()
        self.path.watch.close()
        self.path.engines.close()
        self.path.channels.close()
        self.path.pdp.close()
        self.path.engine_parser.close()
        self.path.statistics.close()
        self.registers.store.close()
        self.sealer.close()
        self.path.log.close()
        self.path.index.close()


def make_gateway(settings: Settings, *, clock_seconds: Callable[[], float] = time.time) -> Gateway:
    """Put a gateway together.

    Args:
        settings: What `gateway serve` reads.
        clock_seconds: Seconds since 1970-01-01 UTC.

    Raises:
        CatalogueInvalid: The catalogue has errors.
        GatewayError: The audit log does not verify or the policy cannot be loaded.
        RegistryUnavailable: The registers' database cannot be opened.
        ValueError, OSError: A key, directory file or address is unusable.
    """
    if settings.tls is None and not is_loopback(settings.listen):
        raise ValueError(
            f"{settings.listen}: 非本机地址必须配置 [tls] / without [tls] only loopback addresses are served"
        )
    catalogue = load_catalogue(settings.catalogue)
    registers = _registers(settings, clock_seconds=clock_seconds)
    archive = PolicyArchive(settings.policy_archive or settings.audit_directory.with_name("policy-archive"))
    path = _query_path(settings, catalogue=catalogue, registers=registers, archive=archive, clock_seconds=clock_seconds)
    put_back = partial(put_back_from_log, index=path.index, registry=registers.registry)
    registers.store.on_return(lambda connection: put_back(connection, now=int(clock_seconds())))
    registers.store.start()
    subscriptions = _subscriptions(settings, path=path, store=registers.store)
    server, port = _server(settings, path=path, registers=registers, archive=archive, subscriptions=subscriptions)
    return Gateway(
        server=server,
        port=port,
        path=path,
        registers=registers,
        sealer=Sealer(path.log, index=path.index),
        quality=QualitySchedule(
            catalogue=catalogue,
            directory=registers.registry,
            channels=path.channels,
            grants=path.grants,
            register=registers.quality,
            period_seconds=settings.connectors.quality_seconds,
            clock_seconds=clock_seconds,
        ),
        escalation=Escalation(registers.requests, log=path.log, clock_seconds=clock_seconds),
        subscriptions=SubscriptionSchedule(path=path, parts=subscriptions),
    )


def _registers(settings: Settings, *, clock_seconds: Callable[[], float]) -> Registers:
    store = StoreWatch(open_store(settings.registry_url))
    return Registers(
        store=store,
        registry=Registry(store, clock_seconds=clock_seconds, lease_seconds=settings.connectors.lease_seconds),
        governance=_governance(settings, store=store, clock_seconds=clock_seconds),
        quality=QualityRegister(store),
        requests=RequestStore(store),
    )


def _server(
    settings: Settings,
    *,
    path: QueryPath,
    registers: Registers,
    archive: PolicyArchive,
    subscriptions: SubscriptionParts,
) -> tuple[grpc.Server, int]:
    logs = ConnectorLogs(
        catalogue=path.catalogue, directory=registers.registry, channels=path.channels, grants=path.grants
    )
    return make_server(
        flight_sql=FlightSqlDoor(
            path=path,
            tickets=_handles(seconds=TICKET_SECONDS, held_max=TICKETS_PER_REQUESTER_MAX),
            statements=_handles(seconds=STATEMENT_SECONDS, held_max=STATEMENTS_PER_REQUESTER_MAX),
            streams_max=settings.streams_max,
        ),
        registry=RegistryDoor(path=path, registry=registers.registry),
        catalog=CatalogDoor(path=path, registry=registers.registry, quality=registers.quality),
        audit=AuditDoor(path=path),
        review=ReviewDoor(path=path, archive=archive, input_schema=load_input_schema(), logs=logs),
        subject=SubjectDoor(path=path, logs=logs),
        governance=GovernanceDoor(path=path, register=registers.governance),
        requests=RequestsDoor(path=path, store=registers.requests, register=registers.governance),
        subscriptions=SubscriptionsDoor(path=path, parts=subscriptions, pulls_max=settings.streams_max),
        streams_max=settings.streams_max,
        listen=settings.listen,
        credentials=_server_credentials(settings.tls),
    )


def _subscriptions(settings: Settings, *, path: QueryPath, store: StoreWatch) -> SubscriptionParts:
    secret = hmac.digest(_pseudonym_secret(settings), b"sharing-subscription-v1", "sha256")
    directory = settings.subscription_directory or settings.audit_directory.with_name("subscriptions")
    sealing = Sealing(secret, new_salt=secrets.token_bytes)
    return SubscriptionParts.make(SubscriptionStore(store), path=path, directory=directory, sealing=sealing)


def _handles(*, seconds: float, held_max: int) -> HandleStore[Any]:
    return HandleStore(
        new_handle=lambda: secrets.token_bytes(32), monotonic=time.monotonic, seconds=seconds, held_max=held_max
    )


def _query_path(
    settings: Settings,
    *,
    catalogue: Catalogue,
    registers: Registers,
    archive: PolicyArchive,
    clock_seconds: Callable[[], float],
) -> QueryPath:
    log = _open_log(settings, clock_seconds=clock_seconds)
    index = EntryIndex(settings.audit_directory, segments=log.segments)
    watch = Watch()
    registers.governance.on_change(watch.changed)
    registers.registry.on_change(watch.changed)
    channels = _channels(settings)
    return QueryPath(
        verifier=TokenVerifier(_issuers(settings), clock_seconds=clock_seconds),
        directory=Directory.load(settings.requesters),
        catalogue=catalogue,
        engine_parser=EngineParser(),
        pdp=CachingPdp(_pdp(settings, catalogue=catalogue, log=log, index=index, archive=archive)),
        standing=StandingFacts(
            catalogue=catalogue,
            governance=registers.governance,
            cases=CaseRegister(settings.case_register_url) if settings.case_register_url else None,
            usage=UsageCounter(index, clock_seconds=clock_seconds),
        ),
        watch=watch,
        log=log,
        index=index,
        quality=registers.quality,
        replicas=_replicas(registers.registry, channels=channels, log=log),
        channels=channels,
        grants=GrantIssuer(
            key=_ed25519(settings.grant_key),
            key_id=settings.grant_key_id,
            pseudonym_secret=_pseudonym_secret(settings),
            clock_seconds=clock_seconds,
            new_id=lambda: str(uuid.uuid4()),
        ),
        engines=EnginePool(),
        subject_key=SubjectKey(settings.subject_key.read_bytes()),
        statistics=StatisticsLedger(ledger_url(settings.registry_url), clock_seconds=clock_seconds),
        hash_name=settings.content_hash,
        mark_secret=hmac.digest(_pseudonym_secret(settings), b"sharing-watermark-v1", "sha256"),
        clock_seconds=clock_seconds,
        new_id=lambda: str(uuid.uuid4()),
        new_nonce=lambda: secrets.token_bytes(16),
        decision_seconds_max=settings.policy.seconds_max,
        query_seconds_max=settings.query_seconds_max,
    )


def _replicas(registry: Registry, *, channels: ConnectorChannels, log: AuditLog) -> Replicas:
    record = partial(record_registration, log, requester=None, action="scan")
    return Replicas(directory=registry, channels=channels, record=record, monotonic=time.monotonic)


def _open_log(settings: Settings, *, clock_seconds: Callable[[], float]) -> AuditLog:
    return AuditLog.open(
        settings.audit_directory,
        signing_key=_ed25519(settings.audit_key),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: int(clock_seconds() * 1e6),
        new_entry_id=lambda: str(uuid.uuid4()),
        witnessing=_witnessing(settings),
    )


def _witnessing(settings: Settings) -> Witnessing:
    clients = tuple(_witness(settings, witness=witness) for witness in settings.audit_witnesses)
    return Witnessing(
        clients=clients,
        witnesses_min=settings.audit_witnesses_min if clients else 0,
        grace_seconds=settings.audit_witness_grace_seconds,
    )


def _witness(settings: Settings, *, witness: WitnessSettings) -> RemoteWitness:
    if settings.connectors.plaintext and not is_loopback(witness.endpoint):
        raise ValueError(f"{witness.endpoint}: 明文仅限本机 / plaintext is for loopback only")
    key, channels = VerificationKey.from_text(witness.key), _channels(settings)
    channel = partial(channels.to, witness.endpoint, department=witness_department(key.name))
    return RemoteWitness(channel, key=key, close=channels.close)


def _channels(settings: Settings) -> ConnectorChannels:
    own = settings.connectors
    files = None
    if own.ca is not None and own.certificate is not None and own.private_key is not None:
        files = CertificateFiles(certificate=own.certificate, private_key=own.private_key, ca=own.ca, host=GATEWAY_HOST)
    return ConnectorChannels(files=files, call_seconds_max=max(CONNECTION_SECONDS_MAX, settings.query_seconds_max))


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


def _governance(settings: Settings, *, store: StoreWatch, clock_seconds: Callable[[], float]) -> GovernanceRegister:
    return GovernanceRegister(
        store,
        signers=load_signers(settings.emergency_signers) if settings.emergency_signers else {},
        secret=hmac.digest(_pseudonym_secret(settings), b"sharing-consent-v1", "sha256"),
        clock_seconds=clock_seconds,
    )


def _pseudonym_secret(settings: Settings) -> bytes:
    secret = settings.pseudonym_secret.read_bytes()
    if len(secret) < 32:
        raise ValueError("the pseudonym secret needs at least 32 bytes")
    return secret


def _pdp(
    settings: Settings, *, catalogue: Catalogue, log: AuditLog, index: EntryIndex, archive: PolicyArchive
) -> PolicyDecisionPoint:
    policy = settings.policy
    start: Callable[[PolicyBundle], PolicyDecisionPoint] = EmbeddedPdp
    if policy.engine == "opa":
        start = partial(importlib.import_module("gateway.decide.opa_server").OpaServerPdp, policy.opa_url)
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
    return server_credentials(CertificateFiles(certificate=tls.certificate, private_key=tls.private_key))
