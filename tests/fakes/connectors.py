"""Registers a fake connector in a department's place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from gateway.doors.cli.remote import Remote
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from tests.cities import City


def process(city: City, *words: str) -> psutil.Process:
    """Return the city's process whose command line holds all the words."""
    for child in psutil.Process().children(recursive=True):
        line = " ".join(child.cmdline())
        if all(word in line for word in (*words, str(city.data))):
            return child
    raise AssertionError(f"no process {words}")


@contextmanager
def replaced_connector(city: City, department: str, *, batches: int) -> Iterator[None]:
    """Put a dying connector in the department's place, registered with the department's own token."""
    process(city, "connectors", "serve", department).kill()
    command = [sys.executable, "-m", "tests.fakes.dying_connector", department, str(batches)]
    fake = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert fake.stdout is not None
    endpoint = fake.stdout.readline().split()[1]
    token = (city.data / "tokens" / f"connector-{department}.jwt").read_text("utf-8")
    remote = Remote(city.profile("administrator").model_copy(update={"token": token}))
    try:
        stub = registry_pb2_grpc.RegistryServiceStub(remote.channel)
        stub.Register(registry_pb2.RegisterRequest(endpoint=endpoint), metadata=remote.headers(), timeout=10)
        yield
    finally:
        remote.close()
        fake.kill()
        fake.wait()
