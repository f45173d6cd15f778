"""Registers a connector with the gateway, and keeps it registered."""

from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import structlog

from connectors.sdk.config import RegistrationSettings
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc

_CALL_SECONDS_MAX = 10
_REPEAT_SECONDS = 30.0
_RETRY_SECONDS_FIRST = 0.5


def register(settings: RegistrationSettings, *, endpoint: str) -> registry_pb2.Registration:
    """Tell the gateway where the connector is, once.

    Args:
        settings: Where the gateway is, and the connector's token.
        endpoint: host:port at which the gateway reaches the connector.

    Raises:
        grpc.RpcError: The gateway cannot be reached or refuses.
        OSError: The token or certificate cannot be read.
    """
    token = settings.token_file.read_text("utf-8").strip()
    with _channel(settings) as channel:
        response = registry_pb2_grpc.RegistryServiceStub(channel).Register(
            registry_pb2.RegisterRequest(endpoint=endpoint),
            metadata=(("authorization", f"Bearer {token}"),),
            timeout=_CALL_SECONDS_MAX,
        )
    return response.registration


def _channel(settings: RegistrationSettings) -> grpc.Channel:
    if settings.ca_certificate is None:
        return grpc.insecure_channel(settings.endpoint)
    roots = settings.ca_certificate.read_bytes()
    return grpc.secure_channel(settings.endpoint, grpc.ssl_channel_credentials(root_certificates=roots))


class Registrar:
    """Registers in the background: retries with growing pauses until accepted, then again every 30 seconds.

    Args:
        settings: Where the gateway is, and the connector's token.
        endpoint: host:port at which the gateway reaches the connector.
        jitter: Returns a number between 0 and 1, so that connectors do not retry in step.
        log: The department's own log.
    """

    def __init__(
        self,
        settings: RegistrationSettings,
        *,
        endpoint: str,
        jitter: Callable[[], float],
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
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
        retry_seconds, state = _RETRY_SECONDS_FIRST, 0
        while not self._stopped.is_set():
            try:
                registration = register(self._settings, endpoint=self._endpoint)
            except (grpc.RpcError, OSError) as error:
                self._log.warning("registration failed", code=_code(error))
                pause, retry_seconds, state = retry_seconds, min(retry_seconds * 2, _REPEAT_SECONDS), 0
            else:
                if registration.state != state:
                    self._log.info("registered", state=registry_pb2.RegistrationState.Name(registration.state))
                pause, retry_seconds, state = _REPEAT_SECONDS, _RETRY_SECONDS_FIRST, registration.state
            self._stopped.wait(pause * (0.5 + self._jitter()))


def _code(error: grpc.RpcError | OSError) -> str:
    return str(error.code().name) if isinstance(error, grpc.Call) else type(error).__name__
