"""One row per entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sdk.access_log import connect, entry_rows
from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import encode_entry

WHO = {"subject": "ann", "office": "310101002", "office_kind": "street", "division_code": "310101002"}
INTENT = {
    "requester": WHO,
    "purpose": "window-service",
    "case": "c-1",
    "channel": "flight_sql",
    "sql": "SELECT name FROM population.resident WHERE resident_id = ?",
    "datasets": [
        {
            "name": "population.resident",
            "columns": [
                {"name": "name", "uses": ["filtered", "selected"], "action": "partial", "mask": "name"},
                {"name": "resident_id", "uses": ["looked_up"], "action": "lookup", "mask": None},
            ],
            "people": ["st1.a", "st1.b"],
        },
        {"name": "housing.dwelling", "columns": [], "people": []},
    ],
    "scans": [{"dataset": "population.resident", "controller": "public_security", "lookup_values": 2}],
    "obligations": {"rows_max": 7, "emergency": None},
    "decision_id": "d-1",
}


def row(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry says, without nulls."""
    leaf = encode_entry(encode_canonical(dict(body)), sequence=1, entry_id="e-1", kind=kind, time_micros=5)
    with connect() as database:
        (found,) = entry_rows([leaf], database=database, places=[0]).to_pylist()
    return {name: value for name, value in found.items() if value is not None}


def test_an_intent_says_who_what_for_and_which_columns() -> None:
    """Names stand in columns, used columns and named people in lists with the controller that was asked."""
    found = row("intent", INTENT)
    assert (found["requester"], found["office"], found["division_code"]) == ("ann", "310101002", "310101002000")
    assert (found["purpose"], found["case_number"], found["statement"]) == ("window-service", "c-1", INTENT["sql"])
    assert (found["datasets"], found["lookup_values"]) == ("population.resident, housing.dwelling", 2)
    assert [tuple(used.values()) for used in found["accessed"]] == [
        ("population.resident", "public_security", "name", "filtered, selected", "partial", "name"),
        ("population.resident", "public_security", "resident_id", "looked_up", "lookup", None),
    ]
    assert [named["person"] for named in found["people"]] == ["st1.a", "st1.b"]


def test_a_denial_says_which_columns_were_asked_for() -> None:
    """The codes are one text; the columns come from what the policy saw, without any treatment."""
    query = {"datasets": [{"name": "health.health_code", "columns": [{"name": "colour", "uses": ["selected"]}]}]}
    body = {
        "requester": WHO,
        "datasets": [{"name": "health.health_code", "people": ["st1.a"]}],
        "denials": [{"code": "NOT_AVAILABLE"}, {"code": "CASE_REQUIRED"}],
        "policy_input": {"query": query},
    }
    found = row("denial", body)
    assert found["reasons"] == "NOT_AVAILABLE, CASE_REQUIRED"
    (used,) = found["accessed"]
    assert (used["dataset"], used["column_name"], used["action"]) == ("health.health_code", "colour", None)
    assert [named["person"] for named in found["people"]] == ["st1.a"]


def test_an_entry_of_nobody_belongs_to_the_whole_city() -> None:
    """A refused credential has no requester and no office; only who may see the whole city sees it."""
    found = row("failure", {"reason": "TOKEN_INVALID"})
    assert (found["requester"], found["division_code"], found["reasons"]) == ("", "310000000000", "TOKEN_INVALID")


def test_members_of_another_type_are_null() -> None:
    """Whatever a body holds, its row can be made, and its text is kept."""
    body = {
        "requester": None,
        "datasets": "text",
        "facts": [1],
        "denials": {"a": 1},
        "reason": "a\x00b",
        "sent": {"rows": 10**19},
        "expires_at": 2**64 - 1,
    }
    found = row("receipt", body)
    assert set(found) == {
        "sequence",
        "entry_id",
        "kind",
        "recorded_at",
        "recorded_on",
        "place",
        "requester",
        "division_code",
        "reasons",
        "body",
    }
    assert found["body"].encode() == encode_canonical(body)
