"""What the rules of the policy are called and rest on, for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.dataset import Text
from gateway.decide.bundle import PolicyBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """One rule in words."""

    id: str
    title: Text
    legal_basis: Text


def rule_texts(bundle: PolicyBundle) -> Mapping[str, RuleText]:
    """Return the texts of the rules by id: those that have a title and a basis in the message catalogue of the policies."""
    messages = bundle.data.get("messages", {})
    titles, bases = messages.get("title", {}), messages.get("basis", {})
    return {
        rule: RuleText(id=rule, title=Text(**titles[rule]), legal_basis=Text(**bases[rule]))
        for rule in sorted(titles.keys() & bases.keys())
    }
