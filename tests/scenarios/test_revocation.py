"""What a running delivery was allowed on is taken back, and the delivery ends with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from pyarrow.flight import FlightCancelledError

from gateway.client import RequestError, Result, connect
from sharing_stubs.arrow.flight.flight_pb2 import CANCEL_STATUS_CANCELLED
from tests.cities import PERMISSION_DENIED, City
from tests.fakes.endless_connector import endless_connector
from tests.flight_sql_caller import calling
from tests.governing import lift_stops, restore_access, revoke_access, revoke_agreement, sign_agreement, stop
from tests.lone_gateway import lone_gateway

VISITS, CLERK = "enterprise-visits", "nanjing-east-road"
ENTERPRISES = "SELECT credit_code, name FROM legal_entity.enterprise"
CONTROLLER, DATASET = "market_supervision", "legal_entity.enterprise"
STOP_SECONDS_MAX = 15.0
"""The promise is one second, which `make bench` measures; these machines are noisy."""

Change = Callable[[City], None]


def revoke_the_agreement(city: City) -> None:
    revoke_agreement(city, "test-1", controller=CONTROLLER)


def sign_anew(city: City) -> None:
    sign_agreement(city, "test-2", controller=CONTROLLER, dataset=DATASET, purpose=VISITS)


def revoke_the_purpose(city: City) -> None:
    revoke_access(city, "PURPOSE", VISITS)


def restore_the_purpose(city: City) -> None:
    restore_access(city, "PURPOSE", VISITS)


def revoke_the_requester(city: City) -> None:
    revoke_access(city, "REQUESTER", CLERK)


def restore_the_requester(city: City) -> None:
    restore_access(city, "REQUESTER", CLERK)


def stop_it(kind: str, target: str, city: City) -> None:
    stop(city, kind, target, controller=CONTROLLER)


@pytest.fixture(scope="module")
def endless_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city whose market supervision never comes to the end of its enterprises, with one agreement about them."""
    with (
        lone_gateway(tmp_path_factory.mktemp("lone")) as (city, _),
        endless_connector(city, tmp_path_factory.mktemp("endless"), department=CONTROLLER, datasets=(DATASET,)),
    ):
        sign_agreement(city, "test-1", controller=CONTROLLER, dataset=DATASET, purpose=VISITS)
        sign_agreement(
            city, "homes", controller="housing", dataset="housing.dwelling", purpose="fire-safety-inspection"
        )
        yield city


@pytest.fixture
def running(endless_city: City) -> Iterator[Result]:
    """A delivery whose first rows have arrived."""
    connection = connect(endless_city.profile(CLERK))
    result = connection.query(ENTERPRISES, purpose=VISITS, case="")
    next(result.batches())
    yield result
    connection.close()


def open_intents(city: City) -> set[str]:
    closed = {entry["body"]["intent"] for entry in city.entries(kind="receipt", purpose=VISITS)}
    return {entry["entry_id"] for entry in city.entries(kind="intent", purpose=VISITS)} - closed


def ended(city: City) -> dict[str, object]:
    """Return the newest receipt once every delivery has one."""
    deadline = time.monotonic() + 120
    while open_intents(city):
        assert time.monotonic() < deadline, "the delivery goes on"
        time.sleep(0.1)
    receipt = city.entries(kind="receipt", purpose=VISITS)[-1]
    change = city.entries(kind="governance")[-1]
    assert (receipt["time_micros"] - change["time_micros"]) / 1e6 < STOP_SECONDS_MAX
    return receipt["body"]


@pytest.mark.parametrize(
    ("revoke", "restore"),
    [
        (revoke_the_purpose, restore_the_purpose),
        (revoke_the_requester, restore_the_requester),
        (partial(stop_it, "DATASET", DATASET), lift_stops),
        (partial(stop_it, "COLUMN", f"{DATASET}.name"), lift_stops),
        (partial(stop_it, "OFFICE", "310101002"), lift_stops),
        (partial(stop_it, "AGREEMENT", "test-1"), lift_stops),
        (revoke_the_agreement, sign_anew),
    ],
)
def test_a_delivery_ends_when_what_it_rests_on_is_revoked_or_stopped(
    endless_city: City, running: Result, revoke: Change, restore: Change
):
    """The recipient is told why, the log has the outcome, the next query is denied, and allowed again once it is restored."""
    revoke(endless_city)
    with pytest.raises(RequestError) as stopped:
        for _ in running.batches():
            pass
    assert stopped.value.status is PERMISSION_DENIED
    assert stopped.value.reasons[0].code == "ACCESS_REVOKED"
    receipt = ended(endless_city)
    assert (receipt["outcome"], receipt["reason"]) == ("revoked", "ACCESS_REVOKED")
    assert receipt["sent"]["rows"] > 0
    assert endless_city.refusal(ENTERPRISES, purpose=VISITS).status is PERMISSION_DENIED
    restore(endless_city)
    connection = connect(endless_city.profile(CLERK))
    assert next(connection.query(ENTERPRISES, purpose=VISITS, case="").batches()).num_rows
    connection.close()


def test_a_recipient_who_does_not_read_cannot_keep_a_delivery_open(endless_city: City, running: Result):
    """Nobody reads the stream; it ends all the same."""
    time.sleep(3)  # until the buffers between both are full
    revoke_the_purpose(endless_city)
    assert ended(endless_city)["outcome"] == "revoked"
    restore_the_purpose(endless_city)


def test_a_requester_cancels_a_running_delivery(endless_city: City):
    """CancelFlightInfo ends it, the reader is told, and the receipt says who wanted it so."""
    with calling(endless_city.profile(CLERK), x_sharing_purpose=VISITS) as clerk:
        info = clerk.info(ENTERPRISES)
        reader = clerk.open(info.endpoints[0].ticket)
        assert reader.read_chunk().data.num_rows
        assert clerk.cancel(info) == CANCEL_STATUS_CANCELLED
        with pytest.raises(FlightCancelledError, match="QUERY_CANCELLED"):  # read_all() would raise KeyboardInterrupt
            for _ in reader:
                pass
    while open_intents(endless_city):
        time.sleep(0.1)
    receipt = endless_city.entries(kind="receipt", purpose=VISITS)[-1]["body"]
    assert (receipt["outcome"], receipt["reason"]) == ("cancelled", "QUERY_CANCELLED")


def test_twin_a_revocation_that_does_not_concern_it_leaves_a_delivery_alone(endless_city: City, running: Result):
    """Another department's agreement and office, another column, another requester: the stream goes on."""
    revoke_agreement(endless_city, "homes", controller="housing")
    stop(endless_city, "OFFICE", "310101002", controller="housing")
    stop_it("COLUMN", f"{DATASET}.employees", endless_city)
    stop_it("OFFICE", "310107014", endless_city)
    revoke_access(endless_city, "REQUESTER", "changfeng")
    batches = running.batches()
    until = time.monotonic() + 3
    while time.monotonic() < until:
        next(batches)
    assert open_intents(endless_city)
