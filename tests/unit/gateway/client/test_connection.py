"""A query is asked again as long as nothing of its result has come, and never after."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from gateway.client import (
    Connection,
    Denied,
    IncompleteResult,
    InvalidRequest,
    NotAuthenticated,
    Profile,
    RequestError,
    Unavailable,
    connect,
)
from gateway.errors import DatasetUnavailable, Unauthenticated
from gateway.errors import Denied as PolicyDenied
from gateway.messages import Reason
from tests.fakes.flight_server import FakeGateway, Step, cut, refused, serving, whole

LATE_TICKET = refused(Unauthenticated(Reason.TICKET_INVALID))
NO_CONNECTOR = refused(DatasetUnavailable(Reason.CONNECTOR_UNAVAILABLE, "a.b"))


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def connection(gateway: FakeGateway, waited: list[float]) -> Iterator[Connection]:
    with serving(gateway) as profile, Connection(profile, sleep=waited.append) as connection:
        yield connection


def test_a_result_is_asked_for_once_when_all_is_well(connection, gateway, waited):
    """One decision, one delivery."""
    assert connection.query("SELECT").to_arrow().num_rows == 6
    assert (gateway.calls, waited) == (["ask", "get"], [])


@pytest.mark.parametrize("failing", [cut([]), cut(whole()[:1]), LATE_TICKET], ids=["nothing", "schema", "late ticket"])
def test_a_stream_that_ends_before_its_first_batch_is_asked_for_again(connection, gateway, waited, failing: Step):
    """Tickets serve once, so the statement is decided anew."""
    gateway.streams = [failing, failing]
    assert connection.query("SELECT").to_arrow().num_rows == 6
    assert gateway.calls == ["ask", "get"] * 3
    assert waited == [0.2, 0.8]


def test_a_query_is_asked_three_times_at_most(connection, gateway):
    """Then the caller is told."""
    gateway.streams = [cut([])] * 4
    with pytest.raises(Unavailable, match="Check the gateway's address"):
        connection.query("SELECT")
    assert len(gateway.calls) == 6


def test_a_stream_that_is_cut_after_its_first_batch_is_not_asked_for_again(connection, gateway):
    """The caller has rows already: they are told that these are not all."""
    gateway.streams = [cut(whole()[:2])]
    with pytest.raises(IncompleteResult, match="must not be used"):
        connection.query("SELECT").to_arrow()
    assert gateway.calls == ["ask", "get"]


def test_a_stream_without_a_receipt_is_not_the_whole_result(connection, gateway):
    """Even when the call ends well."""
    gateway.streams = [cut(whole()[:-1], status=None)]
    with pytest.raises(IncompleteResult):
        connection.query("SELECT").to_arrow()


@pytest.mark.parametrize("after", [0, 2])
def test_a_denial_is_an_answer(connection, gateway, waited, after: int):
    """It is not asked again, whether it comes at once or stops the stream."""
    gateway.streams = [refused(PolicyDenied(Reason.ROLE_MISSING), after=whole()[:after])]
    with pytest.raises(Denied):
        connection.query("SELECT").to_arrow()
    assert (gateway.calls, waited) == (["ask", "get"], [])


def test_what_the_gateway_knows_to_be_down_is_not_asked_for_again(connection, gateway, waited):
    """The log would hold three refusals of one question."""
    gateway.infos, gateway.streams = [NO_CONNECTOR], [NO_CONNECTOR]
    for _ in range(2):
        with pytest.raises(Unavailable, match="CONNECTOR_UNAVAILABLE"):
            connection.query("SELECT")
    assert (gateway.calls, waited) == (["ask", "ask", "get"], [])


def test_a_decision_is_asked_for_again_when_the_network_fails(connection, gateway):
    """Nothing has been delivered yet."""
    gateway.infos = [cut([]), cut([])]
    assert connection.query("SELECT").to_arrow().num_rows == 6
    assert gateway.calls == ["ask", "ask", "ask", "get"]


def test_nobody_there_is_unavailable():
    """A refused connection says what to check, in both languages."""
    profile = Profile(endpoint="grpc://127.0.0.1:1", token="t", expires_at="", office="o")
    with Connection(profile, sleep=lambda _: None) as connection, pytest.raises(Unavailable) as raised:
        connection.query("SELECT")
    assert "请检查网关地址" in str(raised.value)
    assert "Check the gateway's address" in str(raised.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, Denied),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequest),
        (grpc.StatusCode.UNIMPLEMENTED, InvalidRequest),
        (grpc.StatusCode.UNAUTHENTICATED, NotAuthenticated),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Unavailable),
        (grpc.StatusCode.INTERNAL, RequestError),
    ],
)
def test_every_status_has_its_error(connection, gateway, status: grpc.StatusCode, kind: type[RequestError]):
    """Callers catch a class, not a number."""
    gateway.infos = [cut([], status=status)]
    with pytest.raises(RequestError) as raised:
        connection.query("SELECT")
    assert (type(raised.value), raised.value.status) == (kind, status)


def test_parts_are_opened_one_by_one(connection, gateway):
    """A part whose ticket ran out while the others were fetched is asked for by its key."""
    gateway.keys = ("north", "south")
    north, south = connection.parts("SELECT")
    assert (north.key, north.open().to_arrow().num_rows) == ("north", 6)
    gateway.streams = [LATE_TICKET]
    assert south.open().to_arrow().num_rows == 6
    assert gateway.calls == ["ask", "get north", "get south", "ask", "get south"]


def test_a_part_that_is_gone_is_not_replaced_by_another(connection, gateway):
    """When the divisions are others now, the parts fetched before do not fit those of now."""
    gateway.keys = ("north", "south")
    _, south = connection.parts("SELECT")
    gateway.keys, gateway.streams = ("whole",), [LATE_TICKET]
    with pytest.raises(IncompleteResult):
        south.open()


def test_no_repr_shows_the_token(gateway):
    """Notebooks print what they hold."""
    with serving(gateway) as profile:
        secret = profile.model_copy(update={"token": "canary"})
        with Connection(secret) as connection:
            shown = [repr(part) for part in connection.parts("SELECT")]
            shown += [repr(secret), repr(connection), repr(connection.query("SELECT"))]
    assert "canary" not in "".join(shown)


def test_a_broken_profile_shows_no_token(tmp_path):
    """What is wrong with it is told without what stands in it."""
    (tmp_path / "profile.json").write_text('{"endpoint": "grpc://gateway:8815", "token": "canary"}')
    with pytest.raises(ValueError, match="expires_at") as raised:
        connect(tmp_path / "profile.json")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("endpoint", ["http://gateway:8815", "grpc+TLS://gateway:8815", "gateway:8815", "grpc://"])
def test_a_profile_names_how_to_connect(endpoint: str):
    """An address that is misspelt must not send the token in the clear."""
    with pytest.raises(ValueError, match="endpoint"):
        Profile(endpoint=endpoint, token="t", expires_at="", office="o")
