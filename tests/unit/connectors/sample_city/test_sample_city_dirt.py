"""The dirt of the sample city is there, and as much as documented."""

from __future__ import annotations

import duckdb
import pytest

from connectors.sample_city.rates import (
    DIRT,
    HEALTH_CODE_HOLDERS,
    ID_ISSUED_ELSEWHERE,
    MINORITY,
    SEPARATED,
    VACANT_DWELLINGS,
)


@pytest.mark.parametrize(
    ("what", "source", "rate"),
    [
        ("phone IS NULL", "person WHERE age BETWEEN 12 AND 69", DIRT.resident_phone_missing),
        ("phone IS NULL", "person WHERE age >= 70", DIRT.resident_phone_missing_old),
        ("phone IS NULL", "person WHERE age < 12", 1.0),
        ("dwelling_code IS NULL", "resident", DIRT.resident_dwelling_code_missing),
        ("dwelling_code IS NULL", "household", DIRT.household_dwelling_code_missing),
        ("NOT starts_with(residence_address, '上海市')", "resident", DIRT.resident_address_unlike_dwelling),
        ("moved_in_date IS NULL", "resident WHERE registration_kind <> 'local'", DIRT.resident_moved_in_date_missing),
        ("ethnicity <> '01'", "resident", MINORITY),
        ("resident_id[:2] <> '31'", "resident WHERE registration_kind <> 'migrant'", ID_ISSUED_ELSEWHERE),
        ("owner_name IS NULL", "dwelling WHERE building_kind <> 'commercial'", DIRT.dwelling_owner_missing),
        ("certificate_number IS NULL", "dwelling WHERE owner_name NOT NULL", DIRT.dwelling_certificate_missing),
        ("lease_end < DATE '2026-06-30'", "lease", DIRT.lease_ended_but_kept),
        ("phone IS NULL", "enterprise", DIRT.enterprise_phone_missing),
        ("employees IS NULL", "enterprise", DIRT.enterprise_employees_missing),
        ("NOT ends_with(address, '室')", "enterprise", DIRT.enterprise_address_unlike_premises),
        ("contains(name, ' ')", "health_code", DIRT.health_name_unlike),
        ("bank_account IS NULL", "social_assistance", DIRT.assistance_bank_account_missing),
    ],
)
def test_rows_are_dirty_at_the_documented_rate(
    sql: duckdb.DuckDBPyConnection, what: str, source: str, rate: float
) -> None:
    """The share of rows with a defect is the documented one, within what chance explains (five deviations)."""
    count, share = sql.sql(f"SELECT count(*), avg(({what})::INT) FROM {source}").fetchall()[0]
    assert share == pytest.approx(rate, abs=5 * (rate * (1 - rate) / count) ** 0.5)


@pytest.mark.parametrize(
    ("what", "source", "rate"),
    [
        (
            "h.residence_division <> r.residence_division",
            "health_code h JOIN resident r USING (resident_id) WHERE registration_kind = 'separated'",
            DIRT.health_division_stale,
        ),
        (
            "h.phone IS NULL",
            "health_code h JOIN resident r USING (resident_id) WHERE r.phone NOT NULL",
            DIRT.health_phone_missing,
        ),
        (
            "h.resident_id IS NULL",
            "resident r LEFT JOIN health_code h USING (resident_id)",
            1 - HEALTH_CODE_HOLDERS,
        ),
        (
            "l.lease_id IS NULL",
            "dwelling d LEFT JOIN lease l USING (dwelling_code) WHERE occupancy = 'leased' AND building_kind <> 'commercial'",
            DIRT.lease_not_filed,
        ),
        (
            "occupants <> member_count",
            "lease JOIN household ON lessee_resident_id = head_resident_id WHERE member_count > 1",
            DIRT.lease_occupants_differ,
        ),
        (
            "lessee_phone IS NULL",
            "lease JOIN resident ON lessee_resident_id = resident_id WHERE phone NOT NULL",
            DIRT.lease_phone_missing,
        ),
        (
            "registration_kind = 'separated'",
            "household JOIN resident ON head_resident_id = resident_id WHERE registration_kind <> 'migrant'",
            SEPARATED,
        ),
    ],
)
def test_departments_disagree_at_the_documented_rate(
    sql: duckdb.DuckDBPyConnection, what: str, source: str, rate: float
) -> None:
    """What one department lacks or has otherwise than another is as frequent as documented."""
    count, share = sql.sql(f"SELECT count(*), avg(({what})::INT) FROM {source}").fetchall()[0]
    assert share == pytest.approx(rate, abs=5 * (rate * (1 - rate) / count) ** 0.5)


def test_registration_says_where_people_come_from(sql: duckdb.DuckDBPyConnection) -> None:
    """Local people are registered where they live, separated ones elsewhere in Shanghai, migrants outside."""
    wrong = sql.sql(
        """SELECT count(*) FROM resident WHERE CASE registration_kind
        WHEN 'local' THEN registration_division <> residence_division OR moved_in_date NOT NULL
        WHEN 'separated' THEN registration_division = residence_division OR registration_division[:2] <> '31'
        ELSE registration_division[:2] = '31' END"""
    ).fetchall()[0][0]
    assert wrong == 0


def test_four_in_ten_residents_are_migrants(sql: duckdb.DuckDBPyConnection) -> None:
    """The share of people registered outside Shanghai is near the census' 42 percent."""
    share = sql.sql("SELECT avg((registration_kind = 'migrant')::INT) FROM resident").fetchall()[0][0]
    assert share == pytest.approx(0.42, abs=0.03)


def test_some_dwellings_are_empty(sql: duckdb.DuckDBPyConnection) -> None:
    """For a hundred lived-in homes there are about twelve vacant ones."""
    vacant, others = sql.sql(
        """SELECT count(*) FILTER (occupancy = 'vacant'), count(*) FILTER (occupancy <> 'vacant')
        FROM dwelling WHERE building_kind <> 'commercial'"""
    ).fetchall()[0]
    assert vacant / others == pytest.approx(VACANT_DWELLINGS, abs=0.01)
