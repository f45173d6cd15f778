"""Where connectors are, and the channels to them."""

from __future__ import annotations

import threading
from typing import Protocol

import grpc

BATCH_BYTES_MAX = 16 << 20


class ConnectorDirectory(Protocol):
    """Tells which connector serves a dataset now."""

    def endpoint(self, dataset: str) -> str | None:
        """Return host:port of the active connector of `dataset`, or None."""


class ConnectorChannels:
    """Keeps one gRPC channel per connector.

    Args:
        credentials: TLS credentials; None speaks plaintext, for loopback only.
    """

    def __init__(self, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._credentials = credentials
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def to(self, endpoint: str) -> grpc.Channel:
        """Return the channel to `endpoint`."""
        with self._lock:
            if endpoint not in self._channels:
                self._channels[endpoint] = self._open(endpoint)
            return self._channels[endpoint]

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def _open(self, endpoint: str) -> grpc.Channel:
        options = [
            ("grpc.max_receive_message_length", BATCH_BYTES_MAX),
            ("grpc.enable_retries", 0),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        if self._credentials is None:
            return grpc.insecure_channel(endpoint, options=options)
        return grpc.secure_channel(endpoint, self._credentials, options=options)
