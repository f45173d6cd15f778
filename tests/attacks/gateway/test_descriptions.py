"""Asking for a result's columns runs the requester's SQL: briefly, seldom, and never instead of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.doors import turns
from gateway.doors.flight_sql import descriptions
from gateway.doors.flight_sql.commands import pack
from gateway.errors import Unavailable
from gateway.execute import EnginePool
from gateway.wiring import Gateway
from sharing_stubs.arrow.flight import flight_pb2, flight_pb2_grpc
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from tests.attacks.gateway.test_tickets import LICENCES, OWNER, PURPOSE, THIEF, last_failure, outcome
from tests.cities import City
from tests.flight_sql_caller import Caller, calling
from tests.lone_gateway import lone_gateway

Lone = tuple[City, Gateway]
NUMBERS = "SELECT 1 AS x " + " ".join(f"UNION ALL SELECT {number}" for number in range(2, 21))
CROSSED = "v a0 " + " ".join(f"CROSS JOIN v a{number}" for number in range(1, 10))
ENDLESS = (
    f"WITH v AS ({NUMBERS}) {LICENCES} UNION ALL "
    f"SELECT 'x', 'y' FROM (SELECT sum(a0.x + a1.x * a9.x) AS n FROM {CROSSED}) AS q WHERE n > 0"
)
SORTED = LICENCES + " ORDER BY 1"
SECONDS_MAX = 30


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lone]:
    with lone_gateway(tmp_path_factory.mktemp("lone")) as running:
        yield running


@pytest.fixture
def owner(lone: Lone) -> Iterator[Caller]:
    with calling(lone[0].profile(OWNER), x_sharing_purpose=PURPOSE) as caller:
        yield caller


@contextmanager
def preparing(city: City, *, who: str, count: int) -> Iterator[Sequence[grpc.Call]]:
    """Calls that prepare a statement that does not end, until the block does."""
    request = flight_sql_pb2.ActionCreatePreparedStatementRequest(query=ENDLESS)
    action = flight_pb2.Action(type="CreatePreparedStatement", body=pack(request))
    headers = (("authorization", f"Bearer {city.profile(who).token}"), ("x-sharing-purpose", PURPOSE))
    with grpc.insecure_channel(city.profile(who).endpoint.removeprefix("grpc://")) as channel:
        stub = flight_pb2_grpc.FlightServiceStub(channel)
        calls = [stub.DoAction(action, metadata=headers) for _ in range(count)]
        try:
            yield calls
        finally:
            for call in calls:
                call.cancel()


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS_MAX
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


def free_engines(pool: EnginePool) -> int:
    """Return how many results could be computed at once now."""
    with ExitStack() as taken:
        for count in range(100):
            try:
                worker = pool.take(timeout_seconds=0)
            except Unavailable:
                return count
            taken.callback(pool.give_back, worker)
    raise AssertionError


def test_descriptions_leave_engines_and_threads_to_others(
    lone: Lone, owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One runs for a requester, two for all; the others are told to come again, and a call that ends frees its engine."""
    city, gateway = lone
    monkeypatch.setattr(descriptions, "DESCRIPTION_SECONDS_MAX", 600)
    engines = gateway.path.engines
    with preparing(city, who=OWNER, count=8) as mine, preparing(city, who=THIEF, count=8) as theirs:
        assert eventually(lambda: sum(not call.is_active() for call in (*mine, *theirs)) == 14)
        assert {call.code() for call in (*mine, *theirs) if not call.is_active()} == {
            grpc.StatusCode.RESOURCE_EXHAUSTED
        }
        assert [sum(call.is_active() for call in calls) for calls in (mine, theirs)] == [1, 1]
        assert free_engines(engines) == 2
        assert outcome(lambda: owner.schema(SORTED)) == "BUSY"
        with grpc.insecure_channel(city.profile(OWNER).endpoint.removeprefix("grpc://")) as channel:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=SECONDS_MAX)
    assert eventually(lambda: free_engines(engines) == 4)
    assert eventually(lambda: last_failure(city, THIEF) == "QUERY_CANCELLED")
    assert eventually(lambda: outcome(lambda: owner.schema(SORTED)) == "")


def test_twin_without_turns_they_take_every_engine(lone: Lone, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the turns that leave engines to results."""
    city, gateway = lone
    monkeypatch.setattr(turns.Turns, "take", lambda self, owner: nullcontext())
    with preparing(city, who=OWNER, count=4):
        assert eventually(lambda: free_engines(gateway.path.engines) == 0)
    assert eventually(lambda: free_engines(gateway.path.engines) == 4)


def test_a_description_that_takes_long_is_stopped(lone: Lone, owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long before a query's time is over; the log has it."""
    monkeypatch.setattr(descriptions, "DESCRIPTION_SECONDS_MAX", 0.3)
    assert outcome(lambda: owner.schema(ENDLESS)) == "ENGINE_TIME"
    assert outcome(lambda: owner.prepare(ENDLESS)) == "ENGINE_TIME"
    assert last_failure(lone[0], OWNER) == "ENGINE_TIME"
