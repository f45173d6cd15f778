"""TLS when configured: who has the CA gets in, nobody else does, and plaintext gets nothing."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator

import adbc_driver_flightsql.dbapi as flight_sql
import pytest
from click.testing import Result

from gateway.client import Profile
from gateway.doors.cli.certificates import Authority
from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.settings import Settings
from gateway.wiring import make_gateway
from tests.cities import City
from tests.lone_gateway import command_line

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture(scope="module")
def tls_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A gateway with TLS and no departments behind it."""
    root = tmp_path_factory.mktemp("tls")
    stop = threading.Event()
    local = LocalCity(
        data=root, residents=1_000, policy=PolicyEngine.EMBEDDED, port=0, stop=stop, say=lambda zh, en: None
    )
    local.write_deployment()
    (root / "other").mkdir()
    Authority.make(root / "other", now=NOW)
    Authority.make(root, now=NOW).issue_gateway(root, now=NOW, days=1, hosts=["127.0.0.1"])
    with (root / "gateway.toml").open("a") as configuration:
        configuration.write('\n[tls]\ncertificate = "gateway.pem"\nprivate_key = "gateway.key"\n')
    gateway = make_gateway(Settings.load(root / "gateway.toml"))
    gateway.start()
    try:
        yield City(local)
    finally:
        gateway.stop()


def with_tls(city: City, *, ca: str) -> Profile:
    profile = city.profile("nanjing-east-road")
    endpoint = profile.endpoint.replace("grpc://", "grpc+tls://")
    return profile.model_copy(update={"endpoint": endpoint, "ca_certificate": city.data / ca})


def list_datasets(city: City, profile: Profile) -> Result:
    (city.local.profiles / "tls.json").write_text(profile.model_dump_json(exclude_none=True))
    return command_line(city, "catalog", "list", who="tls")


def test_the_command_line_speaks_tls(tls_city):
    """With the right CA certificate in the profile everything works as without TLS."""
    ended = list_datasets(tls_city, with_tls(tls_city, ca="ca.pem"))
    assert ended.exit_code == 0
    assert "population.resident" in ended.stdout


@pytest.mark.parametrize("attempt", ["another CA", "plaintext"])
def test_without_the_right_ca_nothing_is_exchanged(tls_city, attempt):
    """A server that cannot prove itself, or a client that does not ask for proof, ends before any token is sent."""
    profile = with_tls(tls_city, ca="other/ca.pem")
    if attempt == "plaintext":
        profile = tls_city.profile("nanjing-east-road")
    ended = list_datasets(tls_city, profile)
    assert ended.exit_code == 5
    assert "population.resident" not in ended.stdout


def test_the_doors_certificate_is_replaced_while_it_is_open(tls_city):
    """A new certificate is shown as soon as it is on disk, without a restart."""
    address = ("127.0.0.1", int(tls_city.profile("nanjing-east-road").endpoint.rpartition(":")[2]))
    before = ssl.get_server_certificate(address)
    Authority.load(tls_city.data).issue_gateway(tls_city.data, now=NOW, days=1, hosts=["127.0.0.1"])
    assert ssl.get_server_certificate(address) != before
    assert list_datasets(tls_city, with_tls(tls_city, ca="ca.pem")).exit_code == 0


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
    settings = Settings.load(tls_city.data / "gateway.toml")
    with pytest.raises(ValueError, match=r"without \[tls\]"):
        make_gateway(settings.model_copy(update={"listen": "0.0.0.0:0", "tls": None}))
