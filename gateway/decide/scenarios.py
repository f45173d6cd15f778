"""Scenario files: what the policy says to a requester, case by case, in words a lawyer can check.

    input: {…}                                # a whole policy input
    cases:
      - sentence: A street sees its own residents.
        change: {requester.office_kind: street, query.datasets.0.name: population.resident}
        expect: {allow: true, codes: [], datasets: {population.resident: {…}}, obligations: {…}}

`change` replaces what stands at a dotted path; numbers are places in a list. `codes` are all denial codes; of `datasets` and
`obligations` only what is named is compared.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from gateway.decide.input_schema import fits
from gateway.decide.pdp import PolicyDecisionPoint
from gateway.errors import Unavailable

_SECONDS_MAX = 10.0
_ABSENT = "(absent)"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Expectation(_Strict):
    """What the answer must say; what is left out is not compared."""

    allow: bool
    codes: list[str] | None = None
    datasets: dict[str, Any] = {}
    obligations: dict[str, Any] = {}


class ScenarioCase(_Strict):
    """One question and its answer."""

    sentence: str
    change: dict[str, Any] = {}
    expect: Expectation


class Scenario(_Strict):
    """The cases of one file."""

    input: dict[str, Any]
    cases: list[ScenarioCase]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFailure:
    """A case whose answer is another than expected."""

    sentence: str
    where: str
    expected: object
    got: object


def load_scenario(path: Path) -> Scenario:
    """Read a scenario file.

    Raises:
        ValueError: It is no scenario (also `yaml.YAMLError` and pydantic's errors as such).
        OSError: It cannot be read.
    """
    try:
        scenario = Scenario.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: {error}") from error
    if not scenario.cases:
        raise ValueError(f"{path}: 没有用例 / no cases")
    return scenario


def failures(scenario: Scenario, *, pdp: PolicyDecisionPoint, schema: Mapping[str, Any]) -> Iterator[ScenarioFailure]:
    """Yield what differs from what the cases expect."""
    for case in scenario.cases:
        try:
            document = changed(scenario.input, case.change)
        except (LookupError, TypeError, ValueError) as error:
            yield ScenarioFailure(
                sentence=case.sentence, where="change", expected="a path of the input", got=str(error)
            )
            continue
        if not fits(document, schema):
            yield ScenarioFailure(
                sentence=case.sentence, where="input", expected="the form of the schema", got="another"
            )
        for where, expected, got in _differences(case.expect, _answer(pdp, document)):
            yield ScenarioFailure(sentence=case.sentence, where=where, expected=expected, got=got)


def changed(document: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input with what stands at each dotted path replaced.

    Raises:
        LookupError, TypeError, ValueError: A path leads nowhere.
    """
    result = copy.deepcopy(dict(document))
    for path, value in change.items():
        *steps, last = path.split(".")
        node: Any = result
        for step in steps:
            node = node[int(step) if isinstance(node, list) else step]
        node[int(last) if isinstance(node, list) else last] = copy.deepcopy(value)
    return result


def _answer(pdp: PolicyDecisionPoint, document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - untrusted JSON
    try:
        return pdp.evaluate(document, deadline_seconds=_SECONDS_MAX).answer
    except Unavailable as error:
        return {"allow": str(error.reason)}


def _differences(expect: Expectation, answer: Any) -> Iterator[tuple[str, object, object]]:  # noqa: ANN401
    answer = answer if isinstance(answer, dict) else {}
    if answer.get("allow") is not expect.allow:
        codes = [denial["code"] for denial in answer.get("denials", ())]
        yield "allow", expect.allow, f"{answer.get('allow')} {' '.join(codes)}".strip()
    elif expect.codes is not None:
        codes = sorted({denial["code"] for denial in answer.get("denials", ())})
        if codes != sorted(set(expect.codes)):
            yield "codes", sorted(set(expect.codes)), codes
    yield from _missing(expect.datasets, answer.get("datasets"), "datasets")
    yield from _missing(expect.obligations, answer.get("obligations"), "obligations")


def _missing(expected: object, got: object, where: str) -> Iterator[tuple[str, object, object]]:
    """Yield where `got` does not hold what is expected; objects are compared by what is named."""
    if isinstance(expected, dict) and expected:
        for name, item in expected.items():
            found = got[name] if isinstance(got, dict) and name in got else _ABSENT
            yield from _missing(item, found, f"{where}.{name}")
    elif expected != {} and (type(expected) is not type(got) or expected != got):
        yield where, expected, got
