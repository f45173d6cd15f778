"""A result is read once, in whatever form, and says what it is."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.client import Connection, IncompleteResult, RequestError, connect
from gateway.client.stream import FlightStream
from sharing_stubs.arrow.flight import flight_pb2
from tests.fakes.flight_server import RECEIPT, FakeGateway, cut, serving, whole
from tests.python_clients import run_python


@pytest.fixture(scope="module")
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture(scope="module")
def connection(gateway: FakeGateway) -> Iterator[Connection]:
    with serving(gateway) as profile, connect(profile) as connection:
        yield connection


def test_every_form_holds_the_same_rows(connection):
    """Arrow, a stream for other libraries, and batches."""
    expected = [{"x": row, "y": str(row)} for row in range(6)]
    assert connection.query("SELECT").to_arrow().to_pylist() == expected
    assert connection.query("SELECT").reader().read_all().to_pylist() == expected
    assert [batch.num_rows for batch in connection.query("SELECT").batches()] == [3, 3]


def test_frames_hold_the_same_rows(gateway, tmp_path):
    """pandas and polars, also when polars reads the stream itself."""
    program = """
import polars
from gateway.client import connect
with connect("profile.json") as connection:
    print(connection.query("SELECT").to_pandas().to_dict("records"))
    print(connection.query("SELECT").to_polars().to_dicts())
    print(polars.from_arrow(connection.query("SELECT").reader()).to_dicts())
"""
    expected = [{"x": row, "y": str(row)} for row in range(6)]
    with serving(gateway) as profile:
        (tmp_path / "profile.json").write_text(profile.model_dump_json(exclude_none=True))
        assert run_python(program, cwd=tmp_path) == f"{expected}\n" * 3


def test_a_stream_for_other_libraries_fails_when_it_is_cut(connection, gateway):
    """No library takes the rows that came for all of them."""
    gateway.streams = [cut(whole()[:2])]
    with pytest.raises(IncompleteResult):
        connection.query("SELECT").reader().read_all()


def test_a_result_that_lacks_a_batch_is_not_whole(connection, gateway):
    """The receipt says how many rows were sent."""
    gateway.streams = [cut([*whole()[:2], whole()[-1]], status=None)]
    with pytest.raises(IncompleteResult, match="3 rows came of 6"):
        connection.query("SELECT").to_arrow()


def test_twin_an_arrow_reader_takes_it_for_whole():
    """Without the receipt, the three rows that came look like a result of three rows."""
    schema, first, _, end = (flight_pb2.FlightData.FromString(message) for message in whole())
    assert pa.ipc.open_stream(FlightStream(iter([schema, first, end]))).read_all().num_rows == 3


def test_a_result_becomes_a_folder_of_parquet(connection, gateway, tmp_path):
    """It can be scanned, holds its receipt, and does not appear when the stream was cut."""
    written = connection.query("SELECT").to_dataset(tmp_path / "whole")
    assert written.count_rows() == 6
    (file,) = (tmp_path / "whole").iterdir()
    assert json.loads(pq.read_metadata(file).metadata[b"sharing.receipt"]) == RECEIPT
    gateway.streams = [cut(whole()[:2])]
    with pytest.raises(IncompleteResult):
        connection.query("SELECT").to_dataset(tmp_path / "cut")
    assert not (tmp_path / "cut").exists()


def test_a_result_says_what_was_done_to_it(connection):
    """Before its first row is looked at."""
    with connection.query("SELECT") as result:
        assert (result.entry, result.missing) == ("e-1", ())
        assert result.treatment == {"a.b": {"x": "clear", "y": "phone"}}
        assert result.expires_at == datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC)


def test_the_receipt_comes_last(connection):
    """Until then there is none, and no time as of which the data was true."""
    result = connection.query("SELECT")
    with pytest.raises(IncompleteResult):
        _ = result.receipt
    for _ in result.batches():
        pass
    assert result.receipt == RECEIPT
    assert result.as_of == {"a.b": datetime.datetime(1970, 1, 1, 0, 1, tzinfo=datetime.UTC)}


def test_progress_is_told_with_rows_and_bytes(connection):
    """After every batch, so far."""
    told: list[tuple[int, int]] = []
    connection.query("SELECT", on_progress=lambda rows, size: told.append((rows, size))).to_arrow()
    assert [rows for rows, _ in told] == [3, 6]
    assert 0 < told[0][1] < told[1][1]


def test_a_closed_result_does_not_pass_for_a_whole_one(connection):
    """What was not read before is not there."""
    with connection.query("SELECT") as result:
        pass
    with pytest.raises(RequestError):
        result.to_arrow()
