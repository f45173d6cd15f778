"""An answer that is not exactly an answer releases nothing; each fault is named for the operator."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from catalog.catalogue import Catalogue
from catalog.vocabulary import ColumnUse
from gateway.decide.answer import read_answer
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.decision import Decision
from gateway.model.query import ResolvedQuery
from gateway.model.requester import Emergency, Usage
from tests.unit.gateway.decide.conftest import STANDING, VERIFICATION, VISIT, resolved, used

CLEAR = {"action": "clear", "mask": None}
EMERGENCY = Emergency(id="e-1", area="31", purposes=(), starts_at=1, ends_at=2)
OBLIGATIONS = (
    "rows_max, rows_per_day_max, lookups_per_day_max, retention_days, onward_sharing, grade, agreements, emergency"
)
TEXT = {"zh": "文", "en": "text"}
DENIAL = {"code": "NOT_AVAILABLE", "rule": "minimisation", "message": TEXT, "legal_basis": TEXT, "remedy": TEXT}
ALLOWED: dict[str, Any] = {
    "allow": True,
    "datasets": {
        "population.resident": {
            "columns": {
                "name": {"action": "clear", "mask": None},
                "phone": {"action": "null", "mask": None},
                "resident_id": {"action": "partial", "mask": "resident_id"},
            },
            "row_filter": {"op": "prefix", "column": "residence_division", "values": ["310101002"]},
            "lookup_values_max": None,
        }
    },
    "people_min": None,
    "obligations": {
        "rows_max": 10,
        "rows_per_day_max": 100,
        "lookups_per_day_max": None,
        "retention_days": 1,
        "onward_sharing": False,
        "grade": "general-3",
        "agreements": ["a-health", "a-public_security"],
        "emergency": "e-1",
    },
    "denials": [],
    "determined_by": ["purpose"],
}
DENIED = ALLOWED | {"allow": False, "datasets": {}, "obligations": None, "denials": [DENIAL]}
LOOKED_UP = ALLOWED | {
    "datasets": {
        "health.health_code": {
            "columns": {"colour": {"action": "clear", "mask": None}, "resident_id": {"action": "lookup", "mask": None}},
            "row_filter": {"op": "prefix", "column": "residence_division", "values": ["31"]},
            "lookup_values_max": 1,
        }
    }
}
RESIDENT = ("datasets", "population.resident")
NAME = (*RESIDENT, "columns", "name")
FILTER = (*RESIDENT, "row_filter")
FILTERED = {"op": "prefix", "column": "residence_division", "values": ["31"]}
EVERYTHING = FILTERED | {"values": [""]}
REMOVED = object()

Read = Callable[..., Decision]


@pytest.fixture
def read(catalogue: Catalogue) -> Read:
    def ask(answer: object, query: ResolvedQuery = VISIT) -> Decision:
        return read_answer(
            answer,
            resolved=query,
            catalogue=catalogue,
            decision_id="d",
            policy_revision="r",
            standing=replace(STANDING, emergencies=(EMERGENCY,), usage=Usage(rows=90, lookups=0)),
            policy_input={},
        )

    return ask


def changed(answer: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return a copy with one place changed or removed."""
    document = copy.deepcopy(answer)
    node: Any = document
    for key in path[:-1]:
        node = node[key]
    if value is REMOVED:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return document


def fault(read: Read, answer: object, query: ResolvedQuery = VISIT) -> str:
    """Return the operator's text of the fault; the reason is always the same."""
    with pytest.raises(Unavailable) as caught:
        read(answer, query)
    assert caught.value.reason is Reason.POLICY_MALFORMED
    return caught.value.internal


def test_whole_answers_are_read(read: Read) -> None:
    """The answers that the faults below start from are themselves fine."""
    assert read(ALLOWED).allow
    assert read(changed(ALLOWED, ("obligations", "emergency"), None)).allow
    assert read(changed(ALLOWED, ("obligations", "rows_per_day_max"), None)).allow
    assert read(changed(ALLOWED, FILTER, {"op": "or", "operands": [FILTERED, FILTERED]})).allow
    assert not read(DENIED).allow
    assert read(LOOKED_UP, VERIFICATION).allow


def test_the_decision_has_the_hash_of_the_whole_answer(read: Read) -> None:
    """The order of keys does not count, every text does."""
    decision = read(DENIED)
    assert decision.answer_sha256 == read(dict(reversed(DENIED.items()))).answer_sha256
    message = ("denials", 0, "message", "zh")
    assert read(changed(DENIED, message, "别的")).answer_sha256 != decision.answer_sha256


@pytest.mark.parametrize(
    "answer", [None, True, 1, "allow", [], {}, {"allow": True}, [ALLOWED], {**ALLOWED, "extra": 1}]
)
def test_something_else_is_no_answer(read: Read, answer: object) -> None:
    """Only an object with exactly the agreed keys is an answer."""
    assert fault(read, answer).startswith("answer does not have exactly the keys")


@pytest.mark.parametrize("key", sorted(ALLOWED))
def test_no_key_may_be_missing(read: Read, key: str) -> None:
    """Every key is needed."""
    assert "answer" in fault(read, changed(ALLOWED, (key,), REMOVED))


@pytest.mark.parametrize("allow", ["true", 1, 1.0, float("nan"), [True], {}, None])
def test_truthy_is_not_true(read: Read, allow: object) -> None:
    """Only JSON's `true` allows."""
    assert fault(read, ALLOWED | {"allow": allow}) == "allow is not a boolean"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("denials",), [DENIAL], "denials do not fit allow"),
        (("denials",), {}, "denials is not a list"),
        (("denials",), None, "denials is not a list"),
        (("datasets",), [], "datasets are not those of the query"),
        (("datasets",), {}, "a dataset of the query is not decided"),
        (("datasets", "health.health_code"), {}, "datasets are not those of the query"),
        (RESIDENT, [], "population.resident does not have exactly the keys columns, row_filter, lookup_values_max"),
        ((*RESIDENT, "extra"), 1, "population.resident does not have exactly the keys columns, row_filter, lookup_values_max"),
        ((*RESIDENT, "columns"), ["name"], "population.resident: columns are not those of the query"),
        ((*RESIDENT, "columns", "sex"), CLEAR, "population.resident: columns are not those of the query"),
        (NAME, REMOVED, "population.resident: a column of the query is not decided"),
        (NAME, "clear", "population.resident.name does not have exactly the keys action, mask"),
        ((*NAME, "mask"), REMOVED, "population.resident.name does not have exactly the keys action, mask"),
        ((*NAME, "action"), "reveal", "population.resident.name: 'reveal' is not a valid ColumnAction"),
        ((*NAME, "action"), None, "population.resident.name is not text"),
        ((*NAME, "action"), "deny", "population.resident.name is denied in an allowed decision"),
        ((*NAME, "action"), "partial", "population.resident.name: the mask does not fit the action"),
        ((*NAME, "mask"), "name", "population.resident.name: the mask does not fit the action"),
        ((*NAME, "mask"), "scramble", "population.resident.name: 'scramble' is not a valid Mask"),
        ((*NAME, "mask"), 0, "population.resident.name is not text"),
        (FILTER, None, "population.resident: no row filter"),
        (FILTER, True, "population.resident: row filter: not a predicate"),
        (FILTER, "1=1", "population.resident: row filter: not a predicate"),
        ((*FILTER, "op"), "like", "population.resident: row filter: 'like' is not a valid PredicateOp"),
        ((*FILTER, "values"), [], "population.resident: row filter: operator 'prefix' has 0 values"),
        ((*FILTER, "values"), [31], "population.resident: the row filter's prefix is not text"),
        ((*FILTER, "values"), [""], "population.resident: the row filter's prefix is not text"),
        (FILTER, {"op": "or", "operands": [FILTERED, EVERYTHING]}, "population.resident: the row filter's prefix is not text"),
        ((*FILTER, "column"), "salary", "population.resident: the row filter names another column"),
        ((*RESIDENT, "lookup_values_max"), 0, "lookup_values_max is not an integer of at least 1"),
        ((*RESIDENT, "lookup_values_max"), True, "lookup_values_max is not an integer of at least 1"),
        (("people_min",), 10, "people_min without a statistic"),
        (("people_min",), 1, "people_min is not an integer of at least 2"),
        (("people_min",), "10", "people_min is not an integer of at least 2"),
        (("obligations",), None, "obligations do not fit allow"),
        (("obligations",), [], f"obligations does not have exactly the keys {OBLIGATIONS}"),
        (("obligations", "delete_after"), 1, f"obligations does not have exactly the keys {OBLIGATIONS}"),
        (("obligations", "emergency"), REMOVED, f"obligations does not have exactly the keys {OBLIGATIONS}"),
        (("obligations", "rows_per_day_max"), 0, "rows_per_day_max is not an integer of at least 1"),
        (("obligations", "rows_per_day_max"), "100", "rows_per_day_max is not an integer of at least 1"),
        (("obligations", "rows_max"), 11, "rows_max is more than the day's quota leaves"),
        (("obligations", "lookups_per_day_max"), False, "lookups_per_day_max is not an integer of at least 1"),
        (("obligations", "grade"), None, "grade is not text"),
        (("obligations", "grade"), "cosmic", "the grade is not registered"),
        (("obligations", "agreements"), None, "agreements is not a list"),
        (("obligations", "agreements"), [7], "agreements is not text"),
        (("obligations", "agreements"), ["a-health", "a-unknown"], "the agreements are not some that stand, sorted"),
        (("obligations", "agreements"), ["a-public_security", "a-health"], "the agreements are not some that stand, sorted"),
        (("obligations", "agreements"), ["a-health", "a-health"], "the agreements are not some that stand, sorted"),
        (("obligations", "emergency"), "", "emergency is not text"),
        (("obligations", "emergency"), "e-2", "the emergency is not one that stands"),
        (("obligations", "rows_max"), True, "rows_max is not an integer of at least 1"),
        (("obligations", "rows_max"), 0, "rows_max is not an integer of at least 1"),
        (("obligations", "rows_max"), 1e9, "rows_max is not an integer of at least 1"),
        (("obligations", "retention_days"), "1", "retention_days is not an integer of at least 1"),
        (("obligations", "onward_sharing"), "no", "onward_sharing is not a boolean"),
        (("determined_by",), [], "determined_by is empty"),
        (("determined_by",), [7], "determined_by is not text"),
        (("determined_by",), "purpose", "determined_by is not a list"),
    ],
)  # fmt: skip
def test_faults_of_an_allowing_answer(read: Read, path: tuple[str, ...], value: object, expected: str) -> None:
    """Each fault of an allowing answer is refused and named."""
    assert fault(read, changed(ALLOWED, path, value)) == expected


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("denials",), [], "denials do not fit allow"),
        (("denials", 0), "no", "denial does not have exactly the keys code, rule, message, legal_basis, remedy"),
        (("denials", 0, "remedy"), REMOVED, "denial does not have exactly the keys code, rule, message, legal_basis, remedy"),
        (("denials", 0, "code"), "not available", "a denial code is malformed"),
        (("denials", 0, "rule"), "", "rule is not text"),
        (("denials", 0, "message"), "no", "message does not have exactly the keys zh, en"),
        (("denials", 0, "message"), {"zh": "", "en": "x"}, "message is not text"),
        (("denials", 0, "legal_basis"), {"zh": "文"}, "legal_basis does not have exactly the keys zh, en"),
        (("obligations",), ALLOWED["obligations"], "obligations do not fit allow"),
        (("people_min",), 10, "people_min without a statistic"),
        (("datasets",), {"secret.register": {}}, "datasets are not those of the query"),
    ],
)  # fmt: skip
def test_faults_of_a_denying_answer(read: Read, path: tuple[str, ...], value: object, expected: str) -> None:
    """A denial must be whole as well: a bare no is a fault, not a denial."""
    assert fault(read, changed(DENIED, path, value)) == expected


def test_a_denying_answer_may_say_what_would_have_left(read: Read) -> None:
    """Treatments may come with a denial; then nothing needs a row filter."""
    answer = DENIED | {"datasets": changed(ALLOWED, FILTER, None)["datasets"]}
    assert read(answer).datasets["population.resident"].row_filter is None


def test_a_predicate_that_is_nested_too_deeply_is_refused(read: Read) -> None:
    """A row filter cannot exhaust the stack."""
    predicate: dict[str, Any] = {"op": "prefix", "column": "residence_division", "values": ["31"]}
    for _ in range(5_000):
        predicate = {"op": "not", "operands": [predicate]}
    answer = {
        **ALLOWED,
        "datasets": {"population.resident": {**ALLOWED["datasets"]["population.resident"], "row_filter": predicate}},
    }
    assert fault(read, answer) == "population.resident: row filter: not a predicate"


def test_a_query_without_datasets_or_with_unknown_names_cannot_be_allowed(read: Read) -> None:
    """Whatever the policy says."""
    assert fault(read, ALLOWED | {"datasets": {}}, resolved()) == "a dataset of the query is not decided"
    assert fault(read, ALLOWED, replace(VISIT, unknown_names=("x",))) == "a query with unknown names is allowed"


def test_a_statistic_may_have_a_smallest_group(read: Read) -> None:
    """`people_min` belongs to queries that only count."""
    assert read(ALLOWED | {"people_min": 2}, replace(VISIT, aggregate_only=True)).people_min == 2


@pytest.mark.parametrize(
    ("answer", "query", "expected"),
    [
        (
            LOOKED_UP,
            replace(VERIFICATION, datasets=(used("health.health_code", "colour resident_id"),)),
            "health.health_code.resident_id is released for look-ups only and is used otherwise",
        ),
        (
            LOOKED_UP,
            replace(
                VERIFICATION,
                datasets=(
                    used(
                        "health.health_code",
                        {"colour": {ColumnUse.SELECTED}, "resident_id": {ColumnUse.LOOKED_UP, ColumnUse.SELECTED}},
                    ),
                ),
            ),
            "health.health_code.resident_id is released for look-ups only and is used otherwise",
        ),
        (
            LOOKED_UP,
            replace(VERIFICATION, source_filters=()),
            "health.health_code.resident_id is not bound to as few keys as decided",
        ),
        (
            changed(LOOKED_UP, ("datasets", "health.health_code", "lookup_values_max"), None),
            VERIFICATION,
            "health.health_code.resident_id is not bound to as few keys as decided",
        ),
    ],
)
def test_a_look_up_is_checked_again(read: Read, answer: object, query: ResolvedQuery, expected: str) -> None:
    """A look-up key that is not bound as decided is refused, even when the policy allows it."""
    assert fault(read, answer, query) == expected
