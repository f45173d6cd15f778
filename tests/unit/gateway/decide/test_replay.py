"""Recorded decisions asked again: every difference is found, and nothing is dropped."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.decide import Evaluation
from gateway.decide.replay import ChangeKind, Replay, replay
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["requester", "purpose", "query"],
    "properties": {
        "requester": {
            "type": "object",
            "additionalProperties": False,
            "required": ["office"],
            "properties": {"office": {"type": "string"}},
        },
        "purpose": {"type": "string"},
        "query": {
            "type": "object",
            "additionalProperties": False,
            "required": ["datasets"],
            "properties": {
                "datasets": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}},
                    },
                }
            },
        },
    },
}
INPUT = {"requester": {"office": "310101002"}, "purpose": "visits", "query": {"datasets": [{"name": "d.t"}]}}
FILTER = {"op": "prefix", "column": "division", "values": ["310101002"]}
ALLOWED = {
    "allow": True,
    "datasets": {
        "d.t": {
            "columns": {"name": {"action": "partial", "mask": "name"}},
            "row_filter": FILTER,
            "lookup_values_max": 1,
        }
    },
    "people_min": None,
    "obligations": {"rows_max": 10, "grade": "general-2"},
    "denials": [],
}
DENIED = {"allow": False, "denials": [{"code": "CLEARANCE_TOO_LOW"}, {"code": "CASE_REQUIRED"}], "datasets": {}}


class FakePdp:
    """Answers everything alike, or not at all."""

    revision = "b" * 16

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Evaluation(answer=copy.deepcopy(self.answer), revision=self.revision)

    def close(self) -> None:
        pass


def intent(number: int = 1, **changes: Any) -> AuditEntry:
    column = {"name": "name", "uses": ["selected"], "action": "partial", "mask": "name"}
    body = {
        "policy_input": INPUT,
        "datasets": [{"name": "d.t", "columns": [column], "row_filter": FILTER, "lookup_values_max": 1}],
        "people_min": None,
        "obligations": {"rows_max": 10},
    }
    return entry(EntryKind.INTENT, {**body, **changes}, number)


def denial(number: int = 1, **changes: Any) -> AuditEntry:
    body = {"policy_input": INPUT, "denials": [{"code": "CASE_REQUIRED"}, {"code": "CLEARANCE_TOO_LOW"}]}
    return entry(EntryKind.DENIAL, {**body, **changes}, number)


def entry(kind: EntryKind, body: Mapping[str, Any], number: int) -> AuditEntry:
    return AuditEntry(sequence=number, entry_id=f"e-{number}", kind=kind, time_micros=0, body=body, leaf=b"")


def asked_again(answer: object, *entries: AuditEntry) -> Replay:
    return replay(entries, pdp=FakePdp(answer), schema=SCHEMA)


def answer(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ALLOWED), **changes}


def test_the_same_answers_are_no_change() -> None:
    """What the recorded entry does not hold is not compared; order of codes does not count."""
    outcome = asked_again(ALLOWED, intent())
    assert (outcome.compared, outcome.changed, outcome.changes) == (1, 0, {})
    assert asked_again(DENIED, denial()).changed == 0


def column(**changes: Any) -> dict[str, Any]:
    return {"datasets": {"d.t": {**ALLOWED["datasets"]["d.t"], **changes}}}  # type: ignore[index]


@pytest.mark.parametrize(
    ("recorded", "new", "kind", "dataset", "detail"),
    [
        (intent(), DENIED, ChangeKind.NOW_DENIED, "d.t", "✓ → CASE_REQUIRED CLEARANCE_TOO_LOW"),
        (denial(), ALLOWED, ChangeKind.NOW_ALLOWED, "d.t", "CASE_REQUIRED CLEARANCE_TOO_LOW → ✓"),
        (
            denial(denials=[{"code": "CASE_REQUIRED"}]),
            DENIED,
            ChangeKind.OTHER_CODES,
            "d.t",
            "CASE_REQUIRED → CASE_REQUIRED CLEARANCE_TOO_LOW",
        ),
        (
            intent(),
            answer(**column(columns={"name": {"action": "clear", "mask": None}})),
            ChangeKind.TREATMENT,
            "d.t",
            "name: partial (name) → clear",
        ),
        (
            intent(),
            answer(**column(row_filter={**FILTER, "values": ["31"]})),
            ChangeKind.ROW_FILTER,
            "d.t",
            '{"op": "prefix", "column": "division", "values": ["310101002"]} → '
            '{"op": "prefix", "column": "division", "values": ["31"]}',
        ),
        (intent(), answer(obligations={"rows_max": 9}), ChangeKind.OBLIGATIONS, "", "rows_max: 10 → 9"),
        (intent(), answer(obligations={}), ChangeKind.OBLIGATIONS, "", "rows_max: 10 → null"),
        (intent(), answer(people_min=5), ChangeKind.OBLIGATIONS, "", "people_min: null → 5"),
        (intent(), answer(datasets={}), ChangeKind.NO_ANSWER, "d.t", "KeyError('d.t')"),
        (intent(), Unavailable(Reason.POLICY_UNDEFINED), ChangeKind.NO_ANSWER, "d.t", "POLICY_UNDEFINED"),
        (denial(), None, ChangeKind.NO_ANSWER, "d.t", "\"'NoneType' object is not subscriptable\""),
    ],
)
def test_every_kind_of_change_is_found(
    recorded: AuditEntry, new: object, kind: ChangeKind, dataset: str, detail: str
) -> None:
    """With office, purpose, dataset, before and after."""
    outcome = asked_again(new, recorded)
    (change,) = outcome.changes
    assert (change.kind, change.office, change.purpose, change.dataset) == (kind, "310101002", "visits", dataset)
    assert change.detail == detail or kind is ChangeKind.NO_ANSWER
    assert outcome.changed == 1


def test_changes_are_counted_with_the_first_entries_that_show_them() -> None:
    """Many like changes are one line."""
    outcome = asked_again(DENIED, *(intent(number) for number in range(1, 8)))
    (occurrences,) = outcome.changes.values()
    assert (occurrences.count, occurrences.entry_ids) == (7, ["e-1", "e-2", "e-3"])
    assert (outcome.compared, outcome.changed) == (7, 7)


def test_an_entry_of_another_form_is_counted_as_not_comparable() -> None:
    """An older gateway's input is neither dropped nor guessed at."""
    older = {"requester": {"office": "310101002"}, "purpose": "visits"}
    entries = [intent(1), intent(2, policy_input=older), denial(3, policy_input={**INPUT, "extra": 1})]
    missing = entry(EntryKind.DENIAL, {"denials": []}, 4)
    outcome = asked_again(ALLOWED, *entries, missing)
    assert (outcome.compared, outcome.changed, outcome.not_comparable) == (1, 0, 3)
