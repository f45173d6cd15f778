"""The certificates of a small deployment: one authority, and under it the gateway's and the departments'."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connectors.sdk.identity import GATEWAY_HOST, department_host
from gateway.doors.cli.private_files import write_private

AUTHORITY_DAYS = 3650
_CLOCK_SKEW = datetime.timedelta(minutes=5)


class Use(Enum):
    """What a certificate may be shown for (RFC 5280, 4.2.1.12)."""

    GATEWAY = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
    """To requesters and connectors that call the gateway, and to the connectors that it calls."""
    CONNECTOR = (ExtendedKeyUsageOID.SERVER_AUTH,)
    """To the gateway that calls; it opens no door of another connector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What signs certificates."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey

    @classmethod
    def make(cls, folder: Path, *, now: datetime.datetime) -> Authority:
        """Make an authority and write `ca.pem` and `ca.key`."""
        key = generate_private_key(SECP256R1())
        name = _name("sharing-gateway authority")
        builder = (
            _builder(name, issuer=name, key=key, now=now, days=AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
        )
        authority = cls(certificate=builder.sign(key, SHA256()), key=key)
        _write(folder / "ca", certificate=authority.certificate, key=key)
        return authority

    @classmethod
    def load(cls, folder: Path) -> Authority:
        """Read `ca.pem` and `ca.key`.

        Raises:
            OSError, ValueError: They cannot be read.
        """
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ValueError(f"{folder / 'ca.key'}: not an elliptic-curve key")
        return cls(certificate=certificate, key=key)

    def issue_gateway(self, folder: Path, *, now: datetime.datetime, days: int, hosts: Iterable[str] = ()) -> Path:
        """Write `gateway.pem` and `gateway.key`; see `issue`."""
        names = [GATEWAY_HOST, *hosts]
        return self.issue(folder / "gateway", hosts=names, use=Use.GATEWAY, now=now, days=days)

    def issue_department(
        self, folder: Path, department: str, *, now: datetime.datetime, days: int, hosts: Iterable[str] = ()
    ) -> Path:
        """Write `<department>.pem` and `<department>.key`; see `issue`."""
        names = [department_host(department), *hosts]
        return self.issue(folder / department, hosts=names, use=Use.CONNECTOR, now=now, days=days)

    def issue(self, path: Path, *, hosts: Iterable[str], use: Use, now: datetime.datetime, days: int) -> Path:
        """Make a key and a certificate and write them to `path`.pem and `path`.key, in place of earlier ones.

        Args:
            path: Without suffix.
            hosts: DNS names and IP addresses.
            use: What it may be shown for.
            now: Beginning of its validity.
            days: Length of its validity.

        Returns:
            File of the certificate.
        """
        key = generate_private_key(SECP256R1())
        issuer = self.certificate.subject
        authority_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            _builder(_name(path.name), issuer=issuer, key=key, now=now, days=days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(use.value), critical=False)
            .add_extension(authority_id, critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        )
        return _write(path, certificate=builder.sign(self.key, SHA256()), key=key)


def issue_certificates(folder: Path, *, departments: Iterable[str], days: int) -> None:
    """Make the certificates of a local deployment: the authority once, the others anew.

    By the machine's clock, because it is what certificates are looked at with.
    """
    now = datetime.datetime.now(datetime.UTC)
    authority = Authority.load(folder) if (folder / "ca.pem").exists() else Authority.make(folder, now=now)
    authority.issue_gateway(folder, now=now, days=days)
    for department in departments:
        authority.issue_department(folder, department, now=now, days=days)


def _builder(
    subject: x509.Name, *, issuer: x509.Name, key: EllipticCurvePrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write(path: Path, *, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> Path:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private(path.with_name(f"{path.name}.key"), private)
    written = path.with_name(f"{path.name}.pem")
    written.write_bytes(certificate.public_bytes(Encoding.PEM))
    return written
