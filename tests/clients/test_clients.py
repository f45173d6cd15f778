"""Real drivers at a real gateway: programs print what docs/tools shows; ADBC's further calls do what they promise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import adbc_driver_flightsql.dbapi as flight_sql
import pyarrow as pa
import pytest

from tests.benchmarks.deployment import PURPOSE
from tests.clients.served import BUILD, Served, built
from tests.python_clients import run_python
from tests.unit.docs.pages import blocks, code, read, section, table

DOCUMENTED_PURPOSE = "enterprise-visits"
"""In the pages, where the tests have `PURPOSE`."""
ROWS = "SELECT ints, strings FROM validation.sample_test"
HEADER = "adbc.flight.sql.rpc.call_header.x-sharing-purpose"
WORDS = {"FAIL": "fails", "SKIP": "is skipped"}
JAVA = ("java", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp")


def programs(page: str) -> Iterator[tuple[str, str]]:
    """Yield each Python program of a page and what the page says it prints."""
    listed = blocks(read(page))
    for (info, program), (_, printed) in pairwise(listed):
        if info == "python client":
            yield program.replace(DOCUMENTED_PURPOSE, PURPOSE), printed


def printed_by_others(page: str) -> list[str]:
    """Return what the page says that programs print whose code is elsewhere."""
    listed = blocks(read(page))
    return [text for (before, _), (info, text) in pairwise(listed) if info == "text" and before != "python client"]


PYTHON = [
    pytest.param(*shown, id=f"{page}-{number}")
    for page in ("tools/adbc.md", "tools/python.md")
    for number, shown in enumerate(programs(page), 1)
]


@pytest.mark.parametrize(("program", "printed"), PYTHON)
def test_python_tools_print_what_their_page_shows(served: Served, tmp_path, program, printed):
    """ADBC, pandas, polars, DuckDB, SQLAlchemy and pyarrow.flight list, prepare, stream, cancel and are refused as shown."""
    profile = {"endpoint": served.deployment.endpoint, "token": served.deployment.token, "expires_at": "", "office": ""}
    (tmp_path / "profile.json").write_text(json.dumps(profile))
    assert run_python(program, cwd=tmp_path) == printed


def test_the_jdbc_driver_does_what_its_page_shows(served: Served):
    """A Java program lists tables, columns and keys, prepares, reads a million rows, cancels and is refused with a remedy."""
    program = built(BUILD / "jdbc" / "jdbc-client.jar", by="jdbc-client", required="REQUIRE_JDBC")
    printed = served.run([*JAVA, f"{program}:{program.parent / 'flight-sql-jdbc-driver.jar'}", "JdbcClient"])
    assert [printed] == printed_by_others("tools/jdbc.md")


def test_the_driver_in_go_does_what_its_page_shows(served: Served):
    """A Go program lists tables, prepares, cancels and is refused with a remedy."""
    printed = served.run([str(built(BUILD / "go" / "adbc-client", by="go-clients", required="REQUIRE_GO"))])
    assert [printed] == printed_by_others("tools/adbc.md")


def test_a_million_rows_come():
    """What the pages call streamed is a million rows and more."""
    pages = "".join(read(page) for page in ("tools/adbc.md", "tools/jdbc.md"))
    streamed = [int(rows.replace(",", "")) for rows in re.findall(r"^streamed: ([\d,]+) rows$", pages, re.MULTILINE)]
    assert len(streamed) == 2
    assert min(streamed) >= 1_000_000


def test_the_adbc_project_s_own_suite_says_what_its_page_shows(served: Served):
    """Each test of the published validation suite passes, or the page says why it does not."""
    program = built(BUILD / "go" / "adbc-validation", by="go-clients", required="REQUIRE_GO")
    environment = {
        "SHARING_ENDPOINT": served.deployment.endpoint,
        "SHARING_PURPOSE": PURPOSE,
        "SHARING_VERSION": version("sharing-gateway"),
        "SHARING_ARROW_VERSION": pa.__version__,
    }
    said = served.run([str(program), "-test.v"], environment=environment, succeeds=False)
    others = re.findall(r"^    --- (FAIL|SKIP): \w+/(\w+)", said, re.MULTILINE)
    passed = len(re.findall(r"^    --- PASS: ", said, re.MULTILINE))
    page = section(read("tools/adbc.md"), "The ADBC project's validation suite")
    assert [(code(name)[0], outcome) for name, outcome, _ in table(page)] == [
        (name, WORDS[outcome]) for outcome, name in others
    ]
    assert f"**{passed} tests pass**" in page


def connect(served: Served, **options: str) -> Any:
    authorization = {"adbc.flight.sql.authorization_header": f"Bearer {served.deployment.token}"}
    return flight_sql.connect(served.deployment.endpoint, db_kwargs=authorization | options, autocommit=True)


@pytest.fixture
def cursor(served: Served) -> Iterator[Any]:
    """A cursor that declares the purpose in a header."""
    with connect(served, **{HEADER: PURPOSE}) as connection, connection.cursor() as made:
        yield made


def test_a_prepared_statement_tells_its_parameters(cursor):
    """The driver learns how many values a statement takes, and of which types."""
    schema = cursor.adbc_prepare(f"{ROWS} WHERE ints = ? AND strings LIKE ? LIMIT ?")
    assert schema.types == [pa.int64(), pa.string(), pa.int64()]


def test_a_statement_tells_its_columns_before_it_runs(cursor):
    """The columns of a result are known without running it."""
    assert cursor.adbc_execute_schema(f"{ROWS} LIMIT 1").types == [pa.int64(), pa.string()]


def test_values_come_back_as_they_were_bound(cursor):
    """Numbers, texts and null are bound by their type; text is never read as SQL."""
    cursor.execute("SELECT ints FROM validation.sample_test WHERE strings = ? OR ints < ?", ("' OR 1 = 1 --", -1))
    assert cursor.fetchall() == [(-42,)]
    cursor.execute("SELECT ints FROM validation.sample_test WHERE strings = ?", (None,))
    assert cursor.fetchall() == []


def test_too_few_values_are_an_error(cursor):
    """A statement with two parameters and one value is not run."""
    with pytest.raises(flight_sql.Error, match="PARAMETERS_INVALID"):
        cursor.execute(f"{ROWS} WHERE ints = ? AND strings = ?", (42,))


def test_only_one_row_of_values_is_bound(cursor):
    """A statement is asked with one row of values at a time."""
    with pytest.raises(flight_sql.Error, match="PARAMETERS_INVALID"):
        cursor.execute(f"{ROWS} WHERE ints = ?", pa.table({"1": [42, -42]}))


def test_a_result_is_read_by_its_partitions(served: Served, cursor):
    """Each partition can be read on another connection of the same requester."""
    partitions, _ = cursor.adbc_execute_partitions(ROWS)
    with connect(served) as another, another.cursor() as reader:
        rows = 0
        for partition in partitions:
            reader.adbc_read_partition(partition)
            rows += reader.fetch_arrow_table().num_rows
    assert rows == 3


def test_the_purpose_may_be_a_session_option(served: Served):
    """A driver that keeps cookies declares the purpose once."""
    cookies = {"adbc.flight.sql.rpc.with_cookie_middleware": "true"}
    with connect(served, **cookies) as connection, connection.cursor() as asking:
        with pytest.raises(flight_sql.Error, match="PURPOSE_MISSING"):
            asking.execute(ROWS)
        connection.adbc_connection.set_options(**{"adbc.flight.sql.session.option.purpose": PURPOSE})
        asking.execute(ROWS)
        assert len(asking.fetchall()) == 3


@pytest.mark.parametrize("sql", ["DELETE FROM validation.sample_test", "CREATE TABLE mine AS SELECT 1"])
def test_nothing_is_written(cursor, sql):
    """A statement that writes is refused with what to do instead."""
    with pytest.raises(flight_sql.Error, match="QUERY_NOT_READ_ONLY"):
        cursor.execute(sql)


def test_bulk_loads_are_refused(cursor):
    """A table cannot be loaded into the gateway."""
    with pytest.raises(flight_sql.Error, match="QUERY_NOT_READ_ONLY"):
        cursor.adbc_ingest("mine", pa.table({"a": [1]}))
