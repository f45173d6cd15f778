"""Registers a connector with the gateway, and keeps it registered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import structlog

from connectors.sdk.config import RegistrationSettings
from connectors.sdk.instance import RunningInstance
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

_REGISTER_SECONDS_MAX = 150
"""The gateway may have to compare a replica with those that run."""
_HEARTBEAT_SECONDS_MAX = 15
_HEARTBEATS_PER_LEASE = 3
_RETRY_SECONDS_FIRST = 0.5
_RETRY_SECONDS_MAX = 30.0
_REACHED_AGAIN_SECONDS_MAX = 5.0
"""While the gateway cannot be reached it has no work with us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a connector says of itself."""

    connector: str
    """Name within the department."""
    endpoint: str
    """host:port at which the gateway reaches it."""
    software: str
    """Name and version."""


class GatewayRegistry:
    """The gateway's registry as one connector uses it. Each call reads the token and certificates again.

    Args:
        settings: Where the gateway is, and the connector's token.
        instance: This running connector.
        announcement: What it says of itself.
        new_nonce: Returns 16 random bytes.
    """

    def __init__(
        self,
        settings: RegistrationSettings,
        *,
        instance: RunningInstance,
        announcement: Announcement,
        new_nonce: Callable[[], bytes],
    ) -> None:
        self._settings = settings
        self._instance = instance
        self._announcement = announcement
        self._new_nonce = new_nonce

    def register(self) -> registry_pb2.RegisterResponse:
        """Tell the gateway where the connector is; it calls back before it answers, so the connector must be serving.

        Raises:
            grpc.RpcError: The gateway cannot be reached or refuses.
            OSError: The token or certificate cannot be read.
        """
        nonce = self._new_nonce()
        request = registry_pb2.RegisterRequest(
            endpoint=self._announcement.endpoint,
            connector=self._announcement.connector,
            instance_id=self._instance.id,
            nonce=nonce,
            software=self._announcement.software,
        )
        with _channel(self._settings) as channel, self._instance.registering(nonce):
            return registry_pb2_grpc.RegistryServiceStub(channel).Register(
                request, metadata=self._credentials(), timeout=_REGISTER_SECONDS_MAX
            )

    def heartbeat(self, generation: int) -> registry_pb2.HeartbeatResponse:
        """Tell the gateway that the connector still runs.

        Args:
            generation: What `register` returned.

        Raises:
            grpc.RpcError: The gateway cannot be reached or refuses.
            OSError: The token or certificate cannot be read.
        """
        request = registry_pb2.HeartbeatRequest(
            connector=self._announcement.connector, instance_id=self._instance.id, generation=generation
        )
        with _channel(self._settings) as channel:
            return registry_pb2_grpc.RegistryServiceStub(channel).Heartbeat(
                request, metadata=self._credentials(), timeout=_HEARTBEAT_SECONDS_MAX
            )

    def _credentials(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._settings.token_file.read_text('utf-8').strip()}"),)


def _channel(settings: RegistrationSettings) -> grpc.Channel:
    if settings.ca is None:
        return grpc.insecure_channel(settings.endpoint)
    return grpc.secure_channel(settings.endpoint, grpc.ssl_channel_credentials(settings.ca.read_bytes()))


class Registrar:
    """Registers in the background and sends heartbeats; when one fails it registers again, with growing pauses.

    A gateway that has no time for a heartbeat is sent another one.

    Args:
        registry: The gateway's.
        jitter: Returns a number between 0 and 1, so that connectors do not call in step.
        log: The department's own log.
    """

    def __init__(
        self,
        registry: GatewayRegistry,
        *,
        jitter: Callable[[], float],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._registry = registry
        self._jitter = jitter
        self._log = log
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="registrar", daemon=True)

    def start(self) -> None:
        """Start registering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop registering; does not wait for a call under way."""
        self._stopped.set()

    def _run(self) -> None:
        generation, state, retry_seconds = 0, 0, _RETRY_SECONDS_FIRST
        while not self._stopped.is_set():
            try:
                if generation:
                    answer: _Answer = self._registry.heartbeat(generation)
                else:
                    answer = registered = self._registry.register()
                    generation = registered.generation
            except (grpc.RpcError, OSError) as error:
                self._log.warning("registration failed", code=_code(error), text=_text(error))
                pause = min(retry_seconds, _longest_pause(error))
                retry_seconds = min(retry_seconds * 2, _RETRY_SECONDS_MAX)
                if not _is_busy(error):
                    generation, state = 0, 0
            else:
                if answer.registration.state != state:
                    state = answer.registration.state
                    self._log.info("registered", state=registry_pb2.RegistrationState.Name(state))
                pause, retry_seconds = answer.lease_seconds / _HEARTBEATS_PER_LEASE, _RETRY_SECONDS_FIRST
            self._stopped.wait(pause * (0.5 + self._jitter()))


_Answer = registry_pb2.RegisterResponse | registry_pb2.HeartbeatResponse


def _is_busy(error: grpc.RpcError | OSError) -> bool:
    return isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def _longest_pause(error: grpc.RpcError | OSError) -> float:
    unreached = isinstance(error, grpc.Call) and error.code() is grpc.StatusCode.UNAVAILABLE
    return _REACHED_AGAIN_SECONDS_MAX if unreached else _RETRY_SECONDS_MAX


def _code(error: grpc.RpcError | OSError) -> str:
    return str(error.code().name) if isinstance(error, grpc.Call) else type(error).__name__


def _text(error: grpc.RpcError | OSError) -> str:
    """Return what the gateway says; it names columns and never values."""
    return (error.details() or "") if isinstance(error, grpc.Call) else ""
