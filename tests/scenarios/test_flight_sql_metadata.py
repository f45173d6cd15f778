"""What drivers see of the catalogue through the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pyarrow.flight as flight
import pytest

from tests.cities import City
from tests.lone_gateway import lone_gateway

GRID = "grid-inspection"
HIDDEN = ("health_code", "access_log", "bank_account", "head_resident_id")


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """Nothing of a department is needed."""
    with lone_gateway(tmp_path_factory.mktemp("metadata")) as (city, _):
        yield city


def adbc(city: City, *, who: str = "nanjing-east-road", purpose: str = "") -> flight_sql.Connection:
    profile = city.profile(who)
    options = {"adbc.flight.sql.authorization_header": f"Bearer {profile.token}"}
    if purpose:
        options["adbc.flight.sql.rpc.call_header.x-sharing-purpose"] = purpose
    return flight_sql.connect(profile.endpoint, db_kwargs=options, autocommit=True)


def tables(objects: pa.RecordBatchReader) -> dict[str, list[str]]:
    """Return the columns of each table in what `adbc_get_objects` answers."""
    return {
        f"{schema['db_schema_name']}.{table['table_name']}": [c["column_name"] for c in table["table_columns"] or ()]
        for catalog in objects.read_all().to_pylist()
        for schema in catalog["catalog_db_schemas"]
        for table in schema["db_schema_tables"]
    }


@pytest.mark.parametrize("purpose", ["", GRID])
def test_a_driver_lists_what_the_catalogue_opens(lone: City, purpose: str) -> None:
    """Tables and columns are those of the requester's purposes, or of the declared one, and no other name is told."""
    with adbc(lone, purpose=purpose) as connection:
        found = tables(connection.adbc_get_objects(depth="all"))
    assert "phone" in found["population.resident"]
    assert ("population.household" in found) == (purpose == "")
    assert [name for name in HIDDEN if name in str(found)] == []


def test_twin_those_who_may_see_them_are_told(lone: City) -> None:
    """The twin: the hidden names exist, and the same call tells the auditor those that the auditor's purpose opens."""
    with adbc(lone, who="auditor") as connection:
        assert "access_log" in str(tables(connection.adbc_get_objects(depth="all")))


def test_a_driver_learns_what_the_server_is(lone: City) -> None:
    """Name and types of table are there before anything is asked."""
    with adbc(lone) as connection:
        assert connection.adbc_get_info()["vendor_name"] == "sharing-gateway"
        assert connection.adbc_get_table_types() == ["TABLE"]


def test_a_listed_flight_can_be_asked_for(lone: City) -> None:
    """Without any SQL: a flight of the list is decided as it stands, and has the columns it was listed with."""
    profile = lone.profile("nanjing-east-road")
    headers = [(b"authorization", f"Bearer {profile.token}".encode()), (b"x-sharing-purpose", b"enterprise-visits")]
    options = flight.FlightCallOptions(headers=headers)
    with flight.FlightClient(profile.endpoint.replace("grpc://", "grpc+tcp://")) as client:
        (listed,) = client.list_flights(b"%.licence", options)
        assert len(client.get_flight_info(listed.descriptor, options).endpoints) == 1
        schema = client.get_schema(listed.descriptor, options).schema
        assert {action.type for action in client.list_actions(options)} >= {"CancelFlightInfo", "SetSessionOptions"}
    assert (schema.names, schema.types) == (listed.schema.names, listed.schema.types)
