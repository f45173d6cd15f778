"""Gateways of a local city that come and go while its departments stay."""

from __future__ import annotations

import subprocess
import sys
import time

import grpc
import psutil

from gateway.client import connect
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from tests.cities import City
from tests.fakes.connectors import process

DEAD_SECONDS_MAX = 200


def kill_gateway(city: City) -> None:
    """Kill the city's gateway, whichever it is."""
    gateway = process(city, "gateway.toml")
    gateway.kill()
    psutil.wait_procs([gateway], timeout=DEAD_SECONDS_MAX)


def start_gateway(
    city: City, name: str, *, module: str = "gateway.serve", arguments: tuple[str, ...] = ()
) -> subprocess.Popen[bytes]:
    """Start a gateway in place of the one that ended, and return when it serves and has heard of the connectors again.

    Args:
        city: Its data are reused.
        name: Of its log file; new.
        module: What to run.
        arguments: Its arguments after the configuration file.

    Raises:
        ChildFailed: It refused to start.
    """
    children = city.local.children
    started = children.start(name, [sys.executable, "-m", module, str(city.data / "gateway.toml"), *arguments])
    children.wait_for(name, "READY", seconds_max=200)
    deadline = time.monotonic() + 60
    while not connectors_live(city) and time.monotonic() < deadline:
        time.sleep(0.2)
    return started


def connectors_live(city: City) -> bool:
    """Tell whether every lease goes on: those that ended while there was no gateway need a heartbeat."""
    with connect(city.profile("administrator")) as connection:
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        try:
            found = stub.ListRegistrations(
                registry_pb2.ListRegistrationsRequest(), metadata=connection.headers(), timeout=10
            )
        except grpc.RpcError:
            return False
    now = time.time()
    return all(any(one.lease_expires_at > now for one in held.instances) for held in found.registrations)


def assert_verified(city: City) -> None:
    """Fail unless the log in the city's folder is intact, as an auditor sees it who has nothing but the key."""
    key = str(city.data / "keys" / "audit-verification-key.txt")
    verified = city.cli("audit", "verify", "--key", key, "--log", str(city.data / "audit"))
    assert verified.returncode == 0, verified.stdout + verified.stderr
