"""The queries that purposes offer to begin with."""

from __future__ import annotations

import pytest

from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind
from gateway.client import connect
from tests.cities import City

_WHO = {OfficeKind.STREET: "nanjing-east-road", OfficeKind.DISTRICT: "district-huangpu"}
_EXAMPLES = [(id, example) for id, purpose in load_catalogue().purposes.items() for example in purpose.examples]


@pytest.mark.parametrize(("purpose", "example"), _EXAMPLES, ids=lambda value: value if isinstance(value, str) else "")
def test_an_example_is_allowed(city: City, purpose, example):
    """Who may declare a purpose may ask each of its examples as it stands."""
    kinds = load_catalogue().purposes[purpose].office_kinds
    who = next(who for kind, who in _WHO.items() if kind in kinds)
    with connect(city.profile(who)) as connection:
        assert connection.explain(example.sql, purpose=purpose).allow


def test_the_catalogue_offers_the_examples(city: City):
    """The catalogue tells them with the purpose, and what is left of each column in words."""
    with connect(city.profile("nanjing-east-road")) as connection:
        purposes = {purpose.id: purpose for purpose in connection.catalog.purposes()}
        columns = {column.name: column for column in connection.catalog.dataset("population.resident").columns}
    assert [example.title.en for example in purposes["enterprise-visits"].examples][1].startswith("How many")
    assert columns["resident_id"].treatment_texts["elderly-care-visits"].zh == "只保留前六位地区码"
    assert (columns["residence_division"].identifier, columns["sex"].groupable) == ("division_code", True)
