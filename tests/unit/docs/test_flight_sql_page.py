"""docs/flight-sql.md lists what the door serves."""

from __future__ import annotations

from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind, Role
from gateway import headers
from gateway.doors.flight_sql import metadata
from gateway.doors.flight_sql.prepared import STATEMENT_SECONDS, STATEMENTS_PER_REQUESTER_MAX
from gateway.doors.flight_sql.shown_tables import shown_tables
from gateway.doors.flight_sql.tables import table_schema
from gateway.doors.flight_sql.tickets import TICKET_SECONDS, TICKETS_PER_REQUESTER_MAX
from gateway.doors.flight_sql.type_info import DATA_TYPES
from gateway.doors.offers import Offers
from gateway.errors import Bug
from gateway.model.requester import Requester
from sharing_stubs.arrow.flight import flight_pb2
from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from tests.unit.docs.pages import code, read, section, table

PAGE = read("flight-sql.md")


def listed(heading: str) -> list[list[str]]:
    """Return the rows of a section's table."""
    return table(section(PAGE, heading))


def is_metadata(name: str) -> bool:
    try:
        metadata.schema_of(getattr(flight_sql_pb2, name)())
    except Bug:
        return False
    return True


def test_every_call_is_listed():
    """The page has each method of the Flight service."""
    methods = flight_pb2.DESCRIPTOR.services_by_name["FlightService"].methods_by_name
    assert {name for row in listed("Calls") for name in code(row[0])} == set(methods)


def test_every_metadata_command_is_listed():
    """The page has each command that is answered from the catalogue."""
    names = [name for name in flight_sql_pb2.DESCRIPTOR.message_types_by_name if name.startswith("Command")]
    assert {code(row[0])[0] for row in listed("Metadata commands")} == set(filter(is_metadata, names))


def test_every_action_is_listed():
    """The page has each action with its description."""
    described = [[f"`{action.type}`", action.description.partition(" / ")[2]] for action in metadata.list_actions()]
    assert listed("Actions") == described


def test_every_type_is_listed():
    """The page has each SQL type with its number."""
    assert listed("Types") == [[f"`{kind.type_name}`", str(kind.data_type)] for kind in DATA_TYPES]


def test_every_header_is_listed():
    """The page has each header that declares something."""
    declared = {headers.PURPOSE, headers.CASE, headers.PARTIAL, headers.PARTS}
    assert {code(row[0])[0] for row in listed("Headers and session options")} == declared


def test_every_key_is_listed():
    """The page has each key that columns and tables carry, and no other."""
    steward = Requester(
        subject="steward",
        token_id="t",
        office="dept-public_security",
        office_kind=OfficeKind.DEPARTMENT,
        division_code="31",
        roles=frozenset({Role.STEWARD}),
        clearance="general-3",
        department="public_security",
    )
    offers = Offers(requester=steward, time=0, catalogue=load_catalogue(), emergencies=(), agreements=(), stops=())
    schemas = [table_schema(shown, offers=offers) for shown in shown_tables(offers, purpose="")]
    found = {
        "column": {key.decode() for schema in schemas for field in schema for key in field.metadata},
        "table": {key.decode() for schema in schemas for key in schema.metadata},
    }
    rows = listed("Metadata of columns and tables")
    for of, keys in found.items():
        assert {code(row[0])[0] for row in rows if row[1] in (of, "both")} == keys


def test_bounds_are_those_of_the_door():
    """Times and numbers in the text are the door's."""
    assert f"within {TICKET_SECONDS} seconds; a requester may hold {TICKETS_PER_REQUESTER_MAX}" in PAGE
    assert f"nobody uses for {STATEMENT_SECONDS // 60} minutes" in PAGE
    assert f"may hold {STATEMENTS_PER_REQUESTER_MAX}." in PAGE.replace("\n", " ")
