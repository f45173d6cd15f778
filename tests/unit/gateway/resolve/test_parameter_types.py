"""What a parameter stands for is told from where it stands."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from gateway.parse import parse, probe
from gateway.resolve import parameter_types, resolve, samples

TEXT, WHOLE, DAY = pa.string(), pa.int64(), pa.date32()
RESIDENT = "SELECT name FROM population.resident r WHERE "


@pytest.mark.parametrize(
    ("sql", "types"),
    [
        ("SELECT name FROM population.resident", []),
        (RESIDENT + "resident_id = ?", [TEXT]),
        (RESIDENT + "? <= birth_date AND birth_date < (?)", [DAY, DAY]),
        (RESIDENT + "birth_date BETWEEN ? AND ? OR sex IN (?, ?)", [DAY, DAY, TEXT, TEXT]),
        (RESIDENT + "name LIKE ? AND starts_with(name, 'x') = ?", [TEXT, pa.bool_()]),
        (RESIDENT + "extract(year FROM birth_date) > ? AND year(birth_date) + ? > 1", [WHOLE, WHOLE]),
        (RESIDENT + "substring(name, ?, ?) = ? AND coalesce(phone, ?) <> ''", [WHOLE, WHOLE, TEXT, TEXT]),
        (RESIDENT + "CAST(? AS DATE) > birth_date AND -? < 5", [DAY, WHOLE]),
        (RESIDENT + "CASE WHEN sex = ? THEN ? END = 'x'", [TEXT, pa.null()]),
        ("SELECT ? AS label, name FROM population.resident LIMIT ? OFFSET ?", [TEXT, WHOLE, WHOLE]),
        (
            "WITH n AS (SELECT residence_division AS d, count(*) AS n FROM population.resident GROUP BY 1) "
            "SELECT d FROM n WHERE n >= ? AND d = ?",
            [WHOLE, TEXT],
        ),
        (
            "SELECT lease_id FROM housing.lease JOIN housing.dwelling USING (dwelling_code) "
            "WHERE dwelling_code = ? AND monthly_rent > ? AND floor_area > ?",
            [TEXT, WHOLE, pa.float64()],
        ),
        ("SELECT x FROM no.such_table WHERE x = ?", [pa.null()]),
        (RESIDENT + "name = 'x' AND no_such_column = ?", [pa.null()]),
    ],
)
def test_a_parameter_has_the_type_of_what_it_is_compared_with(sql, types, engine_parser, catalogue) -> None:
    """Of a column, also through a CTE, of an expression, or of its cast; null where nothing tells."""
    probes = probe(sql)
    resolved = resolve(parse(sql, engine_parser=engine_parser, parameters=probes), catalogue=catalogue)
    assert list(parameter_types(resolved, probes=probes, catalogue=catalogue)) == types


def test_samples_differ_so_that_look_ups_count() -> None:
    """A look-up by three keys is prepared as one by three."""
    assert samples([TEXT, TEXT, WHOLE, DAY, pa.null()]) == ("1", "2", 3, datetime.date(2000, 1, 5), None)
    instants = samples([pa.timestamp("us", tz="UTC"), pa.timestamp("us")])
    assert [instant.tzinfo for instant in instants] == [datetime.UTC, None]
