"""Emergencies: what they open, where, for how long, and what recipients owe afterwards."""

from __future__ import annotations

import time

import pytest
from pyarrow import flight

from gateway.client import RequestError, connect
from sharing_stubs.sharing.governance.v1 import governance_pb2 as pb
from tests.cities import PERMISSION_DENIED
from tests.fakes.endless_connector import endless_connector
from tests.governing import SIGNERS, declare_emergency, end_emergency, govern, owed, sign_agreement
from tests.lone_gateway import lone_gateway
from tests.subscribing import Clock

EPIDEMIC, VENUE = "epidemic-control", "venue-verification"
CODES = "SELECT colour, status FROM health.health_code WHERE colour <> 'green'"
INSIDE, OUTSIDE, DISTRICT, STREET = "changfeng", "nanjing-east-road", "310107", "310107014"
RECEIPT_SECONDS_MAX = 120
EMERGENCY_SECONDS = 1_000


def code_of(error: RequestError) -> str:
    assert error.status is PERMISSION_DENIED
    return error.reasons[0].code


def test_an_emergency_opens_its_purpose_in_its_area_and_nowhere_else(city):
    """Declared for one district: its street is served, another district's is denied, and after the end both are."""
    assert code_of(city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"
    declare_emergency(city, "putuo-1", area=DISTRICT, purposes=(EPIDEMIC, VENUE))
    answer = city.ask(CODES, purpose=EPIDEMIC, who=INSIDE)
    expected = city.truth(f"{CODES} AND starts_with(residence_division, '{STREET}') ORDER BY ALL")
    assert expected
    assert sorted(answer.rows) == expected
    assert code_of(city.refusal(CODES, purpose=EPIDEMIC, who=OUTSIDE)) == "EMERGENCY_NOT_DECLARED"

    end_emergency(city, "putuo-1")
    assert code_of(city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"


def test_an_emergency_opens_only_the_purposes_it_names(city):
    """A declaration for venue checks does not open the lists of red codes."""
    declare_emergency(city, "venues-1", area=DISTRICT, purposes=(VENUE,))
    assert code_of(city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"
    end_emergency(city, "venues-1")


@pytest.mark.parametrize("signers", [SIGNERS[:1], (SIGNERS[0], SIGNERS[0])], ids=["one signer", "one signer twice"])
def test_one_signer_declares_nothing(city, signers):
    """Nobody opens health codes alone."""
    with pytest.raises(RequestError) as refused:
        declare_emergency(city, "alone-1", area=DISTRICT, purposes=(EPIDEMIC,), signers=signers)
    assert refused.value.reasons[0].code == "GOVERNANCE_REFUSED"
    assert code_of(city.refusal(CODES, purpose=EPIDEMIC, who=INSIDE)) == "EMERGENCY_NOT_DECLARED"


def test_recipients_owe_destruction_receipts_when_it_ends(city):
    """Every result of the emergency is listed until its recipient says how it was destroyed."""
    declare_emergency(city, "putuo-2", area=DISTRICT, purposes=(EPIDEMIC,))
    entry = city.ask(CODES, purpose=EPIDEMIC, who=INSIDE).receipt["entry"]
    another = city.ask("SELECT count(*) FROM population.household", purpose="elderly-care-visits", who=INSIDE)
    assert entry not in owed(city, who="auditor")

    end_emergency(city, "putuo-2")
    assert owed(city, who=INSIDE).count(entry) == owed(city, who="auditor").count(entry) == 1
    assert entry not in owed(city, who=OUTSIDE)
    assert another.receipt["entry"] not in owed(city, who="auditor")

    destroyed = pb.RecordDestructionRequest(entry_id=entry, method="粉碎")
    with pytest.raises(RequestError):
        govern(city, "RecordDestruction", destroyed, who=OUTSIDE)
    govern(city, "RecordDestruction", destroyed, who=INSIDE)
    assert entry not in owed(city, who="auditor")
    assert city.entries(kind="destruction")[-1]["body"]["method"] == "粉碎"


@pytest.mark.parametrize("ended_by", ["the administrator", "time"])
def test_a_running_delivery_ends_with_the_emergency(tmp_path_factory, ended_by):
    """The stream of codes stops, its outcome is in the log, and what arrived is owed."""
    clock = Clock()
    with (
        lone_gateway(tmp_path_factory.mktemp("lone"), clock_seconds=clock) as (city, _),
        endless_connector(
            city, tmp_path_factory.mktemp("endless"), department="health", datasets=("health.health_code",)
        ),
    ):
        sign_agreement(city, "codes", controller="health", dataset="health.health_code", purpose=EPIDEMIC)
        declare_emergency(city, "putuo-3", area=DISTRICT, purposes=(EPIDEMIC,), seconds=EMERGENCY_SECONDS)
        connection = connect(city.profile(INSIDE))
        result = connection.query("SELECT colour, status FROM health.health_code", purpose=EPIDEMIC, case="")
        batches = result.batches()
        next(batches)
        if ended_by == "time":
            clock.ahead_seconds = EMERGENCY_SECONDS
        else:
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


def test_a_ticket_of_the_emergency_dies_with_it(city):
    """A query that was decided before the end and fetched after it gives nothing."""
    declare_emergency(city, "putuo-4", area=DISTRICT, purposes=(EPIDEMIC,))
    profile = city.profile(INSIDE)
    headers = [(b"authorization", f"Bearer {profile.token}".encode()), (b"x-sharing-purpose", EPIDEMIC.encode())]
    options = flight.FlightCallOptions(headers=headers)
    with flight.connect(profile.endpoint.replace("grpc://", "grpc+tcp://")) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(CODES.encode()), options)
        end_emergency(city, "putuo-4")
        with pytest.raises(flight.FlightUnauthorizedError, match="EMERGENCY_NOT_DECLARED"):
            client.do_get(info.endpoints[0].ticket, options).read_all()
