"""A department that registers connectors which never answer keeps nobody else from the gateway."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.doors import turns
from gateway.doors.server import RESERVED_WORKERS
from gateway.settings import Settings
from gateway.wiring import Gateway
from sharing_stubs.sharing.registry.v1 import registry_pb2 as pb
from sharing_stubs.sharing.registry.v1 import registry_pb2_grpc
from tests.cities import City
from tests.fakes.little_connectors import little_connector
from tests.lone_gateway import command_line, lone_gateway

Lone = tuple[City, Gateway]
SECONDS_MAX = 20


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lone]:
    with lone_gateway(tmp_path_factory.mktemp("lone")) as made:
        yield made


class Silent:
    """Takes connections and says nothing."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.endpoint = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.taken: list[socket.socket] = []
        self.came = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def wait_for(self, number: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.taken) >= number, SECONDS_MAX)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.taken:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.came:
                self.taken.append(connection)
                self.came.notify()


def channel(city: City) -> grpc.Channel:
    return grpc.insecure_channel(
        city.profile("administrator").endpoint.removeprefix("grpc://"), [("grpc.use_local_subchannel_pool", 1)]
    )


def bearer(city: City, department: str) -> tuple[tuple[str, str]]:
    token = (city.data / "tokens" / f"connector-{department}.jwt").read_text("utf-8").strip()
    return (("authorization", f"Bearer {token}"),)


@contextmanager
def flooded(city: City, silent: Silent, *, workers: int) -> Iterator[list[grpc.Future[pb.RegisterResponse]]]:
    """So many registrations by one department as the gateway has threads, each of another connector."""
    with channel(city) as opened:
        stub = registry_pb2_grpc.RegistryServiceStub(opened)
        numbers = itertools.count()
        calls = [
            stub.Register.future(
                pb.RegisterRequest(
                    endpoint=silent.endpoint, connector=f"c{next(numbers)}", instance_id="i", nonce=bytes(16)
                ),
                metadata=bearer(city, "health"),
                timeout=SECONDS_MAX,
            )
            for _ in range(workers)
        ]
        try:
            yield calls
        finally:
            silent.close()
            for call in calls:
                assert call.exception() is not None


def workers(city: City) -> int:
    return 2 * Settings.load(city.data / "gateway.toml").streams_max + RESERVED_WORKERS


def is_healthy(city: City) -> bool:
    with channel(city) as opened:
        call = health_pb2_grpc.HealthStub(opened).Check.future(health_pb2.HealthCheckRequest(), timeout=SECONDS_MAX)
        code = call.code()
    assert code in (grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED)
    return code is grpc.StatusCode.OK


def test_slow_registrations_leave_the_gateway_to_others(lone: Lone, tmp_path: Path) -> None:
    """Two of them are waited for, the others told to come again; health, lists and other departments go on."""
    city, _ = lone
    silent = Silent()
    with flooded(city, silent, workers=workers(city)) as calls:
        silent.wait_for(turns.DEPARTMENT_TURNS_MAX)
        assert is_healthy(city)
        assert command_line(city, "registry", "list", who="administrator").exit_code == 0
        with little_connector(city, tmp_path, department="housing", datasets=("housing.lease",)) as honest:
            answer = honest.registry.register()
            honest.registry.heartbeat(answer.generation)
    codes = sorted(call.code().name for call in calls)
    busy = len(calls) - turns.DEPARTMENT_TURNS_MAX
    assert codes == ["INVALID_ARGUMENT"] * turns.DEPARTMENT_TURNS_MAX + ["RESOURCE_EXHAUSTED"] * busy
    assert len(silent.taken) == turns.DEPARTMENT_TURNS_MAX


def test_without_turns_the_gateway_would_be_theirs(lone: Lone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: every thread waits for a connector, and not even health is answered."""
    city, _ = lone
    monkeypatch.setattr(turns.Turns, "take", lambda self, owner, *, id: nullcontext())
    silent = Silent()
    with flooded(city, silent, workers=workers(city)):
        silent.wait_for(workers(city))
        assert not is_healthy(city)
    assert is_healthy(city)


def test_a_registration_ends_with_its_call(lone: Lone) -> None:
    """Whoever gives a call little time takes no more of the gateway's."""
    city, _ = lone
    silent = Silent()
    with channel(city) as opened, pytest.raises(grpc.RpcError):
        registry_pb2_grpc.RegistryServiceStub(opened).Register(
            pb.RegisterRequest(endpoint=silent.endpoint, connector="c", instance_id="i", nonce=bytes(16)),
            metadata=bearer(city, "housing"),
            timeout=0.5,
        )
    silent.wait_for(1)
    assert silent.taken[0].recv(65_536)
    assert silent.taken[0].recv(1) == b""
    silent.close()
