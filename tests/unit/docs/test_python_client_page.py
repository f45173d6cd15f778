"""docs/python-client.md says what the Python client does."""

from __future__ import annotations

from gateway import client
from gateway.client.catalog import Catalog
from tests.unit.docs.pages import code, read, section, table

PAGE = read("python-client.md")


def names(heading: str) -> list[str]:
    """Return the names that begin the rows of the tables under a heading, without arguments."""
    tables = section(PAGE, heading).split("\n\n")
    rows = [row for text in tables if text.startswith("|") for row in table(text)]
    return [name.partition("(")[0] for row in rows for name in code(row[0])]


def test_errors_are_those_of_the_client():
    """Every class of error has its row."""
    assert names("Errors") == [kind.__name__ for kind in client.RequestError.__subclasses__()]


def test_results_are_described_whole():
    """Every public method and attribute of a result has its row."""
    own = {name for name in vars(client.Result) if not name.startswith("_")}
    assert set(names("Result")) == own


def test_connections_are_described_whole():
    """Every public method of a connection and of its catalogue has its row."""
    catalog = {f"catalog.{name}" for name in vars(Catalog) if not name.startswith("_")}
    own = {name for name in vars(client.Connection) if not name.startswith("_")} - {"close"}
    assert set(names("Connection")) == own | catalog | {"channel"}
