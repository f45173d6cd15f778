"""What each kind of entry says: typed facts in, JSON out.

Every body holds `requester`, `purpose`, `case` and `datasets` where they are known, so that one filter finds a query's
intent, receipt, denial and failure alike. No body holds a literal of a query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gateway.audit.facts import Log, context_facts, json_object, json_value, requester_facts, who_and_why
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind, JsonValue, Outcome
from gateway.model.decision import Decision, Denial
from gateway.model.plan import EnforcedPlan, PlannedScan
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import ReceivedScan

People = Mapping[str, Sequence[str]]
"""By dataset: tokens of the people and entities that a query names (`named_people`)."""


def record_intent(
    log: Log,
    *,
    requester: Requester,
    context: RequestContext,
    plan: EnforcedPlan,
    catalogue_revision: str,
    people: People,
) -> AuditEntry:
    """Record what is about to leave, for whom and why, before the first row does.

    Raises:
        Unavailable: The log cannot be written.
    """
    decision = plan.decision
    body = {
        **who_and_why(requester, context=context),
        "sql": plan.resolved.normalised_sql,
        "datasets": _datasets(plan.resolved, decision=decision, people=people),
        "scans": [_scan(scan) for scan in plan.scans],
        **_decision(decision),
        "people_min": decision.people_min,
        "obligations": _obligations(decision),
        "catalogue_revision": catalogue_revision,
    }
    return log.append(EntryKind.INTENT, json_object(body))


def record_receipt(
    log: Log,
    intent: AuditEntry,
    *,
    outcome: Outcome,
    sent: Mapping[str, int | str],
    scans: Sequence[ReceivedScan],
    expires_at: int,
    reason: Reason | None,
    durations_micros: Mapping[str, int],
    denials: Sequence[Denial] = (),
) -> AuditEntry:
    """Record how `intent` ended and what was sent.

    Args:
        log: Where to.
        intent: The entry to close.
        outcome: How it ended.
        sent: `rows`, `bytes_sent` of Arrow data and `content_hash` of what was sent.
        scans: What came from the departments.
        expires_at: When the recipient must have destroyed it, in seconds since 1970-01-01 UTC.
        reason: Why it was not delivered; None when it was.
        durations_micros: Microseconds per stage.
        denials: Why the policy no longer allowed it.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = receipt_body(
        intent,
        outcome=outcome,
        sent=sent,
        reason=reason,
        durations_micros=durations_micros,
    )
    body["expires_at"] = expires_at
    body["scans"] = [json_value(asdict(scan)) for scan in scans]
    if denials:
        body["denials"] = [json_value(_denial(denial)) for denial in denials]
    return log.append(EntryKind.RECEIPT, body)


def receipt_body(
    intent: AuditEntry,
    *,
    outcome: Outcome,
    sent: Mapping[str, int | str] | None,
    reason: Reason | None = None,
    durations_micros: Mapping[str, int] | None = None,
) -> dict[str, JsonValue]:
    """Return the body of a receipt; `sent` is None when nobody knows what was sent."""
    body = {
        **intent_facts(intent),
        "outcome": outcome,
        "sent": sent,
        "reason": reason,
        "durations_micros": durations_micros or {},
    }
    return json_object(body)


def record_denial(
    log: Log,
    *,
    requester: Requester,
    context: RequestContext,
    sql_normalised: str,
    decision: Decision,
    people: People,
) -> AuditEntry:
    """Record that the policy denied a query, with every reason and rule.

    Raises:
        Unavailable: The log cannot be written.
    """
    query = decision.policy_input.get("query", {})
    names = {dataset["name"] for dataset in query.get("datasets", ())} | set(decision.datasets)
    body = {
        **who_and_why(requester, context=context),
        "sql": sql_normalised,
        "datasets": [{"name": name, "people": people.get(name, ())} for name in sorted(names)],
        "unknown_names": query.get("unknown_names", ()),
        "denials": [_denial(denial) for denial in decision.denials],
        **_decision(decision),
    }
    return log.append(EntryKind.DENIAL, json_object(body))


def record_failure(
    log: Log,
    *,
    requester: Requester | None,
    context: RequestContext | None,
    reason: Reason,
    intent: AuditEntry | None = None,
) -> AuditEntry:
    """Record that a request ended without an answer of the policy, or failed after `intent`, which it closes.

    Raises:
        Unavailable: The log cannot be written.
    """
    body: dict[str, Any] = intent_facts(intent) if intent else {}
    if requester:
        body["requester"] = requester_facts(requester)
    if context:
        body |= context_facts(context)
    return log.append(EntryKind.FAILURE, json_object({**body, "reason": reason}))


def intent_facts(intent: AuditEntry) -> dict[str, Any]:
    """Return what an entry about an intent repeats of it."""
    kept = {key: intent.body.get(key) for key in ("requester", "purpose", "case", "channel")}
    datasets = [{"name": dataset["name"]} for dataset in intent.body.get("datasets", ())]
    return {**kept, "datasets": datasets, "intent": intent.entry_id, "intent_sequence": intent.sequence}


def _datasets(resolved: ResolvedQuery, *, decision: Decision, people: People) -> list[dict[str, Any]]:
    datasets = []
    for used in resolved.datasets:
        decided = decision.datasets[used.name]
        columns = [
            {
                "name": column.name,
                "uses": sorted(column.uses),
                "action": decided.columns[column.name].action,
                "mask": decided.columns[column.name].mask,
            }
            for column in used.columns
        ]
        datasets.append(
            {
                "name": used.name,
                "columns": columns,
                "row_filter": decided.row_filter,
                "lookup_values_max": decided.lookup_values_max,
                "people": people.get(used.name, ()),
            }
        )
    return datasets


def _scan(scan: PlannedScan) -> dict[str, Any]:
    return {
        "dataset": scan.dataset,
        "controller": scan.controller,
        "columns": [column.name for column in scan.columns],
        "row_filter": scan.row_filter,
        "pushed_columns": sorted(set(scan.pushed_filter.columns())) if scan.pushed_filter else [],
        "lookup_column": scan.lookup_column,
        "lookup_values": len(scan.lookup_values),
        "rows_max": scan.rows_max,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "determined_by": decision.determined_by,
        "policy_revision": decision.policy_revision,
        "policy_input": decision.policy_input,
        "answer_sha256": decision.answer_sha256,
    }


def _obligations(decision: Decision) -> dict[str, Any] | None:
    given = decision.obligations
    if given is None:
        return None
    return {
        "rows_max": given.rows_max,
        "rows_per_day_max": given.rows_per_day_max,
        "lookups_per_day_max": given.lookups_per_day_max,
        "retention_days": given.retention_days,
        "onward_sharing": given.onward_sharing,
        "grade": given.grade,
        "agreements": given.agreements,
        "emergency": given.emergency,
    }


def _denial(denial: Denial) -> dict[str, Any]:
    return {
        "code": denial.code,
        "rule": denial.rule,
        "message": denial.message,
        "legal_basis": denial.legal_basis,
        "remedy": denial.remedy,
    }
