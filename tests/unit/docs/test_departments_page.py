"""docs/departments.md says what a connector reads, checks and refuses."""

from __future__ import annotations

import types
import typing

import pytest
from pydantic import BaseModel

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction
from connectors.sdk.config import ConnectorSettings, check_config, read_config
from connectors.sdk.grant import GrantCode
from tests.unit.docs.pages import ROOT, blocks, code, read, section, table

PAGE = read("departments.md")
LICENCE = "legal_entity.licence"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def keys_of(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Return every key of a settings model, nested ones with dots."""
    found = set()
    for name, field in model.model_fields.items():
        nested = [kind for kind in parts_of(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        inner = f"{prefix}{name}.<name>." if typing.get_origin(field.annotation) is dict else f"{prefix}{name}."
        found |= set().union(*(keys_of(kind, inner) for kind in nested)) if nested else {prefix + name}
    return found


def parts_of(annotation: object) -> list[object]:
    """Return the types that an annotation is made of."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated, dict):
        return [part for argument in typing.get_args(annotation) for part in parts_of(argument)]
    return [annotation]


def test_the_example_is_a_valid_configuration(tmp_path, catalogue):
    """The YAML file of the page is accepted as it stands."""
    (example,) = [content for info, content in blocks(PAGE) if info == "yaml connector"]
    path = tmp_path / "connector.yaml"
    path.write_text(example, "utf-8")
    settings = read_config(path)
    check_config(settings, datasets=catalogue.datasets)
    assert settings.datasets["civil_affairs.social_assistance"].ceiling["bank_account"] is ColumnAction.DENY


def test_every_key_is_explained():
    """The table of keys is that of the settings."""
    listed = {key for row in table(section(PAGE, "One YAML file")) for key in code(row[0])}
    assert listed == keys_of(ConnectorSettings)


def test_treatments_are_listed_from_strict_to_mild():
    """The order of the page is the order of ranks."""
    text = section(PAGE, "One YAML file")
    listed = text[text.index("from strict to mild:") :].split(".")[0]
    assert code(listed) == [str(action) for action in sorted(ColumnAction, key=lambda action: -action.rank)]


def test_every_refusal_is_explained():
    """The codes of the page are those of grants, in their order."""
    listed = [code(row[0])[0] for row in table(section(PAGE, "What the connector verifies"))]
    assert listed == [str(refusal) for refusal in GrantCode]


def test_the_templates_of_the_page_exist():
    """One for each department of the catalogue."""
    folder = ROOT / "connectors" / "templates"
    assert {path.stem for path in folder.glob("*.yaml")} == set(load_catalogue().departments)
