"""Departments agree about people, homes and enterprises, except for the dirt on purpose."""

from __future__ import annotations

import duckdb
import pytest
from stdnum.cn import ric, uscc

from connectors.sample_city.rates import DIRT


def _count(sql: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(sql.sql(f"SELECT count(*) FROM ({query})").fetchall()[0][0])


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("resident", "resident_id"),
        ("household", "household_id"),
        ("household", "head_resident_id"),
        ("dwelling", "dwelling_code"),
        ("dwelling", "address"),
        ("lease", "lease_id"),
        ("enterprise", "credit_code"),
        ("licence", "licence_id"),
        ("health_code", "resident_id"),
        ("vaccination", "resident_id || '/' || dose"),
        ("social_assistance", "case_number"),
    ],
)
def test_identifiers_are_unique(sql: duckdb.DuckDBPyConnection, table: str, key: str) -> None:
    """No identifier is given twice."""
    assert _count(sql, f"SELECT {key} FROM {table} GROUP BY 1 HAVING count(*) > 1") == 0


def test_all_resident_ids_are_valid_and_tell_birth_and_sex(sql: duckdb.DuckDBPyConnection) -> None:
    """Every resident ID has a valid check digit, and its digits are the resident's birth date and sex."""
    rows = sql.sql("SELECT resident_id, birth_date, sex FROM resident").fetchall()
    for number, birth, sex in rows:
        assert number[-1] == ric.calc_check_digit(number)
        assert number[6:14] == birth.strftime("%Y%m%d")
        assert (int(number[16]) % 2 == 1) == (sex == "1")
    assert all(ric.is_valid(number) for number, _, _ in rows[::50])


def test_the_place_of_issue_is_not_the_residence(sql: duckdb.DuckDBPyConnection) -> None:
    """Most people do not live in the division that their ID begins with: nobody may take it for a jurisdiction."""
    same = _count(sql, "SELECT 1 FROM resident WHERE resident_id[:6] = residence_division[:6]")
    assert same < 0.15 * _count(sql, "SELECT 1 FROM resident")


def test_all_credit_codes_are_valid(sql: duckdb.DuckDBPyConnection) -> None:
    """Every credit code passes an independent check."""
    assert all(uscc.is_valid(code) for (code,) in sql.sql("SELECT credit_code FROM enterprise").fetchall())


@pytest.mark.parametrize(
    "orphans",
    [
        "SELECT household_id FROM resident EXCEPT SELECT household_id FROM household",
        "SELECT dwelling_code FROM resident WHERE dwelling_code NOT NULL EXCEPT SELECT dwelling_code FROM dwelling",
        "SELECT dwelling_code FROM household WHERE dwelling_code NOT NULL EXCEPT SELECT dwelling_code FROM dwelling",
        "SELECT head_resident_id, head_name FROM household EXCEPT SELECT resident_id, name FROM resident",
        "SELECT owner_resident_id, owner_name FROM dwelling WHERE owner_name NOT NULL "
        "EXCEPT SELECT resident_id, name FROM resident",
        "SELECT dwelling_code, division_code FROM lease EXCEPT SELECT dwelling_code, division_code FROM dwelling",
        "SELECT lessee_resident_id, lessee_name FROM lease EXCEPT SELECT resident_id, name FROM resident",
        "SELECT lessor_resident_id, lessor_name FROM lease EXCEPT SELECT resident_id, name FROM resident",
        "SELECT credit_code, division_code FROM licence EXCEPT SELECT credit_code, division_code FROM enterprise",
        "SELECT resident_id FROM health_code EXCEPT SELECT resident_id FROM resident",
        "SELECT resident_id, name, residence_division FROM vaccination "
        "EXCEPT SELECT resident_id, name, residence_division FROM resident",
        "SELECT resident_id, name, household_id, residence_division FROM social_assistance "
        "EXCEPT SELECT resident_id, name, household_id, residence_division FROM resident",
    ],
)
def test_what_one_register_names_the_other_knows(sql: duckdb.DuckDBPyConnection, orphans: str) -> None:
    """References between departments have no orphans, and say the same name and committee."""
    assert _count(sql, orphans) == 0


def test_households_count_their_members(sql: duckdb.DuckDBPyConnection) -> None:
    """A household has as many residents as its register says, all of one committee."""
    wrong = """SELECT 1 FROM household h JOIN resident r USING (household_id) GROUP BY household_id, member_count
        HAVING count(*) <> member_count OR count(DISTINCT residence_division) > 1
        OR bool_or(residence_division <> division_code)"""
    assert _count(sql, wrong) == 0


def test_people_live_at_the_address_of_their_dwelling(sql: duckdb.DuckDBPyConnection) -> None:
    """Residence and dwelling agree on the committee, and on the address but for its leading city."""
    wrong = """SELECT 1 FROM resident r JOIN dwelling d USING (dwelling_code)
        WHERE r.residence_division <> d.division_code
        OR replace(d.address, '上海市', '') <> replace(r.residence_address, '上海市', '')"""
    assert _count(sql, wrong) == 0


def test_addresses_look_like_shanghai(sql: duckdb.DuckDBPyConnection) -> None:
    """Homes are at …路…弄…号…室, premises at …路…号…室, on their floor."""
    homes = r"building_kind <> 'commercial' AND NOT regexp_matches(address, '^上海市\S+区\S+路\d+弄\d+号\d+室$')"
    shops = r"building_kind = 'commercial' AND NOT regexp_matches(address, '^上海市\S+区\S+路\d+号\d+室$')"
    floor = r"regexp_extract(address, '号(\d+)\d\d室$', 1)::INT <> floor OR floor > floors_total"
    assert _count(sql, f"SELECT 1 FROM dwelling WHERE ({homes}) OR ({shops}) OR ({floor})") == 0


def test_tenants_have_leases_and_owners_live_at_home(sql: duckdb.DuckDBPyConnection) -> None:
    """Leases are of leased dwellings; the owner of a dwelling used by its owner lives there; nobody lives in a vacant one."""
    assert _count(sql, "SELECT 1 FROM lease JOIN dwelling USING (dwelling_code) WHERE occupancy <> 'leased'") == 0
    lived_in = "FROM dwelling d JOIN resident r USING (dwelling_code)"
    assert _count(sql, f"SELECT 1 {lived_in} WHERE occupancy = 'vacant'") == 0
    strangers = f"""SELECT 1 {lived_in} WHERE occupancy = 'owner' AND owner_resident_id NOT NULL
        GROUP BY dwelling_code, owner_resident_id HAVING count(*) FILTER (resident_id = owner_resident_id) = 0"""
    homes = _count(sql, "SELECT 1 FROM dwelling WHERE occupancy = 'owner'")
    # The owner's own row may lack the dwelling code.
    assert _count(sql, strangers) < homes * DIRT.resident_dwelling_code_missing * 2


def test_enterprises_are_at_premises_of_their_committee(sql: duckdb.DuckDBPyConnection) -> None:
    """An enterprise's address is that of a business unit in its committee, at least down to the building."""
    buildings = (
        "SELECT division_code, regexp_replace(address, '\\d+室$', '') FROM dwelling WHERE building_kind = 'commercial'"
    )
    places = "SELECT division_code, regexp_replace(address, '\\d+室$', '') FROM enterprise"
    assert _count(sql, f"{places} EXCEPT {buildings}") == 0


def test_legal_representatives_are_residents_or_come_from_outside(sql: duckdb.DuckDBPyConnection) -> None:
    """Five in six legal representatives are residents, by the same name and number."""
    known = "SELECT 1 FROM enterprise JOIN resident ON legal_representative_id = resident_id"
    same = f"{known} WHERE legal_representative = resident.name"
    assert _count(sql, known) == _count(sql, same)
    assert 0.82 < _count(sql, known) / _count(sql, "SELECT 1 FROM enterprise") < 0.88


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("lease", "lease_end < lease_start OR filed_date < lease_start OR occupants < 1 OR monthly_rent < 500"),
        ("licence", "expires_date <= issued_date OR (status = 'valid' AND expires_date < DATE '2026-06-30')"),
        ("enterprise", "registered_capital <= 0 OR employees < 1"),
        ("health_code", "expires_at <= assigned_at OR (colour = 'green') <> (reason IS NULL)"),
        ("social_assistance", "end_date < start_date OR monthly_amount <= 0"),
        ("person", "age < 0 OR age > 105 OR moved_in_date < birth_date OR (marital_status <> '10' AND age < 22)"),
        ("dwelling", "floor_area <= 0 OR floor < 1 OR (owner_name IS NULL AND certificate_number NOT NULL)"),
    ],
)
def test_rows_make_sense(sql: duckdb.DuckDBPyConnection, table: str, wrong: str) -> None:
    """Dates are in order, amounts are positive and states fit the values next to them."""
    assert _count(sql, f"SELECT 1 FROM {table} WHERE {wrong}") == 0


def test_doses_come_in_order(sql: duckdb.DuckDBPyConnection) -> None:
    """Nobody has a later dose without the earlier one, or before it."""
    wrong = """SELECT 1 FROM (SELECT dose, vaccinated_date, row_number() OVER w AS position,
        lag(vaccinated_date) OVER w AS before FROM vaccination WINDOW w AS (PARTITION BY resident_id ORDER BY dose))
        WHERE dose <> position OR vaccinated_date <= before"""
    assert _count(sql, wrong) == 0
