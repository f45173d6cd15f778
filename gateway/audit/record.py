"""What each kind of entry says: typed facts in, JSON out.

Every body holds `requester`, `purpose`, `case` and `datasets` where they are known, so that one filter finds a query's
intent, receipt, denial and failure alike. No body holds a literal of a query.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from connectors.sdk.predicates import Predicate
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind, JsonValue, Outcome
from gateway.model.decision import Decision, Denial
from gateway.model.plan import PlannedScan
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester


class Log(Protocol):
    """Port: where entries go; `AuditLog` is the adapter."""

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> AuditEntry:
        """Return the entry once it is durable.

        Raises:
            Unavailable: It is not known to be durable, so nothing may be released.
        """


def record_intent(
    log: Log,
    *,
    requester: Requester,
    context: RequestContext,
    resolved: ResolvedQuery,
    decision: Decision,
    catalogue_revision: str,
    scans: Sequence[PlannedScan],
) -> AuditEntry:
    """Record what is about to leave, for whom and why, before the first row does.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {
        **_who_and_why(requester, context=context),
        "sql": resolved.normalised_sql,
        "datasets": _datasets(resolved, decision=decision),
        "scans": [_scan(scan) for scan in scans],
        **_decision(decision),
        "people_min": decision.people_min,
        "obligations": _obligations(decision),
        "catalogue_revision": catalogue_revision,
    }
    return log.append(EntryKind.INTENT, _object(body))


def record_receipt(
    log: Log,
    intent: AuditEntry,
    *,
    outcome: Outcome,
    rows: int,
    bytes_sent: int,
    content_sha256: str,
    reason: Reason | None,
    durations_micros: Mapping[str, int],
) -> AuditEntry:
    """Record how `intent` ended and what was sent.

    Args:
        log: Where to.
        intent: The entry to close.
        outcome: How it ended.
        rows: Rows sent.
        bytes_sent: Bytes of Arrow data sent.
        content_sha256: Hex digest of what was sent; empty when nothing was.
        reason: Why it was not delivered; None when it was.
        durations_micros: Microseconds per stage.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = receipt_body(
        intent,
        outcome=outcome,
        sent={"rows": rows, "bytes_sent": bytes_sent, "content_sha256": content_sha256},
        reason=reason,
        durations_micros=durations_micros,
    )
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
        **_of_intent(intent),
        "outcome": outcome,
        "sent": sent,
        "reason": reason,
        "durations_micros": durations_micros or {},
    }
    return _object(body)


def record_denial(
    log: Log, *, requester: Requester, context: RequestContext, sql_normalised: str, decision: Decision
) -> AuditEntry:
    """Record that the policy denied a query, with every reason and rule.

    Raises:
        Unavailable: The log cannot be written.
    """
    query = decision.policy_input.get("query", {})
    names = {dataset["name"] for dataset in query.get("datasets", ())} | set(decision.datasets)
    body = {
        **_who_and_why(requester, context=context),
        "sql": sql_normalised,
        "datasets": [{"name": name} for name in sorted(names)],
        "unknown_names": query.get("unknown_names", ()),
        "denials": [_denial(denial) for denial in decision.denials],
        **_decision(decision),
    }
    return log.append(EntryKind.DENIAL, _object(body))


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
    body: dict[str, Any] = _of_intent(intent) if intent else {}
    if requester:
        body["requester"] = _requester(requester)
    if context:
        body |= _context(context)
    return log.append(EntryKind.FAILURE, _object({**body, "reason": reason}))


def record_registration(
    log: Log, *, requester: Requester, action: str, department: str, endpoint: str, datasets: Sequence[str]
) -> AuditEntry:
    """Record a change of a connector's registration.

    Args:
        log: Where to.
        requester: Who changed it.
        action: What was done: `register`, `approve`, `suspend`.
        department: Controller whose registration it is.
        endpoint: host:port of the connector.
        datasets: Names of its datasets.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {
        "requester": _requester(requester),
        "action": action,
        "department": department,
        "endpoint": endpoint,
        "datasets": [{"name": name} for name in datasets],
    }
    return log.append(EntryKind.REGISTRATION, _object(body))


def record_audit_query(log: Log, *, requester: Requester, action: str, filters: Mapping[str, str | int]) -> AuditEntry:
    """Record that somebody read the log.

    Args:
        log: Where to.
        requester: Who reads.
        action: What is read: `search`, `read_log`.
        filters: What was asked for, without empty filters.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {"requester": _requester(requester), "action": action, "filters": filters}
    return log.append(EntryKind.AUDIT_QUERY, _object(body))


def _who_and_why(requester: Requester, *, context: RequestContext) -> dict[str, Any]:
    return {"requester": _requester(requester), **_context(context)}


def _requester(requester: Requester) -> dict[str, Any]:
    return {
        "subject": requester.subject,
        "token_id": requester.token_id,
        "office": requester.office,
        "office_kind": requester.office_kind,
        "division_code": requester.division_code,
        "roles": sorted(requester.roles),
        "clearance": requester.clearance,
    }


def _context(context: RequestContext) -> dict[str, Any]:
    return {"purpose": context.purpose, "case": context.case, "channel": context.channel}


def _of_intent(intent: AuditEntry) -> dict[str, Any]:
    kept = {key: intent.body.get(key) for key in ("requester", "purpose", "case", "channel")}
    datasets = [{"name": dataset["name"]} for dataset in intent.body.get("datasets", ())]
    return {**kept, "datasets": datasets, "intent": intent.entry_id, "intent_sequence": intent.sequence}


def _datasets(resolved: ResolvedQuery, *, decision: Decision) -> list[dict[str, Any]]:
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
        datasets.append({"name": used.name, "columns": columns, "row_filter": decided.row_filter})
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
    }


def _obligations(decision: Decision) -> dict[str, Any] | None:
    given = decision.obligations
    if given is None:
        return None
    return {
        "rows_max": given.rows_max,
        "retention_days": given.retention_days,
        "onward_sharing": given.onward_sharing,
    }


def _denial(denial: Denial) -> dict[str, Any]:
    return {
        "code": denial.code,
        "rule": denial.rule,
        "message": denial.message,
        "legal_basis": denial.legal_basis,
        "remedy": denial.remedy,
    }


def _object(body: Mapping[str, Any]) -> dict[str, JsonValue]:
    return {str(key): _json(value) for key, value in body.items()}


def _json(value: Any) -> JsonValue:  # noqa: ANN401 - untyped facts become JSON here
    """Return `value` as the log holds it: floats, dates and text that is no UTF-8 become plain text."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case None | bool():
            return value
        case int():
            return int(value)
        case dict() | Mapping():
            return {str(key): _json(member) for key, member in value.items()}
        case list() | tuple():
            return [_json(member) for member in value]
        case float():
            return repr(value)
        case Predicate():
            return _json(value.to_json())
        case BaseModel():
            return _json(value.model_dump())
        case set() | frozenset():
            return sorted((_json(member) for member in value), key=str)
        case datetime.date():
            return value.isoformat()
    raise ValueError(f"a {type(value).__name__} cannot be recorded")
