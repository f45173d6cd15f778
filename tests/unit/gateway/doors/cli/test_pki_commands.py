"""`gateway pki`: an authority that cannot be overwritten, and certificates that say whose they are and no more."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner

from gateway.doors.cli.app import make_app


def pki(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "160"}).invoke(make_app(), ["pki", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert pki("init", str(tmp_path / "pki")).exit_code == 0
    return tmp_path / "pki"


def names(path: Path) -> tuple[list[str], list[str], set[x509.ObjectIdentifier]]:
    """Return DNS names, IP addresses and uses of a certificate."""
    extensions = x509.load_pem_x509_certificate(path.read_bytes()).extensions
    alternative = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]
    return (
        alternative.get_values_for_type(x509.DNSName),
        addresses,
        set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value),
    )


def test_an_authority_is_made_once(folder: Path) -> None:
    """A second `init` changes nothing, for every certificate depends on the key."""
    before = (folder / "ca.key").read_bytes()
    again = pki("init", str(folder))
    assert again.exit_code == 4
    assert "已有颁发机构" in again.stderr
    assert (folder / "ca.key").read_bytes() == before


def test_keys_are_their_owners(folder: Path) -> None:
    """Nobody else on the machine can read a private key."""
    assert pki("issue", str(folder), "--gateway").exit_code == 0
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.key")} == {0o600}


def test_the_gateways_certificate_is_for_both_sides(folder: Path) -> None:
    """Requesters find the machine's names in it, connectors the gateway's."""
    assert pki("issue", str(folder), "--gateway", "--host", "gateway.example", "--host", "10.0.0.5").exit_code == 0
    assert names(folder / "gateway.pem") == (
        ["gateway.sharing.internal", "gateway.example"],
        ["10.0.0.5"],
        {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH},
    )


def test_a_departments_certificate_is_for_its_connectors_only(folder: Path) -> None:
    """It names the department, calls nobody, signs nothing and ends after the days that were asked for."""
    assert pki("issue", str(folder), "--department", "civil_affairs", "--days", "30").exit_code == 0
    path = folder / "civil_affairs.pem"
    assert names(path) == (["civil-affairs.department.sharing.internal"], [], {ExtendedKeyUsageOID.SERVER_AUTH})
    made = x509.load_pem_x509_certificate(path.read_bytes())
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 30
    assert made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    made.verify_directly_issued_by(x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--gateway", "--department", "health"],
        ["--department", "Health"],
        ["--department", "health.evil"],
        ["--department", "gateway"],
        ["--department", "health", "--host", "gateway.sharing.internal"],
        ["--department", "health", "--host", "GATEWAY.Sharing.Internal"],
        ["--department", "health", "--host", "*.example"],
    ],
)
def test_a_certificate_is_of_one_owner_and_of_machines(folder: Path, arguments: list[str]) -> None:
    """Nobody is given a second identity, by name or by wildcard."""
    assert pki("issue", str(folder), *arguments).exit_code == 4
    assert sorted(path.name for path in folder.iterdir()) == ["ca.key", "ca.pem"]


def test_without_an_authority_nothing_is_issued(tmp_path: Path) -> None:
    """The command says what to run first."""
    refused = pki("issue", str(tmp_path), "--gateway")
    assert refused.exit_code == 4
    assert "gateway pki init" in refused.stderr
    assert list(tmp_path.iterdir()) == []
