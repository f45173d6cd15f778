"""Statements that are prepared once and run with values."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.flight as flight
import pytest

from sharing_stubs.arrow.flight.sql import flight_sql_pb2
from tests.cities import City
from tests.flight_sql_caller import Caller, calling, row

ELDERLY = "elderly-care-visits"
BORN_BEFORE = "SELECT name, birth_date FROM population.resident WHERE birth_date < ? AND sex = ? ORDER BY 2, 1 LIMIT ?"


@pytest.fixture
def clerk(city: City):
    with calling(city.profile("nanjing-east-road"), x_sharing_purpose=ELDERLY) as caller:
        yield caller


def schema_of(encoded: bytes) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(encoded))


def test_a_statement_tells_what_it_takes_and_gives(clerk: Caller):
    """Types of parameters and of the result are told before anything is read, and agree with what comes."""
    made = clerk.prepare(BORN_BEFORE)
    assert schema_of(made.parameter_schema).types == [pa.date32(), pa.string(), pa.int64()]
    result = clerk.execute(made.prepared_statement_handle, datetime.date(1950, 1, 1), "2", 3)
    assert schema_of(made.dataset_schema) == result.schema.remove_metadata()
    command = flight_sql_pb2.CommandPreparedStatementQuery(prepared_statement_handle=made.prepared_statement_handle)
    assert clerk.schema(command) == schema_of(made.dataset_schema)


def test_a_statement_runs_as_often_as_wanted(city: City, clerk: Caller):
    """Each run answers for the values that were bound last, as the statement with them written in it."""
    handle = clerk.prepare(BORN_BEFORE).prepared_statement_handle
    for day, sex, limit in ((datetime.date(2020, 1, 1), "2", 3), (datetime.date(2010, 6, 30), "1", 2)):
        written = BORN_BEFORE.replace("?", "DATE '{}'", 1).replace("?", "'{}'", 1).replace("?", "{}", 1)
        expected = [born for _, born in city.ask(written.format(day, sex, limit), purpose=ELDERLY).rows]
        assert expected
        assert clerk.execute(handle, day, sex, limit)["birth_date"].to_pylist() == expected
        assert clerk.execute(handle)["birth_date"].to_pylist() == expected


def test_a_statement_without_parameters_runs_at_once(clerk: Caller):
    """As drivers do with every statement: prepare, run, close."""
    made = clerk.prepare("SELECT count(*) AS n FROM population.resident")
    assert schema_of(made.parameter_schema).names == []
    (counted,) = clerk.execute(made.prepared_statement_handle)["n"].to_pylist()
    assert counted > 0


def test_nothing_matches_null(clerk: Caller):
    """NULL is a value that nothing equals, as in SQL."""
    handle = clerk.prepare("SELECT name FROM population.resident WHERE name = ?").prepared_statement_handle
    assert clerk.execute(handle, None).num_rows == 0


def test_a_run_without_values_or_with_too_few_is_refused(clerk: Caller):
    """The driver hears it from the bind or from the run, as INVALID_ARGUMENT."""
    handle = clerk.prepare(BORN_BEFORE).prepared_statement_handle
    with pytest.raises(pa.ArrowInvalid, match="PARAMETERS_INVALID"):
        clerk.prepared_info(handle)
    with pytest.raises(pa.ArrowInvalid, match="PARAMETERS_INVALID"):
        clerk.bind(handle, row("2"))
    with pytest.raises(pa.ArrowInvalid, match="PARAMETERS_INVALID"):
        clerk.info(BORN_BEFORE)


def test_what_may_not_be_asked_cannot_be_prepared(city: City, clerk: Caller):
    """A denial comes when a statement is prepared, and is in the log; samples name nobody in it."""
    with pytest.raises(flight.FlightUnauthorizedError, match="NOT_AVAILABLE"):
        clerk.prepare("SELECT marital_status FROM population.resident WHERE resident_id = ?")
    denial = city.entries(kind="denial", requester="nanjing-east-road")[-1]["body"]
    assert denial["sql"].endswith('"resident_id" = ?')
    assert all(not dataset.get("people") for dataset in denial["datasets"])


def test_the_schema_of_a_statement_is_that_of_its_result(clerk: Caller):
    """GetSchema decides the statement and reads nothing."""
    sql = "SELECT sex, count(*) AS n, avg(extract(year FROM birth_date)) AS y FROM population.resident GROUP BY sex"
    told = clerk.schema(sql)
    assert told == clerk.fetch(clerk.info(sql).endpoints[0].ticket).schema.remove_metadata()
    with pytest.raises(OSError, match="NOT_AVAILABLE"):  # pyarrow has no error of its own for GetSchema
        clerk.schema("SELECT marital_status FROM population.resident")


def test_the_purpose_may_come_with_the_session(city: City):
    """SetSessionOptions answers with a cookie; a client that sends it back need not send headers, which outrank it."""
    profile, sql = city.profile("nanjing-east-road"), "SELECT count(*) AS n FROM population.resident"
    with calling(profile) as clerk:
        cookie = clerk.cookie(purpose=ELDERLY)
        with pytest.raises(flight.FlightUnauthorizedError, match="PURPOSE_MISSING"):
            clerk.info(sql)
    with calling(profile, cookie=cookie) as clerk:
        assert clerk.fetch(clerk.info(sql).endpoints[0].ticket).num_rows == 1
    with (
        calling(profile, cookie=cookie, x_sharing_purpose="no-such-purpose") as clerk,
        pytest.raises(flight.FlightUnauthorizedError, match="PURPOSE_UNKNOWN"),
    ):
        clerk.info(sql)
