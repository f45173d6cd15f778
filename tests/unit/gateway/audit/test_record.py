from __future__ import annotations

import dataclasses
import datetime
from typing import Any

import pytest

from catalog.dataset import Text
from catalog.registry import ConnectorInstance, Drift, Registration, RegistrationState
from catalog.vocabulary import Role
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.tlog.canonical import encode_canonical
from gateway.audit.record import record_denial, record_failure, record_intent, record_receipt
from gateway.audit.record_change import (
    record_administration,
    record_audit_query,
    record_refused_registration,
    record_registration,
)
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind, Outcome
from gateway.model.decision import Denial
from gateway.model.result import ReceivedScan
from tests.unit.gateway.audit.recorded import (
    CONTEXT,
    DECISION,
    PEOPLE,
    PLAN,
    REQUESTER,
    RESOLVED,
    SCAN,
    SECRET,
    SENT,
    KeptLog,
)


@pytest.fixture
def log() -> KeptLog:
    return KeptLog()


def intent(log: KeptLog, **changes: Any) -> AuditEntry:
    facts: dict[str, Any] = {
        "requester": REQUESTER,
        "context": CONTEXT,
        "plan": PLAN,
        "catalogue_revision": "catalogue-3",
        "people": PEOPLE,
    }
    return record_intent(log, **{**facts, **changes})


def test_intent_says_who_what_why_and_by_which_rules(log: KeptLog) -> None:
    """An intent holds requester, purpose, columns with uses and treatment, row filters, rules and revisions."""
    entry = intent(log)
    assert entry.kind is EntryKind.INTENT
    assert entry.body == {
        "requester": {
            "subject": "clerk-1",
            "token_id": "token-1",
            "office": "310101002",
            "office_kind": "street",
            "division_code": "310101002",
            "roles": ["clerk", "steward"],
            "clearance": "general-3",
        },
        "purpose": "elderly-care-visits",
        "case": "案-1",
        "channel": "flight_sql",
        "sql": "SELECT name FROM population.resident WHERE resident_id = ?",
        "datasets": [
            {
                "name": "population.resident",
                "columns": [
                    {"name": "name", "uses": ["ordered", "selected"], "action": "partial", "mask": "name"},
                    {"name": "resident_id", "uses": ["looked_up"], "action": "lookup", "mask": None},
                ],
                "row_filter": {"op": "prefix", "column": "residence_division", "values": ["310101002"]},
                "lookup_values_max": 1,
                "people": ["st1.token"],
            }
        ],
        "scans": [
            {
                "dataset": "population.resident",
                "controller": "public_security",
                "columns": ["name", "residence_division"],
                "row_filter": {"op": "prefix", "column": "residence_division", "values": ["310101002"]},
                "pushed_columns": ["resident_id"],
                "lookup_column": "resident_id",
                "lookup_values": 1,
                "rows_max": 500,
            }
        ],
        "decision_id": "decision-1",
        "determined_by": ["rule-a", "rule-b"],
        "policy_revision": "policy-7",
        "policy_input": {
            "purpose": "elderly-care-visits",
            "query": {
                "datasets": [{"name": "population.resident", "columns": []}],
                "unknown_names": ["population.secret"],
            },
            "ratio": "0.1",
        },
        "answer_sha256": "0" * 64,
        "people_min": None,
        "obligations": {
            "rows_max": 500,
            "rows_per_day_max": 5000,
            "lookups_per_day_max": None,
            "retention_days": 30,
            "onward_sharing": False,
            "grade": "general-3",
            "agreements": ["agreement-1"],
            "emergency": None,
        },
        "catalogue_revision": "catalogue-3",
    }


def test_no_literal_is_recorded(log: KeptLog) -> None:
    """Values that the requester searched for stand in the SQL, the filters and the keys, but never in the log."""
    assert SECRET in RESOLVED.sql
    record_denial(
        log,
        requester=REQUESTER,
        context=CONTEXT,
        sql_normalised=RESOLVED.normalised_sql,
        decision=DECISION,
        people=PEOPLE,
    )
    receipt(log, intent(log))
    for entry in log.entries:
        assert SECRET.encode() not in encode_canonical(dict(entry.body))


def test_floats_and_dates_become_text(log: KeptLog) -> None:
    """A row filter over dates or fractions is recorded as text, so that the entry has one form."""
    operands = (
        Predicate(op=PredicateOp.GE, column="floor_area", values=(50.5,)),
        Predicate(op=PredicateOp.LT, column="moved_in_date", values=(datetime.date(2020, 1, 2),)),
    )
    scan = dataclasses.replace(SCAN, row_filter=Predicate(op=PredicateOp.AND, operands=operands))
    recorded = intent(log, plan=dataclasses.replace(PLAN, scans=(scan,))).body["scans"][0]["row_filter"]["operands"]
    assert [operand["values"] for operand in recorded] == [["50.5"], ["2020-01-02"]]


def test_text_that_is_no_utf8_is_recorded_visibly(log: KeptLog) -> None:
    """A requester cannot escape the log with text that UTF-8 cannot hold."""
    context = dataclasses.replace(CONTEXT, case="a\ud800b")
    assert intent(log, context=context).body["case"] == "a\\ud800b"


def receipt(log: KeptLog, of: AuditEntry, **changes: Any) -> AuditEntry:
    facts: dict[str, Any] = {
        "outcome": Outcome.DELIVERED,
        "sent": SENT,
        "scans": (
            ReceivedScan(
                dataset="population.resident",
                controller="public_security",
                rows=4,
                sha256="cd" * 32,
                as_of=1_799_000_000,
                late=True,
            ),
        ),
        "expires_at": 1_800_000_000,
        "reason": None,
        "durations_micros": {"scan": 1200},
    }
    return record_receipt(log, of, **{**facts, **changes})


def test_receipt_closes_its_intent(log: KeptLog) -> None:
    """A receipt names its intent and what was sent, and is found by the same filters."""
    opened = intent(log)
    entry = receipt(log, opened)
    assert entry.kind is EntryKind.RECEIPT
    assert entry.body == {
        "requester": opened.body["requester"],
        "purpose": "elderly-care-visits",
        "case": "案-1",
        "channel": "flight_sql",
        "datasets": [{"name": "population.resident"}],
        "intent": "e1",
        "intent_sequence": 1,
        "outcome": "delivered",
        "sent": SENT,
        "scans": [
            {
                "dataset": "population.resident",
                "controller": "public_security",
                "rows": 4,
                "sha256": "cd" * 32,
                "as_of": 1_799_000_000,
                "late": True,
                "missing": False,
            }
        ],
        "expires_at": 1_800_000_000,
        "reason": None,
        "durations_micros": {"scan": 1200},
    }


def test_failed_receipt_says_why(log: KeptLog) -> None:
    """A receipt of a failed query holds its reason."""
    entry = receipt(log, intent(log), outcome=Outcome.FAILED, reason=Reason.CONNECTOR_SLOW)
    assert (entry.body["outcome"], entry.body["reason"]) == ("failed", "CONNECTOR_SLOW")


def test_denial_says_which_rules(log: KeptLog) -> None:
    """A denial holds every code, rule and text, the names asked for and the policy's input."""
    denial = Denial(
        code="NOT_AVAILABLE",
        rule="purpose.columns",
        message=Text(zh="不可用", en="Not available"),
        legal_basis=Text(zh="条", en="Article"),
        remedy=Text(zh="改", en="Ask"),
    )
    decision = dataclasses.replace(
        DECISION, allow=False, datasets={}, obligations=None, denials=(denial,), determined_by=("purpose.columns",)
    )
    entry = record_denial(
        log, requester=REQUESTER, context=CONTEXT, sql_normalised="SELECT ?", decision=decision, people=PEOPLE
    )
    assert entry.kind is EntryKind.DENIAL
    assert entry.body["denials"] == [
        {
            "code": "NOT_AVAILABLE",
            "rule": "purpose.columns",
            "message": {"zh": "不可用", "en": "Not available"},
            "legal_basis": {"zh": "条", "en": "Article"},
            "remedy": {"zh": "改", "en": "Ask"},
        }
    ]
    assert entry.body["sql"] == "SELECT ?"
    assert entry.body["datasets"] == [{"name": "population.resident", "people": ["st1.token"]}]
    assert entry.body["unknown_names"] == ["population.secret"]
    assert (entry.body["decision_id"], entry.body["policy_revision"]) == ("decision-1", "policy-7")
    assert entry.body["policy_input"]["ratio"] == "0.1"
    assert entry.body["requester"]["office"] == "310101002"


def test_failure_without_requester(log: KeptLog) -> None:
    """Before anybody is known, a failure holds its reason only."""
    entry = record_failure(log, requester=None, context=None, reason=Reason.TOKEN_INVALID)
    assert (entry.kind, entry.body) == (EntryKind.FAILURE, {"reason": "TOKEN_INVALID"})


def test_failure_of_an_intent(log: KeptLog) -> None:
    """A failure after an intent closes it and is found by the same filters."""
    entry = record_failure(log, requester=None, context=None, reason=Reason.ENGINE_LOST, intent=intent(log))
    assert (entry.body["intent"], entry.body["reason"]) == ("e1", "ENGINE_LOST")
    assert entry.body["requester"]["subject"] == "clerk-1"
    assert entry.body["datasets"] == [{"name": "population.resident"}]


def test_failure_before_a_decision(log: KeptLog) -> None:
    """When the policy could not be asked, requester and purpose are still recorded."""
    entry = record_failure(log, requester=REQUESTER, context=CONTEXT, reason=Reason.POLICY_SLOW)
    assert (entry.body["purpose"], entry.body["reason"]) == ("elderly-care-visits", "POLICY_SLOW")
    assert entry.body["requester"]["token_id"] == "token-1"
    assert "intent" not in entry.body


def test_registration(log: KeptLog) -> None:
    """A registration entry says who did what to which connector of which department, and how it then stands."""
    instance = ConnectorInstance(
        department="health", connector="main", instance_id="i1", endpoint="h:1", generation=1, lease_expires_at=9
    )
    registration = Registration(
        department="health",
        connector="main",
        datasets=("health.health_code",),
        state=RegistrationState.ACTIVE,
        changed_at=1,
        changed_by="administrator",
        reason="",
        instances=(instance,),
        drifts=(Drift(dataset="health.health_code", instance_id="i1", text=Text(zh="缺", en="gone"), found_at=1),),
    )
    entry = record_registration(log, registration, requester=REQUESTER, action="approve")
    assert entry.kind is EntryKind.REGISTRATION
    assert entry.body["requester"]["subject"] == "clerk-1"
    assert {key: entry.body[key] for key in ("action", "target", "state", "datasets", "drifts")} == {
        "action": "approve",
        "target": "health/main",
        "state": "active",
        "datasets": [{"name": "health.health_code"}],
        "drifts": [{"name": "health.health_code", "found": "gone"}],
    }
    assert [(one["instance_id"], one["endpoint"]) for one in entry.body["instances"]] == [("i1", "h:1")]


def test_refused_registration(log: KeptLog) -> None:
    """A refusal is an entry with its own reason, and without a state: it changed nothing."""
    entry = record_refused_registration(
        log,
        requester=REQUESTER,
        action="register",
        department="health",
        connector="main",
        endpoint="h:1",
        reason="the certificate has expired",
    )
    assert (entry.kind, "state" in entry.body) == (EntryKind.REGISTRATION, False)
    assert {key: entry.body[key] for key in ("target", "outcome", "reason", "endpoint")} == {
        "target": "health/main",
        "outcome": "refused",
        "reason": "the certificate has expired",
        "endpoint": "h:1",
    }


def test_audit_query(log: KeptLog) -> None:
    """Reading the log is recorded with what was asked for."""
    entry = record_audit_query(
        log, requester=REQUESTER, action="search", filters={"office": "310101", "entries_max": 5}
    )
    assert entry.kind is EntryKind.AUDIT_QUERY
    assert entry.body["action"] == "search"
    assert entry.body["filters"] == {"office": "310101", "entries_max": 5}


def test_administration(log: KeptLog) -> None:
    """An entry of an administrator who looks as an office says who, as what and for which purpose."""
    administrator = dataclasses.replace(REQUESTER, subject="administrator", roles=frozenset({Role.ADMINISTRATOR}))
    entry = record_administration(log, requester=administrator, context=CONTEXT, action="explain", seen_as=REQUESTER)
    assert entry.kind is EntryKind.ADMINISTRATION
    assert entry.body["requester"]["roles"] == ["administrator"]
    assert entry.body["seen_as"]["office"] == "310101002"
    assert entry.body["seen_as"]["roles"] == ["clerk", "steward"]
    assert (entry.body["action"], entry.body["purpose"]) == ("explain", "elderly-care-visits")


def test_unknown_facts_are_refused(log: KeptLog) -> None:
    """A value of a type that nobody thought about is refused, not guessed."""
    with pytest.raises(ValueError, match="bytes cannot be recorded"):
        intent(log, catalogue_revision=b"x")
