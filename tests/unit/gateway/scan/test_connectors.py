"""Channels to connectors: kept, opened anew when certificates change or get old, closed when nobody can be using them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from connectors.sdk.tls import CONNECTION_SECONDS_MAX, CertificateFiles
from gateway.doors.cli.certificates import Authority
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.scan import ConnectorChannels

NOW = datetime.datetime.now(datetime.UTC)
ENDPOINT = "127.0.0.1:1"
CALL_SECONDS_MAX = 10.0


class Clock:
    """A clock that stands still."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@contextmanager
def opened(clock: Clock, files: CertificateFiles | None = None) -> Iterator[ConnectorChannels]:
    channels = ConnectorChannels(files=files, call_seconds_max=CALL_SECONDS_MAX, monotonic=clock)
    try:
        yield channels
    finally:
        channels.close()


def is_closed(channel: grpc.Channel) -> bool:
    try:
        channel.unary_unary("/any/any")(b"", timeout=0.01)
    except ValueError:
        return True
    except grpc.RpcError:
        return False
    raise AssertionError("nobody listens there")


def test_a_channel_is_kept_per_connector_and_department() -> None:
    """Two departments at one address do not share a channel, because other certificates must answer."""
    with opened(Clock()) as channels:
        assert channels.to(ENDPOINT, department="health") is channels.to(ENDPOINT, department="health")
        assert channels.to(ENDPOINT, department="health") is not channels.to(ENDPOINT, department="housing")


def test_an_old_channel_is_replaced_and_closed_when_its_last_call_has_ended() -> None:
    """After an hour calls take a new connection; the earlier one lives for as long as a call may run."""
    clock = Clock()
    with opened(clock) as channels:
        first = channels.to(ENDPOINT, department="health")
        clock.seconds = CONNECTION_SECONDS_MAX
        second = channels.to(ENDPOINT, department="health")
        assert second is not first
        clock.seconds += CALL_SECONDS_MAX - 1
        assert channels.to(ENDPOINT, department="health") is second
        assert not is_closed(first)
        clock.seconds += 1
        assert channels.to(ENDPOINT, department="health") is second
        assert is_closed(first)


def test_a_channel_that_nobody_asks_for_is_forgotten() -> None:
    """Addresses that were registered once do not pile up: after an hour, and the time of a call, their channels are closed."""
    clock = Clock()
    with opened(clock) as channels:
        first = channels.to(ENDPOINT, department="health")
        for _ in range(2):
            clock.seconds += CONNECTION_SECONDS_MAX
            channels.to(ENDPOINT, department="housing")
        assert is_closed(first)


def test_new_certificates_open_new_channels(tmp_path: Path) -> None:
    """A replaced certificate is used by the next call."""
    authority = Authority.make(tmp_path, now=NOW)
    certificate = authority.issue_gateway(tmp_path, now=NOW, days=1)
    files = CertificateFiles(
        certificate=certificate, private_key=certificate.with_suffix(".key"), ca=tmp_path / "ca.pem"
    )
    with opened(Clock(), files) as channels:
        first = channels.to(ENDPOINT, department="health")
        assert channels.to(ENDPOINT, department="health") is first
        authority.issue_gateway(tmp_path, now=NOW, days=2)
        assert channels.to(ENDPOINT, department="health") is not first


def test_another_machine_is_never_spoken_to_in_plaintext() -> None:
    """A gateway configured for plaintext refuses an address elsewhere before anything is sent."""
    with opened(Clock()) as channels, pytest.raises(Unavailable) as refused:
        channels.to("connector.example:8815", department="health")
    assert refused.value.reason is Reason.CONNECTOR_UNAVAILABLE
    assert "loopback" in refused.value.internal


def test_closing_closes_the_earlier_ones_too() -> None:
    """Nothing stays open behind a stopped gateway."""
    clock = Clock()
    with opened(clock) as channels:
        first = channels.to(ENDPOINT, department="health")
        clock.seconds = CONNECTION_SECONDS_MAX
        second = channels.to(ENDPOINT, department="health")
    assert is_closed(first)
    assert is_closed(second)
