"""Finds a city's connectors, and puts a fake one in a department's place."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import yaml

from gateway.client import connect
from sharing_stubs.sharing.registry.v1 import registry_pb2, registry_pb2_grpc
from tests.cities import City

REGISTERED_SECONDS_MAX = 200


def process(city: City, *words: str) -> psutil.Process:
    """Return the city's process whose command line holds all the words."""
    for child in psutil.Process().children(recursive=True):
        try:
            line = " ".join(child.cmdline())
        except psutil.NoSuchProcess:  # or a zombie: it was killed before
            continue
        if all(word in line for word in (*words, str(city.data))):
            return child
    raise AssertionError(f"no process {words}")


def instances(city: City, department: str) -> dict[str, str]:
    """Return the endpoints of the department's running connectors by instance id, as the administrator sees them."""
    connection = connect(city.profile("administrator"))
    try:
        stub = registry_pb2_grpc.RegistryServiceStub(connection.channel)
        found = stub.ListRegistrations(
            registry_pb2.ListRegistrationsRequest(), metadata=connection.headers(), timeout=100
        )
        return {
            i.instance_id: i.endpoint for r in found.registrations if r.department == department for i in r.instances
        }
    finally:
        connection.close()


def second_config(city: City, department: str, *, name: str, **changes: object) -> Path:
    """Write a second configuration of a department's connector, with a log of its own."""
    folder = city.data / "connectors"
    settings = yaml.safe_load((folder / f"{department}.yaml").read_text("utf-8"))
    own = {"log": {"directory": f"{name}-log", "key": f"{name}-log.pem"}}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings | own | changes, allow_unicode=True), "utf-8")
    return path


@contextmanager
def replaced_connector(city: City, department: str, *, batches: int) -> Iterator[None]:
    """Put a dying connector in the department's place, at its address and with its certificate and token; then its own again."""
    ((earlier, endpoint),) = instances(city, department).items()
    process(city, "connectors", "serve", f"{department}.yaml").kill()
    config = second_config(city, department, name=f"{department}-dying", listen=endpoint)
    command = [sys.executable, "-m", "tests.fakes.dying_connector", str(config), str(batches)]
    fake = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    try:
        fakes_id = _wait_for_another(city, department, than=earlier)
        yield
    finally:
        fake.kill()
        fake.wait()
    own = [sys.executable, "-m", "connectors", "serve", str(city.data / "connectors" / f"{department}.yaml")]
    city.local.children.start(f"connector-{department}-again", own)
    _wait_for_another(city, department, than=fakes_id)


def _wait_for_another(city: City, department: str, *, than: str) -> str:
    """Wait until the department's only connector is another one, and return its id."""
    deadline = time.monotonic() + REGISTERED_SECONDS_MAX
    while len(found := instances(city, department)) != 1 or than in found:
        assert time.monotonic() < deadline, "the connector did not register"
        time.sleep(0.2)
    return next(iter(found))
