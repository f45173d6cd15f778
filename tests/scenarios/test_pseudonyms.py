"""Pseudonymised ID numbers: they join departments inside one query and link nothing beyond it."""

from __future__ import annotations

import re

import pytest

from tests.cities import City

OUTREACH, WHO, STREET = "vaccination-outreach", "changfeng", "310107014"
RESIDENT, VACCINATION = "population.resident", "health.vaccination"
BAND = "make_date(year(r.birth_date) // 5 * 5, 1, 1)"


def of_the_street(sql: str) -> str:
    """Write a query over the street's raw rows and exact ages, where the gateway gives its rows and age bands."""
    rows = "(SELECT * FROM {} WHERE starts_with(residence_division, '{}'))"
    for dataset in (RESIDENT, VACCINATION):
        sql = sql.replace(dataset, rows.format(dataset, STREET))
    return sql.replace("r.birth_date", BAND)


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT count(*), count(DISTINCT r.resident_id), count(DISTINCT v.resident_id) FROM {RESIDENT} r "
        f"JOIN {VACCINATION} v ON v.resident_id = r.resident_id",
        f"SELECT r.residence_division, r.birth_date, r.sex, count(DISTINCT r.resident_id) AS people, count(*) AS doses "
        f"FROM {RESIDENT} r JOIN {VACCINATION} v USING (resident_id) GROUP BY r.residence_division, r.birth_date, r.sex",
        f"SELECT r.residence_division, r.birth_date, count(*) AS people FROM {RESIDENT} r WHERE r.resident_id NOT IN "
        f"(SELECT v.resident_id FROM {VACCINATION} v) GROUP BY r.residence_division, r.birth_date",
        f"SELECT doses, count(*) FROM (SELECT r.resident_id, count(v.resident_id) AS doses FROM {RESIDENT} r "
        f"LEFT JOIN {VACCINATION} v ON v.resident_id = r.resident_id GROUP BY r.resident_id) GROUP BY doses",
        f"SELECT count(*) FROM (SELECT resident_id FROM {VACCINATION} EXCEPT SELECT resident_id FROM {RESIDENT})",
    ],
)
def test_departments_join_as_on_the_real_numbers(city: City, sql: str) -> None:
    """Health and population joined on pseudonyms count what the raw sample files of the street count."""
    expected = city.truth(of_the_street(sql))
    assert expected
    assert sorted(city.ask(sql, purpose=OUTREACH, who=WHO).rows) == sorted(expected)


def test_a_person_has_one_pseudonym_in_a_query(city: City) -> None:
    """Both departments give the same text, 32 hexadecimal digits, and different people have different ones."""
    sql = (
        f"SELECT DISTINCT r.resident_id, v.resident_id AS other FROM {RESIDENT} r "
        f"JOIN {VACCINATION} v ON v.resident_id = r.resident_id"
    )
    rows = city.ask(sql, purpose=OUTREACH, who=WHO).rows
    assert len(rows) == len(city.truth(of_the_street(sql)))
    assert all(one == other and re.fullmatch("[0-9a-f]{32}", str(one)) for one, other in rows)


def pseudonyms(city: City, dataset: str, *, purpose: str = OUTREACH) -> set[object]:
    """Return the pseudonyms of one run."""
    return {
        value for (value,) in city.ask(f"SELECT DISTINCT resident_id FROM {dataset}", purpose=purpose, who=WHO).rows
    }


@pytest.mark.parametrize("dataset", [RESIDENT, VACCINATION])
def test_two_runs_share_no_pseudonym(city: City, dataset: str) -> None:
    """The same statement, asked again, names the same people otherwise."""
    first, second = pseudonyms(city, dataset), pseudonyms(city, dataset)
    ((people,),) = city.truth(of_the_street(f"SELECT count(DISTINCT resident_id) FROM {dataset}"))
    assert len(first) == len(second) == people
    assert not first & second


def test_two_purposes_share_no_pseudonym(city: City) -> None:
    """Nor do two datasets in two queries, or two purposes of one office."""
    assert not pseudonyms(city, RESIDENT) & pseudonyms(city, VACCINATION)
    assert not pseudonyms(city, RESIDENT) & pseudonyms(city, RESIDENT, purpose="grid-inspection")


def test_a_pseudonym_finds_nobody_later(city: City) -> None:
    """What one query delivered is no key for the next one, and neither is the real number."""
    pseudonym = min(str(value) for value in pseudonyms(city, RESIDENT))
    ((resident_id,),) = city.truth(of_the_street(f"SELECT min(resident_id) FROM {RESIDENT}"))
    for key in (pseudonym, resident_id):
        sql = f"SELECT count(*) FROM {RESIDENT} WHERE resident_id = '{key}'"
        assert city.ask(sql, purpose=OUTREACH, who=WHO).rows == [(0,)]
