"""The shape of the sample city: the census, the divisions, the seed, the files."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from catalog.dataset import Dataset
from catalog.load import ENTRIES, load_catalogue
from connectors.sample_city.city import CityPlan, generate, is_generated
from connectors.sample_city.rates import HOUSEHOLD_SHAPES, SLICE_RESIDENTS_MAX
from connectors.sample_city.territory import Territory, apportion


def silent(done: int, total: int, title: str) -> None:
    """Report nothing."""


def _one(sql: duckdb.DuckDBPyConnection, expression: str, source: str) -> float:
    return float(sql.sql(f"SELECT {expression} FROM {source}").fetchall()[0][0])


@pytest.mark.parametrize(
    ("condition", "share"),
    [
        ("sex = '1'", 0.518),
        ("age < 15", 0.098),
        ("age BETWEEN 15 AND 59", 0.668),
        ("age >= 60", 0.234),
        ("age >= 65", 0.163),
    ],
)
def test_ages_and_sexes_are_those_of_the_census(sql: duckdb.DuckDBPyConnection, condition: str, share: float) -> None:
    """The share of every group is within one percentage point of the census."""
    assert _one(sql, f"avg(({condition})::INT)", "person") == pytest.approx(share, abs=0.01)


def test_households_have_the_census_size(sql: duckdb.DuckDBPyConnection) -> None:
    """About 2.32 people live in a household, and more than a quarter of households are one person."""
    assert _one(sql, "avg(member_count)", "household") == pytest.approx(2.32, abs=0.06)
    assert _one(sql, "avg((member_count = 1)::INT)", "household") > 0.25


def test_old_people_live_alone_as_well(sql: duckdb.DuckDBPyConnection) -> None:
    """One in five to one in three people over 60 is a household of their own."""
    alone = _one(sql, "avg((member_count = 1)::INT)", "person JOIN household USING (household_id) WHERE age >= 60")
    assert 0.15 < alone < 0.33


def test_districts_have_their_census_share(sql: duckdb.DuckDBPyConnection) -> None:
    """Every district's residents are its census share of the city, to the person."""
    with (ENTRIES / "census2020_shanghai_districts.csv").open(encoding="utf-8") as file:
        census = {row["district_code"]: int(row["residents"]) for row in csv.DictReader(file)}
    rows = sql.sql("SELECT residence_division[:6], count(*) FROM resident GROUP BY ALL").fetchall()
    residents = sum(count for _, count in rows)
    assert residents == 60_000
    for district, count in rows:
        assert abs(count - residents * census[district] / sum(census.values())) <= 1


def test_people_live_in_all_streets_and_only_in_real_committees(sql: duckdb.DuckDBPyConnection) -> None:
    """Residences are committees of the catalogue; every street and town has residents."""
    divisions = load_catalogue().divisions
    rows = sql.sql("SELECT DISTINCT residence_division FROM resident").fetchall()
    committees = {code for code, division in divisions.items() if division.kind == "committee"}
    assert {code for (code,) in rows} <= committees
    towns = {code for code, division in divisions.items() if division.kind in {"street", "town", "township"}}
    assert towns <= {code[:9] for (code,) in rows}


def test_household_shapes_cover_all_households() -> None:
    """The shares of the household shapes sum to one."""
    assert sum(shape.share for shape in HOUSEHOLD_SHAPES) == pytest.approx(1.0)


@pytest.mark.parametrize("residents", [1, 17, 2_000, 24_870_895])
def test_the_city_is_made_in_bounded_slices(residents: int) -> None:
    """At any size the slices add up to the city, none is much larger than the bound, and no committee is in two."""
    slices = list(Territory.load(seed=1).slices(residents))
    assert sum(place.residents for place in slices) == residents
    assert max(place.residents for place in slices) <= SLICE_RESIDENTS_MAX * 1.25
    committees = np.concatenate([place.committees for place in slices])
    assert len(np.unique(committees)) == len(committees) == 6_509


def test_apportioning_loses_nobody() -> None:
    """Parts sum to the total and differ from the exact share by less than one."""
    weights = np.array([0.1, 3.0, 2.2, 0.0])
    parts = apportion(10, weights=weights)
    assert parts.sum() == 10
    assert (np.abs(parts - 10 * weights / weights.sum()) < 1).all()


def test_files_have_exactly_the_catalogue_schema_and_small_row_groups(city: Path) -> None:
    """There is one file per dataset with the catalogue's columns, types and nullability, in groups of at most 100,000."""
    datasets = _departments_datasets()
    assert {file.name for file in city.glob("*.parquet")} == {f"{name}.parquet" for name in datasets}
    for name, dataset in datasets.items():
        file = pq.ParquetFile(city / f"{name}.parquet")
        assert file.schema_arrow.equals(dataset.schema)
        groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        assert len(groups) > 1
        assert max(groups) <= 100_000


def test_coded_columns_hold_only_their_codes(sql: duckdb.DuckDBPyConnection) -> None:
    """Every value of a coded column is in the catalogue's code list."""
    for name, dataset in _departments_datasets().items():
        for column in dataset.columns:
            if column.codes:
                query = f"SELECT DISTINCT {column.name} FROM {name.rpartition('.')[2]} WHERE {column.name} IS NOT NULL"
                values = {value for (value,) in sql.sql(query).fetchall()}
                assert values <= {code.code for code in column.codes}, (name, column.name)


def _departments_datasets() -> dict[str, Dataset]:
    """Return the datasets but those of the access log, which the gateway fills."""
    return {name: dataset for name, dataset in load_catalogue().datasets.items() if not name.startswith("audit.")}


def _hashes(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.parquet")}


def test_the_seed_decides_everything(tmp_path: Path) -> None:
    """The same seed gives the same bytes; another seed changes every file."""
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        generate(tmp_path / name, plan=CityPlan(residents=3_000, seed=seed), progress=silent)
    first, again, other = (_hashes(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_a_city_of_one_person_is_a_city(tmp_path: Path) -> None:
    """The smallest city has all files."""
    rows = generate(tmp_path / "city", plan=CityPlan(residents=1, seed=1), progress=silent)
    assert rows["population.resident"] == rows["population.household"] == 1
    assert len(list((tmp_path / "city").glob("*.parquet"))) == len(rows) == 9


def test_a_city_is_known_by_its_plan(tmp_path: Path) -> None:
    """A city counts as generated only for the plan it was made from, and another plan replaces it."""
    plan = CityPlan(residents=20, seed=1)
    generate(tmp_path / "city", plan=plan, progress=silent)
    assert is_generated(tmp_path / "city", plan=plan)
    other = CityPlan(residents=20, seed=2)
    assert not is_generated(tmp_path / "city", plan=other)
    generate(tmp_path / "city", plan=other, progress=silent)
    assert is_generated(tmp_path / "city", plan=other)


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    """Generation never removes what it did not make."""
    folder = tmp_path / "city"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        generate(folder, plan=CityPlan(residents=20, seed=1), progress=silent)
    assert (folder / "thesis.txt").read_text() == "mine"
