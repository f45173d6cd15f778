"""What the policies promise by their text alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.opa_binary import REPOSITORY

POLICIES = REPOSITORY / "policies"
SOURCES = sorted(POLICIES.rglob("*.rego"))
RULES = [path for path in SOURCES if not path.name.endswith("_test.rego")]
IMPURE = re.compile(r"\b(http\.send|time\.now_ns|rand\.|opa\.runtime|uuid\.|net\.|trace\()")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_rules_are_pure(path: Path) -> None:
    """No rule reads the network, the clock, randomness or its environment."""
    assert IMPURE.search(path.read_text("utf-8")) is None


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_every_package_states_its_title_and_basis(path: Path) -> None:
    """Each package is annotated with what it is for and the article it rests on."""
    header = path.read_text("utf-8").split("\npackage ")[0]
    assert header.startswith("# METADATA\n# title: ")
    assert re.search(r"^# custom:\n#   basis: \S", header, re.MULTILINE)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_package_equals_path_and_has_a_test_beside_it(path: Path) -> None:
    """A reader finds a package by its name."""
    package = ".".join(path.parent.relative_to(POLICIES).parts)
    assert f"\npackage {package}\n" in path.read_text("utf-8")
    assert path.with_name(f"{path.stem}_test.rego") in SOURCES


def test_there_is_one_entrypoint() -> None:
    """Exactly one rule is marked as the entrypoint."""
    assert [path.stem for path in RULES if "# entrypoint: true" in path.read_text("utf-8")] == ["access"]


def test_every_text_of_the_rules_is_in_the_message_catalogue_and_used() -> None:
    """Codes, remedies and bases named by rules and by `data.messages` are the same."""
    messages = json.loads((POLICIES / "messages" / "data.json").read_text("utf-8"))
    text = "".join(path.read_text("utf-8") for path in RULES)
    named = re.findall(r'denial\.make\("(\w+)", "(\w+)", [^\n]*?, ("(\w+)"|choice), ', text)
    assert {code for code, *_ in named} == set(messages["message"])
    assert {rule for _, rule, *_ in named} == set(messages["basis"])
    remedies = {remedy for *_, remedy in named if remedy} | set(re.findall(r'choice := "(\w+)"', text))
    assert remedies == set(messages["remedy"])


def test_remedies_can_be_followed_in_the_console_too() -> None:
    """Most who are denied have a browser only: no remedy sends them to a command."""
    remedies = json.loads((POLICIES / "messages" / "data.json").read_text("utf-8"))["remedy"]
    assert [id for id, text in remedies.items() if "gateway" in text["zh"] or "'gateway " in text["en"]] == []
