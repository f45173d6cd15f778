"""The statistics attacker of the threat model: each attack is refused or its answer hides the person, and would not without."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.errors import Denied, GatewayError
from tests.attacks.statistics.office import Database, Office, lease, resident, unguarded

ATTACKS = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text("utf-8"))
COMMITTEES = {"310101002001": 60, "310101002002": 50, "310101003001": 40}


def city() -> Database:
    """150 tenants of two sexes in 50 families of three, a third of them old, and the person all attacks are about."""
    committees = [committee for committee, people in COMMITTEES.items() for _ in range(people)]
    people = [
        resident(
            number,
            sex="12"[number % 2],
            residence_division=committee,
            birth_date=datetime.date(1942 if number % 3 == 0 else 1985, 5, 5),
            household_id=f"household-{number // 3}",
        )
        for number, committee in enumerate(committees, start=3)
    ]
    person = resident(0, sex="9", residence_division="310101002001", birth_date=datetime.date(1911, 1, 1))
    households = [
        {
            "household_id": f"household-{i}",
            "division_code": "310101002001",
            "household_kind": "family",
            "member_count": 3,
        }
        for i in range(1, 51)
    ]
    alone = {**households[0], "household_id": "household-0", "household_kind": "collective", "member_count": 1000}
    leases = [
        *(lease(number, division_code=committee) for number, committee in enumerate(committees, start=3)),
        lease(0, division_code="310101003002", monthly_rent=999_999),
    ]
    return {
        "population.resident": [*people, person],
        "population.household": [*households, alone],
        "housing.lease": leases,
    }


RENTS = "rental-statistics"


def asked_by(office: Office, attack: dict[str, Any]) -> Office:
    """Return the office under the purpose of the attack."""
    return replace(office, purpose=attack.get("purpose", office.purpose))


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack["family"] for attack in ATTACKS])
def test_an_attack_on_a_statistic_reveals_nobody(attack, office_of):
    """Each case of attacks.yaml is refused with its code, or answered with rows that do not give the person away."""
    office = asked_by(office_of(city()), attack)
    for sql in attack.get("before", ()):
        assert office.ask(sql)
    if "refused" in attack:
        with pytest.raises(GatewayError) as raised:
            office.ask(attack["asks"])
        denials = raised.value.decision.denials if isinstance(raised.value, Denied) and raised.value.decision else ()
        codes = [denial.code for denial in denials] or [str(raised.value.reason)]
        assert codes == [attack["refused"]]
    else:
        assert office.ask(attack["asks"]) == attack["rows"]


@pytest.mark.parametrize("attack", [a for a in ATTACKS if "raw" in a], ids=lambda attack: attack["family"])
def test_twin_the_raw_data_gives_the_person_away(attack, office_of):
    """Without the defence the same question is about the person."""
    assert office_of(city()).raw(attack["raw"]["sql"]) == attack["raw"]["rows"]


@pytest.mark.parametrize("attack", [a for a in ATTACKS if "without" in a], ids=lambda attack: attack["family"])
def test_twin_without_the_ledger_subtraction_gives_the_person_away(attack, office_of):
    """With the ledger off the two answers differ by the person."""
    office = unguarded(asked_by(office_of(city()), attack))
    answers = [{k: v for row in office.ask(sql) for k, v in row.items()} for sql in (*attack["before"], attack["asks"])]
    assert answers[-2]["n"] - answers[-1]["n"] == pytest.approx(attack["without"], abs=0.001)


def test_a_sum_of_few_values_is_held_back(office_of):
    """A large group in which only one has a value has no sum, and its twin shows whose it is."""
    database = city()
    for let in database["housing.lease"][1:]:
        let["monthly_rent"] = None
    office = replace(office_of(database), purpose=RENTS)
    assert office.ask("select sum(monthly_rent) as n from housing.lease") == []
    assert office.ask("select avg(monthly_rent) as n, count(*) as all_of_them from housing.lease") == []
    assert office.raw("select sum(monthly_rent) as n from lease") == [{"n": 3000}]


def test_few_people_with_several_rows_are_not_found(office_of):
    """Rows minus people would tell that somebody has two leases, and where; with the ledger off it does."""
    database = city()
    database["housing.lease"].append(lease(3, lease_id="lease-of-the-same"))
    office = replace(office_of(database), purpose=RENTS)
    sql = "select count(*) as n, count(distinct lessee_resident_id) as people from housing.lease"
    with pytest.raises(Denied):
        office.ask(sql)
    assert unguarded(office).ask(sql) == [{"n": 152, "people": 151}]


def test_a_missing_key_is_a_group_like_any_other(office_of):
    """People without a value in a key column are a group: held back when small, shown when large."""
    database = city()
    for person in database["population.resident"][:40]:
        person["sex"] = None
    office = office_of(database)
    shown = office.ask("select sex, count(*) as n from population.resident group by sex order by sex nulls first")
    assert shown == [{"sex": "1", "n": 55}, {"sex": "2", "n": 55}]
    with pytest.raises(Denied):
        office.ask("select count(*) as n from population.resident where sex is null")


@pytest.mark.parametrize(
    "sql",
    [
        "select sex, count(*) as n from population.resident group by sex order by n, sex desc",
        "select residence_division as d, sex, count(*) as n from population.resident group by 1, 2 having n > 20"
        " order by 3 desc, 2, 1",
        "select birth_date, count(distinct resident_id) as n from population.resident group by 1"
        " having count(distinct resident_id) between 1 and 99",
        "select residence_division, household_kind as k, count(*) as n, count(distinct household_id) as h"
        " from population.resident join population.household using (household_id) group by 1, 2"
        " order by n desc limit 2 offset 1",
        "select division_code, avg(monthly_rent) as a, sum(monthly_rent) as s, count(*) as n from housing.lease"
        " group by 1 order by s desc limit 2 offset 1",
        "select count(*) as n, sex from population.resident where birth_date > '1950-01-01' group by sex"
        " having sex in ('1', '2') order by sex",
        "select count(*) as n from population.resident having 5 < n",
    ],
)
def test_without_small_groups_a_statistic_is_what_the_data_say(sql, office_of):
    """HAVING, ORDER BY, LIMIT and every aggregate give what the database itself would."""
    database = city()
    for name in ("population.resident", "housing.lease"):
        database[name].pop()
    for person in database["population.resident"]:
        person["birth_date"] = person["birth_date"].replace(month=1, day=1, year=person["birth_date"].year // 5 * 5)
    office = office_of(database)
    if "housing" in sql:
        office = replace(office, purpose=RENTS)
    assert office.ask(sql) == office.raw(sql.replace("population.", "").replace("housing.", ""))


def test_what_is_not_protected_two_offices_that_collude(office_of):
    """The ledger of one office knows nothing of another's answers; the documentation says so."""
    office = office_of(city())
    colluding = replace(office, requester=replace(office.requester, office="shanghai"))
    assert office.ask("select count(*) as n from population.resident") == [{"n": 151}]
    assert colluding.ask("select count(*) as n from population.resident where sex <> '9'") == [{"n": 150}]


def test_what_is_not_protected_sums_of_some_groups(office_of):
    """Two groups of an answer may be added and compared with another answer; the documentation says so."""
    office = office_of(city())
    sums = "select count(*) as n from population.resident where residence_division in ('310101002001', '310101002002')"
    shown = office.ask("select residence_division as d, count(*) as n from population.resident group by d")
    assert sum(row["n"] for row in shown if row["d"] != "310101003001") == 111
    assert office.ask(f"{sums} and sex <> '9'") == [{"n": 110}]


def test_statistics_of_two_purposes_are_compared(office_of):
    """Tenants are residents, so that one less of either is refused whatever the purpose; with the ledger off it is not."""
    office, fewer = office_of(city()), "select count(*) as n from housing.lease where division_code <> '310101003002'"
    assert office.ask("select count(*) as n from population.resident") == [{"n": 151}]
    with pytest.raises(Denied):
        replace(office, purpose=RENTS).ask(fewer)
    assert replace(unguarded(office), purpose=RENTS).ask(fewer) == [{"n": 150}]
