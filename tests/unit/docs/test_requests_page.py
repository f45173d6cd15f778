"""docs/requests.md says on which grounds and by when needs and corrections are answered."""

from __future__ import annotations

import pytest

from catalog.catalogue import Catalogue, Deadlines
from catalog.load import load_catalogue
from catalog.requests import deadline
from tests.unit.catalog.requests.filed import at
from tests.unit.docs.pages import code, read, section, table

PAGE = read("requests.md")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_the_negative_list_is_the_catalogues(catalogue: Catalogue):
    """The page lists every ground with its article and who may use it."""
    listed = [(code(id)[0], title, basis, who) for id, title, basis, who in table(section(PAGE, "The negative list"))]
    assert listed == [
        (
            ground.id,
            ground.title.en,
            ground.legal_basis.citation.en,
            ", ".join(f"`{id}`" for id in sorted(ground.controllers)) or "all",
        )
        for ground in catalogue.negative_list.values()
    ]


def test_the_deadlines_are_the_catalogues(catalogue: Catalogue):
    """The page lists every deadline with its article."""
    listed = {code(what)[0]: (int(days), basis) for what, days, basis in table(section(PAGE, "Deadlines"))}
    assert listed == {
        name: (
            getattr(catalogue.deadlines, name).working_days,
            getattr(catalogue.deadlines, name).legal_basis.citation.en,
        )
        for name in Deadlines.model_fields
    }


def test_the_example_of_a_deadline_is_right():
    """What the page says of the Spring Festival of 2026 is what the gateway computes."""
    assert "13 February 2026 with ten working days is due on 5 March" in " ".join(PAGE.split())
    assert deadline(at("2026-02-13 12:00"), working_days=10).due_on.isoformat() == "2026-03-05"
