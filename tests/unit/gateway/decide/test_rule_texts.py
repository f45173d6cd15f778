"""What the rules of the policy are called and rest on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.load import load_catalogue
from gateway.decide import PolicyBundle, load_bundle
from gateway.decide.rule_texts import rule_texts

ACCESS = Path(__file__).parents[4] / "policies" / "sharing" / "access"
RULES = sorted(re.findall(r"^\t(\w+)\.established$", (ACCESS / "access.rego").read_text("utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def bundle() -> PolicyBundle:
    return load_bundle(catalogue=load_catalogue())


def test_every_rule_of_a_decision_has_texts(bundle: PolicyBundle) -> None:
    """An explanation never names a rule without its title and articles, in both languages."""
    texts = rule_texts(bundle)
    assert list(texts) == RULES
    assert all(text.id == rule for rule, text in texts.items())
    assert all(re.search(r"[\u4e00-\u9fff]", text.title.zh + text.legal_basis.zh) for text in texts.values())


@pytest.mark.parametrize("rule", RULES)
def test_a_title_is_the_one_in_the_policy(bundle: PolicyBundle, rule: str) -> None:
    """The English title is that of the rule's METADATA."""
    source = (ACCESS / rule / f"{rule}.rego").read_text("utf-8")
    assert re.match(r"# METADATA\n# title: (.+)\n", source)[1] == rule_texts(bundle)[rule].title.en


def test_a_policy_without_texts_has_none(bundle: PolicyBundle) -> None:
    """A rule that lacks its title or basis is left out, not made up."""
    messages = bundle.data["messages"]
    titles = {rule: title for rule, title in messages["title"].items() if rule != "quota"}
    untitled = PolicyBundle(modules=bundle.modules, data={"messages": {**messages, "title": titles}})
    assert set(rule_texts(bundle)) - set(rule_texts(untitled)) == {"quota"}
    assert rule_texts(PolicyBundle(modules={}, data={})) == {}
