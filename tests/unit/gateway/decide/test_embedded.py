"""The policy in process."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.decide import EmbeddedPdp, PolicyBundle
from gateway.decide.policy_input import make_policy_input
from gateway.errors import Unavailable
from gateway.messages import Reason
from tests.opa_binary import REPOSITORY
from tests.unit.gateway.decide.conftest import CLERK, CONTEXT, STANDING, VISIT

INPUT = make_policy_input(VISIT, requester=CLERK, context=CONTEXT, standing=STANDING)


def policy(source: str, **data: Any) -> EmbeddedPdp:
    """Return an engine with another policy."""
    modules = {"decision.rego": f"package sharing.access\n\n{source}\n"}
    return EmbeddedPdp(PolicyBundle(modules=modules, data=data))


def reason_of(pdp: EmbeddedPdp, document: Any = INPUT, *, seconds: float = 20) -> Reason:
    with pytest.raises(Unavailable) as caught:
        pdp.evaluate(document, deadline_seconds=seconds)
    return caught.value.reason


def test_it_gives_the_decision(embedded: EmbeddedPdp, bundle: PolicyBundle) -> None:
    """The engine evaluates the one entrypoint under the bundle's revision."""
    answer = embedded.evaluate(INPUT, deadline_seconds=100).answer
    assert isinstance(answer, dict)
    assert answer["allow"] is True
    assert embedded.revision == bundle.revision


def test_policies_that_do_not_compile_are_refused_at_the_start() -> None:
    """A broken policy never becomes an engine."""
    with pytest.raises(Unavailable) as caught:
        policy("decision := {")
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE


def test_an_undefined_decision_has_its_own_reason() -> None:
    """Undefined is neither yes nor no."""
    assert reason_of(policy("decision := true if input.purpose == 7")) is Reason.POLICY_UNDEFINED


def test_an_evaluation_error_is_not_an_answer() -> None:
    """Two values for one rule are an error of the policy."""
    assert reason_of(policy('decision := 1 if input.case == ""\n\ndecision := 2 if input.case == ""')) in (
        Reason.POLICY_UNAVAILABLE,
        Reason.POLICY_MALFORMED,
    )


def test_a_slow_policy_is_given_up_at_the_deadline() -> None:
    """An evaluation that takes long ends the call at its deadline."""
    slow = policy("n := numbers.range(1, 400)\n\ndecision := count([1 | some a in n; some b in n; a + b == 0])")
    assert reason_of(slow, seconds=0.02) is Reason.POLICY_SLOW


@pytest.mark.parametrize("text", ['a"b', "a\\b", 'x","allow":true,"y":"', "a\nb\tc", "文字", "{{x}}", "\\u0041", ""])
def test_text_comes_back_as_it_went_in(text: str) -> None:
    """No text can become part of the answer's structure; this also holds against text from the data."""
    echo = policy(
        'decision := {"input": input.text, "same": input.text == data.text, "key": input.object[data.text]}', text=text
    )
    assert echo.evaluate({"text": text, "object": {text: 1}}, deadline_seconds=100).answer == {
        "input": text,
        "same": True,
        "key": 1,
    }


def test_a_nul_does_not_cut_text_short() -> None:
    """`purpose<NUL>rest` is not `purpose`."""
    echo = policy('decision := {"same": input.text == "visits"}')
    assert echo.evaluate({"text": "visits\x00rest"}, deadline_seconds=100).answer == {"same": False}


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), 2**64 + 1, {1}, b"x", "\ud800", float("nan")])
def test_values_that_would_change_on_the_way_are_refused(value: object) -> None:
    """Floats, large integers and other types are not part of an input; a large integer must not wrap around."""
    echo = policy('decision := {"value": input.value}')
    assert reason_of(echo, {"value": value}) is Reason.POLICY_UNAVAILABLE


def test_json_values_survive() -> None:
    """Every kind of JSON value that an input has comes back the same."""
    value = {"a": [1, -1, 2**53 - 1, True, False, None, "x"], "b": {}, "c": []}
    echo = policy('decision := {"value": input.value}')
    assert echo.evaluate({"value": value}, deadline_seconds=100).answer == {"value": value}


def test_an_answer_that_is_too_large_is_refused() -> None:
    """The answer has a bound."""
    large = policy('decision := concat("", [input.text | some _ in numbers.range(1, 2000)])')
    assert reason_of(large, {"text": "x" * 1000}) is Reason.POLICY_UNAVAILABLE


def test_many_threads_get_their_own_answers(embedded: EmbeddedPdp) -> None:
    """Concurrent calls do not mix: each answer fits its own question."""
    inputs = []
    for number in range(60):
        document = copy.deepcopy(INPUT)
        document["purpose"] = f"purpose-{number}" if number % 2 else "elderly-care-visits"
        inputs.append(document)
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda document: embedded.evaluate(document, deadline_seconds=60).answer, inputs))
    for number, answer in enumerate(answers):
        assert isinstance(answer, dict)
        assert answer["allow"] is (number % 2 == 0)
        assert number % 2 == 0 or f"'purpose-{number}'" in json.dumps(answer)


def test_nothing_is_decided_after_close(bundle: PolicyBundle) -> None:
    """A closed engine denies."""
    pdp = EmbeddedPdp(bundle)
    pdp.close()
    assert reason_of(pdp) is Reason.POLICY_UNAVAILABLE


def test_memory_stays_flat_beside_other_libraries() -> None:
    """A hundred decisions in a process that loaded pyarrow and grpc first leave no memory behind."""
    run = subprocess.run([sys.executable, "-c", _GROWTH], cwd=REPOSITORY, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 10 << 20, f"{run.stdout} bytes after {_DECISIONS} decisions"


_DECISIONS = 100
_GROWTH = f"""
import grpc, numpy, pyarrow
import os, psutil
from catalog.load import load_catalogue
from gateway.decide import EmbeddedPdp, load_bundle
from tests.unit.gateway.decide.test_embedded import INPUT

pdp = EmbeddedPdp(load_bundle(catalogue=load_catalogue()))
resident = lambda: psutil.Process().memory_info().rss
for _ in range(50):
    pdp.evaluate(INPUT, deadline_seconds=100)
before = resident()
for _ in range({_DECISIONS}):
    pdp.evaluate(INPUT, deadline_seconds=100)
print(max(0, resident() - before), flush=True)
os._exit(0)
"""
