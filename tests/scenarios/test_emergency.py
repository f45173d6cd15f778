"""Emergencies: what they open, where, for how long, and what recipients owe afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pyarrow import flight

from gateway.client import RequestError, connect
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from tests.cities import PERMISSION_DENIED, City, running_city
from tests.fakes.connectors import replaced_connector
from tests.governing import SIGNERS, declare_emergency, end_emergency, govern, owed

EPIDEMIC, VENUE = "epidemic-control", "venue-verification"
CODES = "SELECT colour, status FROM health.health_code WHERE colour <> 'green'"
INSIDE, OUTSIDE, DISTRICT, STREET = "changfeng", "nanjing-east-road", "310107", "310107014"
RECEIPT_SECONDS_MAX = 30


@pytest.fixture(scope="module")
def own_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city whose emergencies each test ends again."""
    with running_city(tmp_path_factory.mktemp("city"), residents=20_000) as city:
        yield city


def code_of(error: RequestError) -> str:
    assert error.status is PERMISSION_DENIED
    return error.reasons[0].code


def test_an_emergency_opens_its_purpose_in_its_area_and_nowhere_else(own_city):
    """Declared for one district: its street is served, another district's is denied, and after the end both are."""
    assert code_of(own_city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"
    declare_emergency(own_city, "putuo-1", area=DISTRICT, purposes=(EPIDEMIC, VENUE))
    answer = own_city.ask(CODES, purpose=EPIDEMIC, who=INSIDE)
    expected = own_city.truth(f"{CODES} AND starts_with(residence_division, '{STREET}') ORDER BY ALL")
    assert expected
    assert sorted(answer.rows) == expected
    assert code_of(own_city.refusal(CODES, purpose=EPIDEMIC, who=OUTSIDE)) == "EMERGENCY_NOT_DECLARED"

    end_emergency(own_city, "putuo-1")
    assert code_of(own_city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"


def test_an_emergency_opens_only_the_purposes_it_names(own_city):
    """A declaration for venue checks does not open the lists of red codes."""
    declare_emergency(own_city, "venues-1", area=DISTRICT, purposes=(VENUE,))
    assert code_of(own_city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"
    end_emergency(own_city, "venues-1")


@pytest.mark.parametrize("signers", [SIGNERS[:1], (SIGNERS[0], SIGNERS[0])], ids=["one signer", "one signer twice"])
def test_one_signer_declares_nothing(own_city, signers):
    """Nobody opens health codes alone."""
    with pytest.raises(RequestError) as refused:
        declare_emergency(own_city, "alone-1", area=DISTRICT, purposes=(EPIDEMIC,), signers=signers)
    assert refused.value.reasons[0].code == "GOVERNANCE_REFUSED"
    assert code_of(own_city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"


def test_recipients_owe_destruction_receipts_when_it_ends(own_city):
    """Every result of the emergency is listed until its recipient says how it was destroyed."""
    declare_emergency(own_city, "putuo-2", area=DISTRICT, purposes=(EPIDEMIC,))
    entry = own_city.ask(CODES, purpose=EPIDEMIC, who=INSIDE).receipt["entry"]
    another = own_city.ask("SELECT count(*) FROM population.household", purpose="elderly-care-visits", who=INSIDE)
    assert entry not in owed(own_city, who="auditor")

    end_emergency(own_city, "putuo-2")
    assert owed(own_city, who=INSIDE).count(entry) == owed(own_city, who="auditor").count(entry) == 1
    assert entry not in owed(own_city, who=OUTSIDE)
    assert another.receipt["entry"] not in owed(own_city, who="auditor")

    destroyed = pb.RecordDestructionRequest(entry_id=entry, method="粉碎")
    with pytest.raises(RequestError):
        govern(own_city, "RecordDestruction", destroyed, who=OUTSIDE)
    govern(own_city, "RecordDestruction", destroyed, who=INSIDE)
    assert entry not in owed(own_city, who="auditor")
    assert own_city.entries(kind="destruction")[-1]["body"]["method"] == "粉碎"


@pytest.mark.parametrize("seconds", [3600, 8], ids=["ended by the administrator", "its time is over"])
def test_a_running_delivery_ends_with_the_emergency(tmp_path_factory, seconds):
    """The stream of codes stops, its outcome is in the log, and what arrived is owed."""
    with (
        running_city(tmp_path_factory.mktemp("city"), residents=2_000) as city,
        replaced_connector(city, "health", batches=0),
    ):
        declare_emergency(city, "putuo-3", area=DISTRICT, purposes=(EPIDEMIC,), seconds=seconds)
        connection = connect(city.profile(INSIDE))
        result = connection.query("SELECT colour, status FROM health.health_code", purpose=EPIDEMIC, case="")
        batches = result.batches()
        next(batches)
        if seconds == 3600:
            end_emergency(city, "putuo-3")
        with pytest.raises(RequestError) as stopped:
            for _ in batches:
                pass
        connection.close()
        assert [reason.code for reason in stopped.value.reasons] == ["ACCESS_REVOKED", "EMERGENCY_NOT_DECLARED"]
        deadline = time.monotonic() + RECEIPT_SECONDS_MAX
        while not (found := city.entries(kind="receipt", purpose=EPIDEMIC)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert found[-1]["body"]["outcome"] == "revoked"
        assert owed(city, who="auditor") == [found[-1]["body"]["intent"]]


def test_a_ticket_of_the_emergency_dies_with_it(own_city):
    """A query that was decided before the end and fetched after it gives nothing."""
    declare_emergency(own_city, "putuo-4", area=DISTRICT, purposes=(EPIDEMIC,))
    profile = own_city.profile(INSIDE)
    headers = [(b"authorization", f"Bearer {profile.token}".encode()), (b"x-sharing-purpose", EPIDEMIC.encode())]
    options = flight.FlightCallOptions(headers=headers)
    with flight.connect(profile.endpoint.replace("grpc://", "grpc+tcp://")) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(CODES.encode()), options)
        end_emergency(own_city, "putuo-4")
        with pytest.raises(flight.FlightUnauthorizedError, match="EMERGENCY_NOT_DECLARED"):
            client.do_get(info.endpoints[0].ticket, options).read_all()
