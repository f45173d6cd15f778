"""Looks at the certificate with which a server answers, and names what is wrong with it."""

from __future__ import annotations

import hashlib
import socket
import ssl
import tempfile
import time
from collections.abc import Mapping

from catalog.dataset import Text
from connectors.sdk.tls import CertificateFiles, Pems

PEER_SECONDS_MAX = 5.0
_INVALID = ("证书无效", "the certificate is not valid")
_AUTHORITY = ("证书不是由所信任的机构颁发的", "the certificate is not of a trusted authority")
_CAUSES: Mapping[int, tuple[str, str]] = {
    9: ("证书尚未生效", "the certificate is not yet valid"),
    10: ("证书已过期", "the certificate has expired"),
    18: _AUTHORITY,
    19: _AUTHORITY,
    20: _AUTHORITY,
    21: _AUTHORITY,
    26: ("证书不可用于服务器", "the certificate is not for servers"),
    62: ("证书属于他人：其中没有域名 {host}", "the certificate is another's: it does not hold the name {host}"),
}
"""By the verification codes of OpenSSL's x509_vfy.h."""


class PeerRefused(Exception):
    """Who answers, if anybody, is not who was asked; `text` says why and holds no text of the other side.

    Args:
        zh: Why.
        en: The same.
        is_known: Whether somebody answers with a certificate of the authority. Otherwise the cause tells about machines that
            are none of ours: not for whoever named the address.
    """

    def __init__(self, zh: str, en: str, *, is_known: bool = False) -> None:
        super().__init__(en)
        self.text = Text(zh=f"{zh}。", en=f"{en}.")
        self.is_known = is_known


def peer_certificate(
    endpoint: str, *, host: str, files: CertificateFiles, seconds_max: float = PEER_SECONDS_MAX
) -> str:
    """Connect once over TLS and return the SHA-256 of the other's certificate, in hex.

    Args:
        endpoint: host:port. Of a name one address of each family is tried.
        host: DNS name that the certificate must hold.
        files: Own certificate and the authority of the other's.
        seconds_max: For everything but the resolution of a name, which takes as long as the system's resolver.

    Raises:
        OSError: No temporary file can be written.
        PeerRefused: Nobody answers, not over TLS, not with such a certificate, or the own certificate is not accepted.
    """
    context = _tls(files.pems)
    try:
        addresses = _addresses(endpoint)
        ends_at = time.monotonic() + seconds_max
        with (
            _connected(addresses, ends_at=ends_at) as connection,
            context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False) as secured,
        ):
            secured.settimeout(_seconds_to(ends_at))
            secured.do_handshake()
            certificate = secured.getpeercert(binary_form=True) or b""
            _require_acceptance(secured, ends_at=ends_at)
    except ssl.SSLCertVerificationError as error:
        zh, en = _CAUSES.get(error.verify_code, _INVALID)
        is_known = (zh, en) not in (_AUTHORITY, _INVALID)
        raise PeerRefused(zh.format(host=host), en.format(host=host), is_known=is_known) from error
    except ssl.SSLError as error:
        raise PeerRefused("对方不使用 TLS", "it does not speak TLS") from error
    except (OSError, OverflowError, UnicodeError) as error:
        raise PeerRefused("无法连接", "it cannot be reached") from error
    return hashlib.sha256(certificate).hexdigest()


_Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def _addresses(endpoint: str) -> list[_Address]:
    """Resolve once, and return the first address of each family."""
    host, _, port = endpoint.rpartition(":")
    first: dict[socket.AddressFamily, _Address] = {}
    for family, _, _, _, address in socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM):
        first.setdefault(family, (family, address))
    return list(first.values())


def _connected(addresses: list[_Address], *, ends_at: float) -> socket.socket:
    """Return a connection to the first address that takes one in its share of the time. Raises OSError or OverflowError."""
    refused: OSError | OverflowError = OSError()
    for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(_seconds_to(ends_at) / left)
            connection.connect(address)
        except (OSError, OverflowError) as error:
            connection.close()
            refused = error
        else:
            return connection
    raise refused


def _tls(pems: Pems) -> ssl.SSLContext:
    """Return the context of certificates that fit together, also while their files are being replaced."""
    context = ssl.create_default_context(cadata=(pems.ca or b"").decode("ascii"))
    with tempfile.NamedTemporaryFile() as chain:  # the module reads it from nothing but a file; only we may open it
        chain.write(pems.private_key + b"\n" + pems.certificate)
        chain.flush()
        context.load_cert_chain(chain.name)
    context.set_alpn_protocols(["h2"])
    return context


def _require_acceptance(secured: ssl.SSLSocket, *, ends_at: float) -> None:
    """Wait for the HTTP/2 settings that come first: the other side looks at our certificate after the handshake (TLS 1.3)."""
    try:
        secured.settimeout(_seconds_to(ends_at))
        accepted = bool(secured.recv(1))
    except (ssl.SSLError, ConnectionError):
        accepted = False
    except TimeoutError:
        raise PeerRefused("对方没有应答", "it does not answer", is_known=True) from None
    if not accepted:
        raise PeerRefused("对方不接受网关的证书", "it does not accept the gateway's certificate", is_known=True)


def _seconds_to(ends_at: float) -> float:
    """Return what is left: the bound of one operation of a socket, and of a whole handshake."""
    seconds = ends_at - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
