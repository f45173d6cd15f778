"""Both engines give the same answers, and never an allowing one without every fact."""

from __future__ import annotations

import copy
import json
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from catalog.catalogue import Catalogue
from gateway.decide import EmbeddedPdp, PolicyBundle, PolicyDecisionPoint
from gateway.decide.opa_server import OpaServerPdp, provision
from gateway.errors import Unavailable
from tests.opa_binary import running_opa
from tests.policies.generated_inputs import generated_inputs, spoil

SOAK = bool(os.environ.get("SOAK"))
COUNT = 50_000 if SOAK else 600
STRICT = 500 if SOAK else 100
CONNECTIONS = 4
SPOILED = 16 if SOAK else 5
EACH = 12
CODES = {
    "PURPOSE_MISSING", "PURPOSE_UNKNOWN", "PURPOSE_NOT_ACTIVE", "OFFICE_NOT_ENTITLED", "ROLE_NOT_ENTITLED", "CASE_REQUIRED",
    "CASE_INVALID", "CASE_NOT_OPEN", "EMERGENCY_NOT_DECLARED", "NOT_AVAILABLE", "CLEARANCE_TOO_LOW", "CHANNEL_CEILING",
    "LOOKUP_ONLY", "LOOKUP_TOO_MANY", "STATISTICS_ONLY", "AGREEMENT_MISSING", "CONSENT_MISSING", "QUOTA_EXCEEDED",
    "PURPOSE_REVOKED", "REQUESTER_REVOKED", "REQUESTER_INCOMPLETE", "INPUT_INVALID", "DATASET_STOPPED", "COLUMN_STOPPED",
    "OFFICE_STOPPED", "AGREEMENT_STOPPED",
}  # fmt: skip


def answer_of(pdp: PolicyDecisionPoint, document: dict[str, Any]) -> Any:
    """Return the answer, or the reason why there is none."""
    try:
        return pdp.evaluate(document, deadline_seconds=100).answer
    except Unavailable as error:
        return str(error.reason)


def assert_alike(embedded: EmbeddedPdp, opa: OpaServerPdp, document: dict[str, Any]) -> Any:
    """Compare the two answers word for word and return one."""
    ours, theirs = answer_of(embedded, document), answer_of(opa, document)
    assert json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True), f"{document}"
    return ours


@contextmanager
def both(url: str, bundle: PolicyBundle) -> Iterator[tuple[EmbeddedPdp, OpaServerPdp]]:
    """Yield both engines with the same bundle."""
    provision(url, bundle=bundle)
    embedded, opa = EmbeddedPdp(bundle), OpaServerPdp(url, bundle=bundle)
    yield embedded, opa
    embedded.close()
    opa.close()


def outcomes(embedded: EmbeddedPdp, opa: OpaServerPdp, documents: Iterable[dict[str, Any]]) -> Counter[str]:
    """Compare the answers to whole documents, several at a time, and count the codes."""
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for answer in threads.map(lambda document: assert_alike(embedded, opa, document), documents):
            assert answer["allow"] is not bool(answer["denials"])
            seen.update(["allowed"] if answer["allow"] else {denial["code"] for denial in answer["denials"]})
    return seen


@pytest.mark.opa
@pytest.mark.timeout(3600 if SOAK else 600)
def test_both_engines_give_the_same_answer(catalogue: Catalogue, embedded: EmbeddedPdp, opa: OpaServerPdp) -> None:
    """For hundreds of generated inputs, thousands in `make soak`, both engines answer alike, word for word."""
    seen = outcomes(embedded, opa, generated_inputs(catalogue, seed=20220524, count=COUNT))
    rare = {code for code in CODES | {"allowed"} if seen[code] < max(1, COUNT // 1_000)}
    assert not rare, f"the generator hardly reaches {rare}: {seen}"


@pytest.mark.opa
def test_both_engines_forbid_the_same_combinations(catalogue: Catalogue, bundle: PolicyBundle) -> None:
    """Were no purpose permitted a combination, both engines would deny it alike."""
    data = copy.deepcopy(dict(bundle.data))
    for purpose in data["catalog"]["purposes"].values():
        purpose["permitted_combinations"] = []
    forbidding = {name: p for name, p in catalogue.purposes.items() if p.permitted_combinations}
    documents = generated_inputs(replace(catalogue, purposes=forbidding), seed=45574, count=STRICT)
    with running_opa() as url, both(url, PolicyBundle(modules=bundle.modules, data=data)) as (embedded, opa):
        assert outcomes(embedded, opa, documents)["COMBINATION_FORBIDDEN"] > STRICT // 100


@pytest.mark.opa
def test_both_engines_give_the_same_answer_on_damaged_data(catalogue: Catalogue, bundle: PolicyBundle) -> None:
    """Where the catalogue's export is damaged, both engines still answer alike."""
    random_ = random.Random(43697)
    changed = 0
    with running_opa() as url:
        for number in range(SPOILED):
            data = copy.deepcopy(dict(bundle.data))
            for _ in range(8):
                spoil(data["catalog"], random_)
            damaged = PolicyBundle(modules=bundle.modules, data=data)
            with both(url, damaged) as (embedded, opa):
                for document in generated_inputs(catalogue, seed=number, count=EACH):
                    answer = assert_alike(embedded, opa, document)
                    changed += isinstance(answer, str) or not answer["allow"]
    assert changed > SPOILED
