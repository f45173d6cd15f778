"""Whoever is at an address costs the time that was given for it, whatever it does."""

from __future__ import annotations

import datetime
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.sdk.peer import PeerRefused, peer_certificate
from connectors.sdk.tls import CertificateFiles
from gateway.doors.cli.certificates import Authority

NOW = datetime.datetime.now(datetime.UTC)
DRIPS = 60
RECORD = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xf0"
"""The head of a TLS record of 16 KiB, and of the message in it."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    folder = tmp_path_factory.mktemp("pki")
    own = Authority.make(folder, now=NOW).issue_gateway(folder, now=NOW, days=1)
    return CertificateFiles(certificate=own, private_key=own.with_suffix(".key"), ca=folder / "ca.pem")


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def refused(endpoint: str, files: CertificateFiles) -> str:
    with pytest.raises(PeerRefused) as raised:
        peer_certificate(endpoint, host="any", files=files, seconds_max=0.3)
    assert not raised.value.is_known
    return raised.value.text.en


def test_who_says_nothing_is_not_reached(files: CertificateFiles) -> None:
    """An open port behind which nobody speaks is like one that cannot be reached."""
    with listening(lambda connection: connection.recv(65_536) and connection.recv(1) and None) as endpoint:
        assert "cannot be reached" in refused(endpoint, files)


def test_who_answers_byte_by_byte_is_not_waited_for(files: CertificateFiles) -> None:
    """Each byte comes in time, but all of them together have no more time than one."""
    sent = []

    def drip(connection: socket.socket) -> None:
        gone = threading.Event()
        for byte in RECORD + bytes(DRIPS):
            try:
                connection.send(bytes([byte]))
            except OSError:
                return
            sent.append(byte)
            gone.wait(0.1)

    with listening(drip) as endpoint:
        assert "cannot be reached" in refused(endpoint, files)
    assert len(sent) < DRIPS


@pytest.mark.parametrize("host", ["a..b", "." * 9, "a" * 64, ".".join(["a" * 50] * 4), "-", "\u00e4" * 70])
def test_no_name_is_an_unforeseen_error(files: CertificateFiles, host: str) -> None:
    """A name that cannot be one is refused as an address where nobody is."""
    assert "cannot be reached" in refused(f"{host}:80", files)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:99999", "127.0.0.1:0", "[::::]:1", "[::1]:1"])
def test_no_address_is_an_unforeseen_error(files: CertificateFiles, endpoint: str) -> None:
    """Likewise."""
    assert "cannot be reached" in refused(endpoint, files)


def test_the_first_address_of_each_family_is_tried(
    files: CertificateFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with an address that refuses and one that listens is reached; its hundredth address is not tried."""
    tried: list[object] = []
    closed, many = ("::1", 1, 0, 0), [(f"127.0.0.{n}", 1) for n in range(2, 100)]

    def resolved(*_: object, **__: object) -> list[tuple[object, ...]]:
        v6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", closed)
        return [v6, *((socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in many)]

    real = socket.socket.connect
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address) or real(self, address))
    assert "cannot be reached" in refused("many.example:1", files)
    assert tried == [closed, many[0]]
