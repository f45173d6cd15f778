"""The Python client against a whole city."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pyarrow as pa
import pytest

from gateway.client import Connection, Denied, InvalidRequest, connect
from tests.cities import City

ELDERLY = "elderly-care-visits"
RESIDENTS = "SELECT name, phone, birth_date FROM population.resident"


@pytest.fixture(scope="module")
def connection(city: City) -> Iterator[Connection]:
    with connect(city.local.profiles / "nanjing-east-road.json") as connection:
        yield connection


def test_the_parts_of_a_result_are_the_result(connection: Connection):
    """Disjoint, complete, each with an entry and a receipt of its own, and named alike when they are asked for again."""
    whole = connection.query(RESIDENTS, purpose=ELDERLY).to_arrow()
    parts = connection.parts(RESIDENTS, purpose=ELDERLY)
    results = [part.open() for part in parts]
    table = pa.concat_tables([result.to_arrow().replace_schema_metadata() for result in results])
    order = [(name, "ascending") for name in whole.column_names]
    assert table.sort_by(order) == whole.replace_schema_metadata().sort_by(order)
    assert len({result.entry for result in results}) == len(parts) > 1
    assert [part.key for part in parts] == [part.key for part in connection.parts(RESIDENTS, purpose=ELDERLY)]


def test_what_is_computed_comes_in_one_part(connection: Connection):
    """Its key is empty."""
    (part,) = connection.parts(f"{RESIDENTS} ORDER BY birth_date", purpose=ELDERLY)
    assert part.key == ""
    assert part.open().to_arrow().num_rows > 0


def test_parameters_are_values(connection: Connection):
    """They give what literals give, and are never read as SQL."""
    born = datetime.date(1900, 1, 1)
    bound = connection.query(f"{RESIDENTS} WHERE birth_date > ?", purpose=ELDERLY, parameters=[born]).to_arrow()
    literal = connection.query(f"{RESIDENTS} WHERE birth_date > DATE '1900-01-01'", purpose=ELDERLY).to_arrow()
    assert bound.num_rows == literal.num_rows > 0
    assert set(bound["name"].to_pylist()) == set(literal["name"].to_pylist())
    named = f"{RESIDENTS} WHERE name = ? OR name = ?"
    assert connection.query(named, purpose=ELDERLY, parameters=["' OR '1'='1", None]).to_arrow().num_rows == 0
    with pytest.raises(InvalidRequest):
        connection.query(named, purpose=ELDERLY, parameters=["one only"])


def test_an_explanation_says_what_a_result_will_be(connection: Connection):
    """The same treatment, without a row being read."""
    explanation = connection.explain(RESIDENTS, purpose=ELDERLY)
    assert explanation.allow
    assert explanation.treatment == connection.query(RESIDENTS, purpose=ELDERLY).treatment
    assert "310101002" in explanation.rows["population.resident"].zh


def test_a_denial_says_why_and_what_next(connection: Connection):
    """In both languages, with its legal basis, and like the explanation does."""
    with pytest.raises(Denied) as denied:
        connection.query(RESIDENTS, purpose="epidemic-control")
    explanation = connection.explain(RESIDENTS, purpose="epidemic-control")
    assert not explanation.allow
    assert {reason.code for reason in denied.value.reasons} <= {reason.code for reason in explanation.denials}
    for reason in denied.value.reasons:
        assert reason.message
        assert reason.remedy
        assert reason.legal_basis
        assert f"[{reason.code}] {reason.message.zh} {reason.remedy.zh} / {reason.message.en}" in str(denied.value)


def test_the_catalogue_is_what_may_be_asked_for(connection: Connection):
    """Datasets, search, one dataset and purposes."""
    names = [dataset.name for dataset in connection.catalog.datasets()]
    assert "population.resident" in names
    assert connection.catalog.search("实有人口").datasets[0].name == "population.resident"
    assert "phone" in [column.name for column in connection.catalog.dataset("population.resident").columns]
    assert ELDERLY in [purpose.id for purpose in connection.catalog.purposes()]
