"""TLS when configured: who has the CA gets in, nobody else does, and plaintext gets nothing."""

from __future__ import annotations

import datetime
import ipaddress
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_flightsql.dbapi as flight_sql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.doors.cli.profile import Profile
from tests.cities import City


def certificate(folder: Path, name: str, *, ca: tuple[x509.Certificate, EllipticCurvePrivateKey] | None):
    """Make a key and a certificate for loopback, signed by the CA or by itself."""
    key = generate_private_key(SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca[0].subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    made = builder.sign(ca[1] if ca else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made, key


@pytest.fixture(scope="module")
def tls_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A gateway with TLS and no departments behind it."""
    root = tmp_path_factory.mktemp("tls")
    stop = threading.Event()
    local = LocalCity(
        data=root, residents=1_000, policy=PolicyEngine.EMBEDDED, port=0, stop=stop, say=lambda zh, en: None
    )
    local.write_deployment()
    ca = certificate(root, "ca", ca=None)
    certificate(root, "other-ca", ca=None)
    certificate(root, "server", ca=ca)
    with (root / "gateway.toml").open("a") as configuration:
        configuration.write('\n[tls]\ncertificate = "server.pem"\nprivate_key = "server.key"\n')
    local.children.start("gateway", [sys.executable, "-m", "gateway.serve", str(root / "gateway.toml")])
    try:
        local.children.wait_for("gateway", "READY", seconds_max=30)
        yield City(local)
    finally:
        local.stop()


def with_tls(city: City, *, ca: str) -> Profile:
    profile = city.profile("nanjing-east-road")
    endpoint = profile.endpoint.replace("grpc://", "grpc+tls://")
    return profile.model_copy(update={"endpoint": endpoint, "ca_certificate": city.data / ca})


def list_datasets(city: City, profile: Profile) -> subprocess.CompletedProcess[str]:
    path = city.data / "profile.json"
    path.write_text(profile.model_dump_json(exclude_none=True))
    return city.cli("catalog", "list", "--profile", str(path))


def test_the_command_line_speaks_tls(tls_city):
    """With the right CA certificate in the profile everything works as without TLS."""
    ended = list_datasets(tls_city, with_tls(tls_city, ca="ca.pem"))
    assert ended.returncode == 0
    assert "population.resident" in ended.stdout


@pytest.mark.parametrize("attempt", ["another CA", "plaintext"])
def test_without_the_right_ca_nothing_is_exchanged(tls_city, attempt):
    """A server that cannot prove itself, or a client that does not ask for proof, ends before any token is sent."""
    profile = with_tls(tls_city, ca="other-ca.pem")
    if attempt == "plaintext":
        profile = tls_city.profile("nanjing-east-road")
    ended = list_datasets(tls_city, profile)
    assert ended.returncode == 5
    assert "population.resident" not in ended.stdout


def test_the_stock_adbc_driver_speaks_tls(tls_city):
    """The driver's own options are enough; the error is the gateway's own, so the connection stood."""
    profile = with_tls(tls_city, ca="ca.pem")
    options = {
        "adbc.flight.sql.authorization_header": f"Bearer {profile.token}",
        "adbc.flight.sql.rpc.call_header.x-sharing-purpose": "enterprise-visits",
        "adbc.flight.sql.client_option.tls_root_certs": (tls_city.data / "ca.pem").read_text(),
    }
    with (
        flight_sql.connect(profile.endpoint, db_kwargs=options, autocommit=True) as connection,
        connection.cursor() as cursor,
        pytest.raises(Exception, match="CONNECTOR_UNAVAILABLE"),
    ):
        cursor.execute("SELECT licence_kind FROM legal_entity.licence")


def test_plaintext_is_served_on_loopback_only(tls_city):
    """Without TLS a gateway that would listen to the network does not start, and says what is missing."""
    configuration = (tls_city.data / "gateway.toml").read_text("utf-8").split("\n[tls]")[0]
    path = tls_city.data / "plaintext.toml"
    path.write_text(re.sub(r'listen = "127.0.0.1:\d+"', 'listen = "0.0.0.0:0"', configuration), "utf-8")
    ended = subprocess.run([sys.executable, "-m", "gateway.serve", path], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "[tls]" in ended.stderr
