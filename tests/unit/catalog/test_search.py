"""Finding datasets."""

from __future__ import annotations

import dataclasses

import pytest

from catalog.catalogue import Catalogue
from catalog.dataset import Text
from catalog.load import load_catalogue
from catalog.search import SearchIndex

RESIDENT, HOUSEHOLD, DWELLING = "population.resident", "population.household", "housing.dwelling"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def index(catalogue: Catalogue) -> SearchIndex:
    return SearchIndex(catalogue)


def everything(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    return {d.name: frozenset(column.name for column in d.columns) for d in catalogue.datasets.values()}


@pytest.mark.parametrize(
    "query",
    [
        "实有人口",
        "人口 基本信息",
        "Residents",
        "resid",
        "shiyourenkou",
        "renkou",
        "shi you ren kou",
        "syrk",
        "SYRK",
        "population.resident",
        "ｒｅｓｉｄｅｎｔｓ",
        "人口 residents syrk",
    ],
)
def test_chinese_english_and_pinyin_find_the_dataset_first(
    index: SearchIndex, catalogue: Catalogue, query: str
) -> None:
    """Any part of a Chinese word, the beginning of an English one, the sound from any character on, and its initials."""
    assert index.search(query, visible=everything(catalogue))[0] == RESIDENT


@pytest.mark.parametrize("query", ["", "  ", "，。", "\n", "\n\n", "不存在", "esident", "人口 不存在", "hiyou"])
def test_what_is_not_there_is_not_found(index: SearchIndex, catalogue: Catalogue, query: str) -> None:
    """Every word must be found, English and pinyin words from their beginning."""
    assert index.search(query, visible=everything(catalogue)) == []


def test_titles_count_more_than_columns_and_columns_more_than_prose(index: SearchIndex, catalogue: Catalogue) -> None:
    """The dataset that is about dwellings comes before those that have a dwelling code."""
    found = index.search("dwelling", visible=everything(catalogue))
    assert found[0] == DWELLING
    assert {RESIDENT, HOUSEHOLD} <= set(found)


def test_a_hidden_column_finds_nothing(index: SearchIndex, catalogue: Catalogue) -> None:
    """A word that only stands in a column outside the requester's offers does not tell that the column exists."""
    seen = everything(catalogue)
    hidden = {name: columns - {"marital_status"} for name, columns in seen.items()}
    assert index.search("婚姻", visible=seen) == index.search("hyzk", visible=seen) == [RESIDENT]
    assert index.search("婚姻", visible=hidden) == index.search("marital", visible=hidden) == []


def test_a_hidden_dataset_is_not_found(index: SearchIndex) -> None:
    """Only what is visible is looked at."""
    assert index.search("人口", visible={HOUSEHOLD: frozenset()}) == [HOUSEHOLD]


def test_the_right_one_of_many_comes_first(catalogue: Catalogue) -> None:
    """Among many alike the one that was meant comes first, and the order is by name where nothing else decides."""
    base = catalogue.datasets[DWELLING]
    datasets = {
        name: base.model_copy(update={"name": name, "title": Text(zh=f"地块登记第{i}号", en=f"Parcels {i}")})
        for i in range(500)
        for name in [f"housing.parcels_{i:05d}"]
    }
    many = dataclasses.replace(catalogue, datasets=datasets)
    index, visible = SearchIndex(many), {name: frozenset[str]() for name in datasets}
    assert index.search("parcels 471", visible=visible)[0] == "housing.parcels_00471"
    assert index.search("地块 dkdj", visible=visible) == sorted(datasets)
