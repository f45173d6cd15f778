"""Columns of a result are told by their titles before it runs, or not at all."""

from __future__ import annotations

from typing import cast

import pytest

from catalog.dataset import Text
from gateway.client.catalog import Catalog
from gateway.client.catalogue_names import CatalogueNames
from gateway.doors.console.asking.result_columns import result_columns
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

TITLES = {
    "population.resident": {"name": "姓名", "household_id": "户编号"},
    "population.household": {"household_id": "户编号", "name": "户主姓名", "member_count": "人数"},
}


class TwoDatasets:
    def datasets(self) -> list[catalog_pb2.DatasetSummary]:
        return [catalog_pb2.DatasetSummary(name=name) for name in TITLES]

    def dataset(self, name: str) -> catalog_pb2.GetDatasetResponse:
        columns = [
            catalog_pb2.ColumnDescription(name=column, title=catalog_pb2.Text(zh=title, en=column.upper()))
            for column, title in TITLES[name].items()
        ]
        return catalog_pb2.GetDatasetResponse(columns=columns)


def titles(sql: str) -> dict[str, str]:
    """Return the Chinese titles by name."""
    names = CatalogueNames(cast(Catalog, TwoDatasets()))
    return {name: title.zh for name, title in result_columns(sql, names=names).items()}


def test_columns_are_told_by_their_titles() -> None:
    """In the order of the statement, in both languages; computed and renamed ones by their name."""
    sql = "SELECT member_count, household_id, name AS head, member_count + 1 AS more FROM population.household"
    assert titles(sql) == {"member_count": "人数", "household_id": "户编号", "head": "head", "more": "more"}
    told = result_columns(sql, names=CatalogueNames(cast(Catalog, TwoDatasets())))
    assert told["household_id"] == Text(zh="户编号", en="HOUSEHOLD_ID")


def test_a_name_that_means_two_things_stands_for_itself() -> None:
    """One that means the same in both datasets has its title."""
    sql = "SELECT r.name, h.household_id FROM population.resident r JOIN population.household h USING (household_id)"
    assert titles(sql) == {"name": "name", "household_id": "户编号"}


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT count(*) AS name FROM population.household) SELECT name FROM x",
        "SELECT name FROM (SELECT count(*) AS name FROM population.household) AS x",
        "SELECT name FROM population.secret",
    ],
)
def test_what_may_be_something_else_has_no_title(sql: str) -> None:
    """A name is not taken for a column of a dataset when another statement stands between them."""
    assert titles(sql) == {"name": "name"}


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT",
        "SELECT * FROM population.household",
        "SELECT h.* FROM population.household h",
        "SELECT count(*) FROM population.household",
        "SELECT name, name FROM population.household",
    ],
)
def test_columns_that_cannot_be_told_are_not_guessed(sql: str) -> None:
    """No statement, all columns, one without a name, or one name twice."""
    assert titles(sql) == {}
