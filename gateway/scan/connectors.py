"""Where connectors are, and the channels to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import grpc
import pyarrow as pa

from catalog.dataset import Dataset, Text
from catalog.registry import ConnectorInstance, Registration, Serving, drift_of
from connectors.sdk.identity import department_host
from connectors.sdk.peer import PEER_SECONDS_MAX, peer_certificate
from connectors.sdk.tls import CONNECTION_SECONDS_MAX, CertificateFiles, Pems, open_channel
from gateway.errors import Unavailable
from gateway.messages import Reason
from sharing_stubs.sharing.connector.v1 import connector_pb2

BATCH_BYTES_MAX = 16 << 20
_OPTIONS = (
    ("grpc.max_receive_message_length", BATCH_BYTES_MAX),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class ConnectorDirectory(Protocol):
    """Port: tells which connectors serve a dataset now; `Registry` is the adapter."""

    def serving(self, dataset: str) -> Serving:
        """Return the connectors of `dataset`, or why there is none.

        Raises:
            RegistryUnavailable: Nobody knows.
        """

    def instances(self, department: str) -> tuple[ConnectorInstance, ...]:
        """Return the running connectors of a department, whatever they may serve.

        Raises:
            RegistryUnavailable: Nobody knows.
        """

    def report_drift(
        self, dataset: str, *, instance_id: str, text: Text, witness: Callable[[Registration], object]
    ) -> None:
        """Stop `dataset` of a connector, whose data is not as catalogued.

        Args:
            dataset: Catalogue name.
            instance_id: Of the connector.
            text: What is different.
            witness: Records it; not called when it was stopped before, or is not the connector's.

        Raises:
            RegistryUnavailable: It cannot be stored.
        """


class ConnectorChannels:
    """Keeps one gRPC channel per connector, on which only its department can answer.

    A channel is opened anew when the certificates change, and after an hour, so that one that expired is noticed; when nobody
    asks for it any more it is forgotten. Calls on the earlier channel go on to their end.

    Args:
        files: Own certificate and the authority of the connectors'; None speaks plaintext, which never leaves this machine.
        call_seconds_max: Longest call; so long an earlier channel stays open.
        monotonic: Seconds of a clock that never steps.
    """

    def __init__(
        self,
        *,
        files: CertificateFiles | None,
        call_seconds_max: float = CONNECTION_SECONDS_MAX,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._call_seconds_max = call_seconds_max
        self._monotonic = monotonic
        self._channels: dict[tuple[str, str], _OpenChannel] = {}
        self._earlier: list[_OpenChannel] = []
        self._lock = threading.Lock()

    def to(self, endpoint: str, *, department: str) -> grpc.Channel:
        """Return the channel to the connector of `department` at `endpoint`.

        Args:
            endpoint: host:port.
            department: Whose certificate must answer.

        Raises:
            Unavailable: The connectors are spoken to in plaintext and the endpoint is not on this machine.
        """
        with self._lock:
            pems = None if self._files is None else self._files.pems
            now = self._monotonic()
            self._retire(pems, now=now)
            found = self._channels.get((endpoint, department))
            if found is None:
                found = _OpenChannel(
                    channel=_open(endpoint, department=department, pems=pems),
                    pems=pems,
                    ends_at=now + CONNECTION_SECONDS_MAX,
                )
                self._channels[endpoint, department] = found
            return found.channel

    def certificate(self, endpoint: str, *, department: str, seconds_max: float = PEER_SECONDS_MAX) -> str:
        """Return the SHA-256, in hex, of the certificate with which a connector answers; empty over plaintext.

        Raises:
            OSError: The own certificate cannot be handed to the TLS library.
            PeerRefused: It does not answer, or not with a certificate of `department`; says why.
        """
        if self._files is None:
            return ""
        return peer_certificate(endpoint, host=department_host(department), files=self._files, seconds_max=seconds_max)

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for open_channel in (*self._channels.values(), *self._earlier):
                open_channel.channel.close()
            self._channels.clear()
            self._earlier.clear()

    def _retire(self, pems: Pems | None, *, now: float) -> None:
        """Give up every channel that may take no new call, and close those on which none can be running."""
        for key, found in list(self._channels.items()):
            if found.pems is not pems or found.ends_at <= now:
                del self._channels[key]
                self._earlier.append(replace(found, ends_at=now + self._call_seconds_max))
        while self._earlier and self._earlier[0].ends_at <= now:
            self._earlier.pop(0).channel.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenChannel:
    channel: grpc.Channel
    pems: Pems | None
    """The certificates it was opened with."""
    ends_at: float
    """Monotonic seconds: when it takes no new calls; of an earlier channel, when it is closed."""


def drift_in(described: connector_pb2.DescribeResponse, *, dataset: Dataset) -> Text | None:
    """Say what a connector's description of `dataset` has that the catalogue has not, or None when they agree."""
    own = next((one.arrow_schema for one in described.datasets if one.name == dataset.name), b"")
    try:
        schema = pa.ipc.read_schema(pa.py_buffer(own)) if own else None
    except (pa.ArrowException, OSError):
        schema = None
    return drift_of(schema, expected=dataset.schema)


def _open(endpoint: str, *, department: str, pems: Pems | None) -> grpc.Channel:
    try:
        return open_channel(endpoint, host=department_host(department), pems=pems, options=_OPTIONS)
    except ValueError as error:
        raise Unavailable(Reason.CONNECTOR_UNAVAILABLE, department, internal=str(error)) from error
