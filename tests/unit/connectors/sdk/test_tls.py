"""Certificates on disk: what is used is always a pair that fits together."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from connectors.sdk.identity import department_host
from connectors.sdk.tls import CertificateFiles, is_loopback, open_channel
from gateway.doors.cli.certificates import Authority

NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """An authority with the certificates of two departments, in `tmp_path`."""
    made = Authority.make(tmp_path, now=NOW)
    for department in ("health", "housing"):
        made.issue_department(tmp_path, department, now=NOW, days=1)
    return made


def files(folder: Path, *, key: str = "health", host: str = "health") -> CertificateFiles:
    return CertificateFiles(
        certificate=folder / "health.pem",
        private_key=folder / f"{key}.key",
        ca=folder / "ca.pem",
        host=department_host(host),
    )


@pytest.mark.usefixtures("authority")
def test_unchanged_files_are_read_once(tmp_path: Path) -> None:
    """As long as nothing changes, the same contents are returned."""
    found = files(tmp_path)
    assert found.pems is found.pems
    assert found.pems.ca == (tmp_path / "ca.pem").read_bytes()


def test_a_replaced_certificate_is_used_once_its_key_is_there(tmp_path: Path, authority: Authority) -> None:
    """Between the two files the earlier pair stays in use; with both the new one is."""
    found = files(tmp_path)
    before = found.pems
    old_key = (tmp_path / "health.key").read_bytes()
    authority.issue_department(tmp_path, "health", now=NOW, days=2)
    new_key = (tmp_path / "health.key").read_bytes()
    (tmp_path / "health.key").write_bytes(old_key)
    assert found.pems is before
    (tmp_path / "health.key").write_bytes(new_key)
    assert found.pems.certificate == (tmp_path / "health.pem").read_bytes()
    assert found.pems.private_key == new_key


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize("broken", ["ca.pem", "health.pem", "health.key"])
@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_files_that_break_later_leave_the_earlier_in_use(tmp_path: Path, broken: str, content: bytes | None) -> None:
    """A connector goes on with what it has read, whatever becomes of the file."""
    found = files(tmp_path)
    before = found.pems
    (tmp_path / broken).unlink()
    if content is not None:
        (tmp_path / broken).write_bytes(content)
    assert found.pems is before


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize(
    ("wrong", "said"), [({"key": "housing"}, "is not the key"), ({"host": "housing"}, "does not hold the name")]
)
def test_what_does_not_fit_is_refused_at_the_start(tmp_path: Path, wrong: dict[str, str], said: str) -> None:
    """Another's key, and a certificate without the department's name, are named before anybody is served."""
    with pytest.raises(ValueError, match=said):
        files(tmp_path, **wrong)


@pytest.mark.usefixtures("authority")
def test_a_certificate_without_names_is_refused(tmp_path: Path) -> None:
    """The authority's own certificate is nobody's."""
    with pytest.raises(ValueError, match="does not hold the name"):
        CertificateFiles(certificate=tmp_path / "ca.pem", private_key=tmp_path / "ca.key", host="any")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:1", True),
        ("127.1.2.3:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("10.0.0.1:1", False),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("gateway.example:1", False),
        ("127.0.0.1.example:1", False),
        (":1", False),
    ],
)
def test_only_this_machine_is_loopback(address: str, expected: bool) -> None:
    """A name counts only when it is `localhost`; every address and no address do not."""
    assert is_loopback(address) is expected


def test_plaintext_never_leaves_the_machine() -> None:
    """Without certificates no channel to another machine is opened."""
    with pytest.raises(ValueError, match="loopback only"):
        open_channel("connector.example:1", host="any", pems=None)
