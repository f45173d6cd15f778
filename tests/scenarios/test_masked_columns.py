"""Masked columns behave as if the masked values were the only ones.

The oracle masks first, by functions of its own on single values, and runs the requester's SQL over the masked copy. The same SQL
over the raw rows of the street gives another answer in every case, so each case can tell the two apart.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cities import City

WHO, STREET = "changfeng", "310107014"
GRID, OUTREACH, FIRE = "grid-inspection", "vaccination-outreach", "fire-safety-inspection"
Mask = Callable[[Any], Any]


def surname(name: str) -> str:
    kept = 2 if name[:2] in {"欧阳", "诸葛", "上官"} and len(name) > 2 else 1
    return name[:kept] + "*" * (len(name) - kept)


def ends_of(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"


def road(address: str) -> str:
    """Sample addresses have their first digit right behind the road."""
    return re.split(r"\d", address)[0] + "**"


def pseudonym(value: str) -> str:
    """Any other text that differs when the value differs; no case shows one."""
    return f"someone {value[::-1]}"


def new_year(day: datetime.date) -> datetime.date:
    return datetime.date(day.year, 1, 1)


def five_years(day: datetime.date) -> datetime.date:
    return datetime.date(day.year // 5 * 5, 1, 1)


def month(day: datetime.date) -> datetime.date:
    return day.replace(day=1)


def bucket(number: int) -> int:
    return max(bound for bound in (0, 10, 50, 100, 300, 1000) if bound <= number)


MASKS: Mapping[str, Mapping[str, Mapping[str, Mask]]] = {
    GRID: {
        "population.resident": {
            "resident_id": pseudonym,
            "household_id": pseudonym,
            "name": surname,
            "phone": ends_of,
            "residence_address": road,
            "birth_date": new_year,
        },
        "housing.dwelling": {"address": road},
        "housing.lease": {"lessee_resident_id": pseudonym, "lessee_name": surname, "lessee_phone": ends_of},
        "legal_entity.enterprise": {"legal_representative": surname},
    },
    OUTREACH: {
        "health.vaccination": {"resident_id": pseudonym, "vaccinated_date": month},
        "population.resident": {"resident_id": pseudonym, "birth_date": five_years},
    },
    FIRE: {
        "population.resident": {"resident_id": pseudonym, "birth_date": new_year},
        "legal_entity.enterprise": {"employees": bucket},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """The street's rows, as DuckDB databases: raw, and for each purpose masked first."""

    resident: Mapping[str, Any]
    """One with a telephone; nothing but the masks hides who it is."""
    raw: duckdb.DuckDBPyConnection
    masked: Mapping[str, duckdb.DuckDBPyConnection]


def of_the_street(city: City, dataset: str) -> pa.Table:
    table = pq.read_table(city.data / "city" / f"{dataset}.parquet")
    division = next(name for name in ("residence_division", "division_code") if name in table.column_names)
    return table.filter(pa.array([code.as_py().startswith(STREET) for code in table.column(division)]))


def masked(table: pa.Table, masks: Mapping[str, Mask]) -> pa.Table:
    columns = {
        name: [v if v is None or name not in masks else masks[name](v) for v in table.column(name).to_pylist()]
        for name in table.column_names
    }
    return pa.Table.from_pydict(columns, schema=table.schema)


def database(tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name, rows in tables.items():
        connection.register("rows", rows)
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows")
    return connection


@pytest.fixture(scope="module")
def copies(city: City) -> Copies:
    tables = {name: of_the_street(city, name) for masks in MASKS.values() for name in masks}
    return Copies(
        resident=next(row for row in tables["population.resident"].to_pylist() if row["phone"]),
        raw=database(tables),
        masked={
            purpose: database({name: masked(tables[name], columns) for name, columns in masks.items()})
            for purpose, masks in MASKS.items()
        },
    )


RESIDENT, LEASE = "population.resident", "housing.lease"
STATEMENTS: Mapping[str, Mapping[str, str]] = {
    GRID: {
        "equals the mask": f"SELECT count(*) FROM {RESIDENT} WHERE name = '{{masked_name}}'",
        "equals the raw name": f"SELECT phone FROM {RESIDENT} WHERE name = '{{name}}'",
        "equals the raw phone": f"SELECT name FROM {RESIDENT} WHERE phone = '{{phone}}'",
        "differs from the raw phone": f"SELECT count(*) FROM {RESIDENT} WHERE phone <> '{{phone}}'",
        "like the given name": f"SELECT count(*) FROM {RESIDENT} WHERE name LIKE '%{{given}}'",
        "like as many characters": f"SELECT name, count(*) FROM {RESIDENT} WHERE name LIKE '{{surname}}__' GROUP BY name",
        "like a house number": f"SELECT count(*) FROM {RESIDENT} WHERE residence_address LIKE '%1弄%'",
        "not like": f"SELECT count(*) FROM {RESIDENT} WHERE residence_address NOT LIKE '%**'",
        "contains, starts, ends": f"SELECT count(*) FROM {RESIDENT} WHERE contains(phone, '{{middle}}') "
        "OR ends_with(name, '*') AND starts_with(phone, '13') OR strpos(phone, '****') = 4",
        "range of text": f"SELECT phone FROM {RESIDENT} WHERE phone > '1380' AND phone < '1389' ORDER BY phone",
        "range of dates": f"SELECT count(*) FROM {RESIDENT} "
        "WHERE birth_date > DATE '1950-01-01' AND birth_date < DATE '1950-12-31'",
        "between": f"SELECT name FROM {RESIDENT} WHERE birth_date BETWEEN DATE '1960-06-01' AND DATE '1961-01-01' ORDER BY name",
        "in": f"SELECT count(*) FROM {RESIDENT} WHERE birth_date IN (DATE '1955-01-01', DATE '1980-01-01', DATE '1990-05-05')",
        "in a query": f"SELECT name, count(*) FROM {RESIDENT} WHERE name IN (SELECT lessee_name FROM {LEASE}) GROUP BY name",
        "exists": f"SELECT count(*) FROM {RESIDENT} r WHERE EXISTS (SELECT 1 FROM {LEASE} l "
        "WHERE l.lessee_name = r.name AND l.lessee_phone <> r.phone)",
        "order by, limit": f"SELECT name, phone FROM {RESIDENT} ORDER BY name DESC, phone LIMIT 15",
        "order by, offset": f"SELECT birth_date, residence_address FROM {RESIDENT} "
        "ORDER BY residence_address, birth_date LIMIT 9 OFFSET 40",
        "order by what is not shown": f"SELECT sex FROM {RESIDENT} ORDER BY birth_date, sex LIMIT 60",
        "group by": f"SELECT name, count(*) FROM {RESIDENT} GROUP BY name",
        "group by an expression": f"SELECT left(phone, 5), length(name), count(*) FROM {RESIDENT} GROUP BY 1, 2",
        "having": f"SELECT residence_address, count(*) FROM {RESIDENT} GROUP BY residence_address HAVING count(*) > 12",
        "having on the mask": f"SELECT sex FROM {RESIDENT} GROUP BY sex HAVING max(name) LIKE '%*' AND min(phone) LIKE '%****%'",
        "distinct": f"SELECT DISTINCT residence_address FROM {RESIDENT}",
        "min and max": f"SELECT min(name), max(name), min(phone), max(phone), min(birth_date), max(birth_date) FROM {RESIDENT}",
        "count distinct": f"SELECT count(DISTINCT name), count(DISTINCT phone), count(DISTINCT birth_date) FROM {RESIDENT}",
        "join on two masks": f"SELECT r.name, l.lessee_phone, l.occupants FROM {RESIDENT} r "
        f"JOIN {LEASE} l ON l.lessee_name = r.name AND left(l.lessee_phone, 7) = left(r.phone, 7)",
        "join on a mask": f"SELECT count(*) FROM {RESIDENT} r JOIN legal_entity.enterprise e ON e.legal_representative = r.name",
        "join with oneself": f"SELECT count(*) FROM {RESIDENT} a JOIN {RESIDENT} b USING (name) "
        "WHERE a.resident_id <> b.resident_id",
        "join on addresses": f"SELECT d.address, count(DISTINCT r.resident_id) FROM {RESIDENT} r "
        "JOIN housing.dwelling d ON d.address = r.residence_address GROUP BY d.address",
        "join on pseudonyms, show masks": f"SELECT r.name, r.birth_date, l.lease_start FROM {RESIDENT} r "
        f"JOIN {LEASE} l ON l.lessee_resident_id = r.resident_id",
        "outer join": f"SELECT count(*), count(r.name) FROM {LEASE} l LEFT JOIN {RESIDENT} r ON r.name = l.lessee_name",
        "set operation": f"SELECT name FROM {RESIDENT} INTERSECT SELECT lessee_name FROM {LEASE}",
        "case": f"SELECT CASE WHEN name LIKE '%*' THEN 'masked' WHEN phone IS NULL THEN 'none' ELSE name END AS seen, count(*) "
        f"FROM {RESIDENT} GROUP BY seen",
        "aggregate with a filter": f"SELECT count(*) FILTER (WHERE month(birth_date) = 1 AND day(birth_date) = 1), "
        f"sum(CASE WHEN name = '{{name}}' THEN 1 ELSE 0 END) FROM {RESIDENT}",
        "window": f"SELECT name, rank() OVER (ORDER BY birth_date) AS place FROM {RESIDENT} ORDER BY place, name LIMIT 30",
        "window by groups": f"SELECT birth_date, count(*) OVER (PARTITION BY name, birth_date) AS alike FROM {RESIDENT} "
        "ORDER BY alike DESC, birth_date LIMIT 20",
        "text functions": f"SELECT DISTINCT right(name, 1), substring(phone, 4, 4), upper(right(residence_address, 2)) "
        f"FROM {RESIDENT}",
        "comparison of two masks": f"SELECT count(*) FROM {LEASE} l JOIN {RESIDENT} r ON r.resident_id = l.lessee_resident_id "
        "WHERE l.lessee_name || '*' > r.name || '!' AND length(r.phone) = 11 AND r.phone LIKE '___****____'",
    },
    OUTREACH: {
        "age bands": f"SELECT birth_date, count(*) FROM {RESIDENT} GROUP BY birth_date",
        "an age inside a band": f"SELECT count(*) FROM {RESIDENT} "
        "WHERE birth_date >= DATE '1948-01-01' AND birth_date < DATE '1950-01-01'",
        "months": "SELECT vaccinated_date, count(*) FROM health.vaccination GROUP BY vaccinated_date",
        "two generalised dates": f"SELECT r.birth_date, max(v.vaccinated_date), count(DISTINCT r.resident_id) FROM {RESIDENT} r "
        "JOIN health.vaccination v ON v.resident_id = r.resident_id GROUP BY r.birth_date",
    },
    FIRE: {
        "buckets": "SELECT employees, count(*) FROM legal_entity.enterprise GROUP BY employees",
        "inside a bucket": "SELECT count(*) FROM legal_entity.enterprise WHERE employees > 10 AND employees < 50",
        "arithmetic": "SELECT sum(employees), avg(employees), max(employees), min(employees + 1) FROM legal_entity.enterprise",
        "order by buckets": "SELECT employees, credit_code FROM legal_entity.enterprise ORDER BY employees DESC NULLS LAST, "
        "credit_code LIMIT 12",
        "null stays null": "SELECT name FROM legal_entity.enterprise WHERE employees IS NULL OR employees = 0",
    },
}


CASES = [
    pytest.param(purpose, sql, id=f"{purpose}: {what}")
    for purpose, statements in STATEMENTS.items()
    for what, sql in statements.items()
]


def aimed(sql: str, resident: Mapping[str, Any]) -> str:
    """Put a resident of the street into a statement."""
    name, phone = resident["name"], resident["phone"]
    words = {"name": name, "masked_name": surname(name), "surname": name[0], "given": name[-1], "phone": phone}
    return sql.format(middle=phone[3:7], **words)


@pytest.mark.parametrize(("purpose", "sql"), CASES)
def test_a_masked_column_behaves_as_its_masked_values(city: City, copies: Copies, purpose: str, sql: str) -> None:
    """Conditions, order, groups and joins see the mask: the answer is the masked-first one, and the raw one is another."""
    asked = aimed(sql, copies.resident)
    seen = city.ask(asked, purpose=purpose, who=WHO).rows
    expected, raw = (copy.execute(asked).fetchall() for copy in (copies.masked[purpose], copies.raw))
    if "ORDER BY" not in asked:
        expected, seen, raw = (sorted(rows, key=repr) for rows in (expected, seen, raw))
    assert seen == expected
    assert seen != raw, "the case must tell masked from raw"
