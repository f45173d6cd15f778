"""TLS between gateway and connectors: certificates on both sides, read again when their files change."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.sdk.identity import GATEWAY_HOST

CONNECTION_SECONDS_MAX = 3600
"""After about so long a connection takes no new calls, and certificates are looked at again: one that expired is noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pems:
    """Contents of PEM files."""

    certificate: bytes
    """Own certificate, with the intermediate ones behind it."""
    private_key: bytes
    ca: bytes | None
    """Authorities that others' certificates must come from; None when nobody else's is looked at."""


class CertificateFiles:
    """Own certificate, its key and the authority of others': PEM files that may change while in use.

    Args:
        certificate: Own certificate.
        private_key: Its key.
        ca: Authority of the others; None when nobody else's certificate is looked at.
        host: DNS name that the certificate must hold.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is no PEM, the key is another's, or the certificate does not hold `host`.
    """

    def __init__(
        self, *, certificate: Path, private_key: Path, ca: Path | None = None, host: str | None = None
    ) -> None:
        self._paths: tuple[Path, ...] = (certificate, private_key, *(() if ca is None else (ca,)))
        self._host = host
        self._lock = threading.Lock()
        self._log = structlog.get_logger()
        self._stamps = self._stamped()
        self._pems = self._read()

    @property
    def certificate(self) -> Path:
        """File of the own certificate."""
        return self._paths[0]

    @property
    def private_key(self) -> Path:
        """File of its key."""
        return self._paths[1]

    @property
    def pems(self) -> Pems:
        """The newest contents that fit together: while some files are not yet replaced, the earlier ones."""
        with self._lock:
            try:
                stamps = self._stamped()
                if stamps != self._stamps:
                    self._stamps = stamps
                    self._pems = self._read()
            except (OSError, ValueError) as error:
                self._log.error("new certificate files cannot be used, the earlier ones stay", error=str(error))
            return self._pems

    def _stamped(self) -> tuple[tuple[int, int, int], ...]:
        return tuple((found.st_mtime_ns, found.st_size, found.st_ino) for found in map(Path.stat, self._paths))

    def _read(self) -> Pems:
        certificate, private_key, *ca = (path.read_bytes() for path in self._paths)
        own = x509.load_pem_x509_certificates(certificate)[0]
        if _public_key(private_key) != own.public_key():
            raise ValueError(f"{self.private_key} 不是 {self.certificate} 的私钥 / is not the key of that certificate")
        if self._host is not None and self._host not in _names(own):
            raise ValueError(f"{self.certificate} 不含域名 {self._host} / does not hold the name {self._host}")
        for authorities in ca:
            x509.load_pem_x509_certificates(authorities)
        return Pems(certificate=certificate, private_key=private_key, ca=ca[0] if ca else None)


def _public_key(private_key: bytes) -> object:
    try:
        return load_pem_private_key(private_key, password=None).public_key()
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


def server_credentials(files: CertificateFiles) -> grpc.ServerCredentials:
    """Return credentials that follow the files; with an authority only callers with its certificate get in."""
    served = files.pems

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal served
        if files.pems is served:
            return None
        served = files.pems
        return _configuration(served)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(served),
        changed,  # type: ignore[arg-type] # the stubs forget None
        require_client_authentication=served.ca is not None,
    )


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    pairs = [(pems.private_key, pems.certificate)]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=pems.ca)


def open_channel(
    endpoint: str, *, host: str, pems: Pems | None, options: tuple[tuple[str, str | int], ...] = ()
) -> grpc.Channel:
    """Return a channel on which only who has a certificate for `host` can answer.

    Args:
        endpoint: host:port.
        host: DNS name in the certificate of who answers, see `connectors.sdk.identity`.
        pems: Own certificate and the authority of the other's; None speaks plaintext.
        options: gRPC channel options.

    Raises:
        ValueError: Plaintext to another machine.
    """
    target = f"dns:///{endpoint}"
    if pems is None:
        if not is_loopback(endpoint):
            raise ValueError(f"{endpoint}: 明文仅限本机 / plaintext is for loopback only")
        return grpc.insecure_channel(target, options=options)
    credentials = grpc.ssl_channel_credentials(pems.ca, pems.private_key, pems.certificate)
    named = (("grpc.ssl_target_name_override", host), ("grpc.use_local_subchannel_pool", 1))
    return grpc.secure_channel(target, credentials, options=(*options, *named))


def is_loopback(address: str) -> bool:
    """Tell whether host:port is this machine itself: `localhost` or a loopback IP address."""
    host = address.rpartition(":")[0].removeprefix("[").removesuffix("]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class GatewayOnly(grpc.ServerInterceptor):
    """Refuses every call whose certificate does not name the gateway, though the same authority signed it."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Put the check before the method."""
        handler = continuation(handler_call_details)
        return handler if handler is None else _checked(handler)


def _checked(handler: Any) -> grpc.RpcMethodHandler[Any, Any]:  # noqa: ANN401 - of any message types
    kind = f"{'stream' if handler.request_streaming else 'unary'}_{'stream' if handler.response_streaming else 'unary'}"
    method = getattr(handler, kind)

    def check(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - of any message types
        if GATEWAY_HOST.encode() not in context.auth_context().get("x509_subject_alternative_name", ()):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "NOT_THE_GATEWAY")
        return method(request, context)

    made: grpc.RpcMethodHandler[Any, Any] = getattr(grpc, f"{kind}_rpc_method_handler")(
        check, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
    )
    return made
