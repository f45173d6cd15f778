"""docs/sources.md says what a connector reads."""

from __future__ import annotations

import typing
from pathlib import Path

import pytest

from connectors.examples import card_file
from connectors.sdk.config import OdbcSettings, SourceSettings, read_source
from tests.unit.docs.pages import blocks, code, read, section, table

PAGE = read("sources.md")
KINDS = {
    typing.get_args(kind.model_fields["kind"].annotation)[0]: kind
    for kind in typing.get_args(typing.get_args(SourceSettings)[0])
}


def test_every_kind_is_in_the_table() -> None:
    """The table of kinds is that of the settings."""
    assert [code(row[0])[0] for row in table(section(PAGE, "What a connector reads"))] == list(KINDS)


@pytest.mark.parametrize("example", [content for info, content in blocks(PAGE) if info == "yaml source"])
def test_the_examples_are_valid(tmp_path: Path, example: str) -> None:
    """Each can be copied into a file and drafted from."""
    path = tmp_path / "source.yaml"
    path.write_text(example, "utf-8")
    assert isinstance(read_source(path), tuple(KINDS.values()))


def test_the_keys_of_odbc_are_explained() -> None:
    """No key is missing and none is made up; the other tables name drivers."""
    rows = [line for line in section(PAGE, "ODBC").splitlines() if line.startswith("| `")]
    assert [code(row)[0] for row in rows] == [key for key in OdbcSettings.model_fields if key != "kind"]


def test_the_page_shows_the_example_as_it_runs() -> None:
    """The code of the page is the file that the tests run."""
    (shown,) = [content for info, content in blocks(PAGE) if info == "python example"]
    assert shown == Path(card_file.__file__).read_text("utf-8")
