"""Scenario files: what they say is compared, and a mistake in one is a failure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.decide import Evaluation
from gateway.decide.input_schema import fits, load_input_schema
from gateway.decide.scenarios import Scenario, failures, load_scenario
from gateway.errors import Unavailable
from gateway.messages import Reason
from tests.opa_binary import REPOSITORY

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["x", "list"],
    "properties": {
        "x": {"type": "integer"},
        "list": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
}
ANSWER = {
    "allow": True,
    "denials": [],
    "datasets": {"d.t": {"columns": {"name": {"action": "clear", "mask": None}, "sex": {"action": "null"}}}},
    "obligations": {"rows_max": 10, "onward_sharing": False},
}


class RulePdp:
    """Fake of the port: allows `x` of 1, fails for 9, denies the rest."""

    revision = "a" * 16

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        if policy_input["x"] == 9:
            raise Unavailable(Reason.POLICY_SLOW)
        denied = {"allow": False, "denials": [{"code": "B"}, {"code": "A"}, {"code": "A"}], "obligations": None}
        return Evaluation(answer=ANSWER if policy_input["x"] == 1 else denied, revision=self.revision)

    def close(self) -> None:
        pass


def failed(expect: dict[str, Any], *, change: dict[str, Any] | None = None) -> list[tuple[str, object, object]]:
    case = {"sentence": "s", "change": change or {}, "expect": expect}
    scenario = Scenario.model_validate({"input": {"x": 1, "list": [{"a.b": "c"}]}, "cases": [case]})
    return [(f.where, f.expected, f.got) for f in failures(scenario, pdp=RulePdp(), schema=SCHEMA)]


@pytest.mark.parametrize(
    ("expect", "change"),
    [
        ({"allow": True}, {}),
        ({"allow": True, "codes": []}, {}),
        ({"allow": True, "datasets": {"d.t": {"columns": {"name": {"action": "clear", "mask": None}}}}}, {}),
        ({"allow": True, "obligations": {"onward_sharing": False}}, {}),
        ({"allow": False, "codes": ["A", "B"]}, {"x": 2}),
        ({"allow": False}, {"x": 2, "list.0": {"k": "v"}}),
    ],
)
def test_what_is_named_is_compared_and_nothing_else(expect: dict[str, Any], change: dict[str, Any]) -> None:
    """Codes are the whole set; datasets and obligations are compared by what the file names."""
    assert failed(expect, change=change) == []


@pytest.mark.parametrize(
    ("expect", "change", "failure"),
    [
        ({"allow": False}, {}, ("allow", False, "True")),
        ({"allow": True}, {"x": 2}, ("allow", True, "False B A A")),
        ({"allow": False}, {"x": 9}, ("allow", False, "POLICY_SLOW")),
        ({"allow": False, "codes": ["A"]}, {"x": 2}, ("codes", ["A"], ["A", "B"])),
        ({"allow": False, "codes": []}, {"x": 2}, ("codes", [], ["A", "B"])),
        (
            {"allow": True, "datasets": {"d.t": {"columns": {"name": {"action": "null"}}}}},
            {},
            ("datasets.d.t.columns.name.action", "null", "clear"),
        ),
        (
            {"allow": True, "datasets": {"e.t": {"row_filter": None}}},
            {},
            ("datasets.e.t.row_filter", None, "(absent)"),
        ),
        ({"allow": True, "datasets": {"e.t": {"columns": {"a": 1}}}}, {}, ("datasets.e.t.columns.a", 1, "(absent)")),
        ({"allow": True, "obligations": {"onward_sharing": 0}}, {}, ("obligations.onward_sharing", 0, False)),
        ({"allow": True, "obligations": {"rows_max": 11}}, {}, ("obligations.rows_max", 11, 10)),
        ({"allow": True}, {"y.z": 1}, ("change", "a path of the input", "'y'")),
        ({"allow": True}, {"list.7": {}}, ("change", "a path of the input", "list assignment index out of range")),
        ({"allow": True}, {"y": 1}, ("input", "the form of the schema", "another")),
        ({"allow": True}, {"x": True}, ("input", "the form of the schema", "another")),
    ],
)
def test_every_difference_is_a_failure(
    expect: dict[str, Any], change: dict[str, Any], failure: tuple[str, object, object]
) -> None:
    """With what was expected and what came; a path that leads nowhere and an input of no form are failures too."""
    found = failed(expect, change=change)
    assert found[0] == failure


def test_a_change_replaces_places_in_lists() -> None:
    """Numbers are places; what is changed in one case is not changed in the next."""
    cases = [
        {"sentence": "1", "change": {"list.0.a": "b", "x": 2}, "expect": {"allow": False}},
        {"sentence": "2", "expect": {"allow": True}},
    ]
    scenario = Scenario.model_validate({"input": {"x": 1, "list": [{}]}, "cases": cases})
    assert list(failures(scenario, pdp=RulePdp(), schema=SCHEMA)) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "input: {}",
        "input: {}\ncases: []",
        "input: {}\ncases: [{sentence: s}]",
        "input: {}\ncases: [{sentence: s, expect: {allow: yes please}}]",
        "input: {}\ncases: [{sentence: s, expect: {allow: 1}}]",
        "input: {}\ncases: [{sentence: s, expect: {allow: true, code: []}}]",
        "input: {}\ncases: [{sentence: s, changes: {}, expect: {allow: true}}]",
        "input: {",
    ],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    """A misspelt key must not make a case that checks nothing."""
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - of YAML, pydantic or the loader
        load_scenario(path)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"x": 1, "list": []}, True),
        ({"x": 1, "list": [{"a": "b"}]}, True),
        ({"x": 1}, False),
        ({"x": 1, "list": [], "y": 1}, False),
        ({"x": "1", "list": []}, False),
        ({"x": True, "list": []}, False),
        ({"x": None, "list": []}, False),
        ({"x": 1, "list": {}}, False),
        ({"x": 1, "list": [{"a": 1}]}, False),
        (None, False),
    ],
)
def test_the_form_of_an_input_is_told(document: object, expected: bool) -> None:
    """Types, required and unknown fields, at every depth."""
    assert fits(document, SCHEMA) is expected


def test_the_schema_is_that_of_the_policies() -> None:
    """From the distribution and from a directory."""
    assert load_input_schema() == load_input_schema(REPOSITORY / "policies")
