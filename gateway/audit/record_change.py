"""Entries about everything that is not a query: changes, looks into the log, destructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from catalog.registry import Registration
from catalog.requests import Correction, Need
from gateway.audit.facts import Log, json_object, requester_facts, who_and_why
from gateway.audit.record import intent_facts
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.policy import PolicyChange
from gateway.model.requester import RequestContext, Requester


def record_registration(
    log: Log, registration: Registration, *, requester: Requester | None, action: str
) -> AuditEntry:
    """Record a change of a connector's registration, before it takes effect.

    Args:
        log: Where to.
        registration: As it will stand.
        requester: Who changes it; None for the gateway itself.
        action: What is done: `register`, `heartbeat`, `approve`, `suspend`, `resume`, `withdraw`, or `scan`, which found drift.

    Raises:
        Unavailable: The log cannot be written.
    """
    instances = [
        {
            "instance_id": instance.instance_id,
            "endpoint": instance.endpoint,
            "generation": instance.generation,
            "certificate_sha256": instance.certificate_sha256,
            "software": instance.software,
        }
        for instance in registration.instances
    ]
    drifts = [{"name": drift.dataset, "found": drift.text.en} for drift in registration.drifts]
    body: dict[str, Any] = {
        "action": action,
        "target": _target(registration.department, registration.connector),
        "department": registration.department,
        "connector": registration.connector,
        "state": registration.state,
        "reason": registration.reason,
        "datasets": [{"name": name} for name in registration.datasets],
        "instances": instances,
        "drifts": drifts,
    }
    if requester is not None:
        body["requester"] = requester_facts(requester)
    return log.append(EntryKind.REGISTRATION, json_object(body))


def record_refused_registration(
    log: Log, *, requester: Requester, action: str, department: str, connector: str, endpoint: str, reason: str
) -> AuditEntry:
    """Record that a registration, heartbeat or decision about one was not accepted. Such an entry has no `state`.

    Args:
        log: Where to.
        requester: Who asked.
        action: What was asked, as in `record_registration`.
        department: Whose registration.
        connector: Name that was given.
        endpoint: host:port that was given; may be empty.
        reason: Why, in English.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {
        "requester": requester_facts(requester),
        "action": action,
        "target": _target(department, connector),
        "department": department,
        "connector": connector,
        "endpoint": endpoint,
        "outcome": "refused",
        "reason": reason,
    }
    return log.append(EntryKind.REGISTRATION, json_object(body))


def _target(department: str, connector: str) -> str:
    return f"{department}/{connector}"


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
    body = {"requester": requester_facts(requester), "action": action, "filters": filters}
    return log.append(EntryKind.AUDIT_QUERY, json_object(body))


def record_administration(
    log: Log, *, requester: Requester, context: RequestContext, action: str, seen_as: Requester
) -> AuditEntry:
    """Record that an administrator looks as somebody else, before anything is shown.

    Args:
        log: Where to.
        requester: The administrator.
        context: Holds the purpose that is looked at.
        action: What is done: `explain`.
        seen_as: As whom.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {**who_and_why(requester, context=context), "action": action, "seen_as": requester_facts(seen_as)}
    return log.append(EntryKind.ADMINISTRATION, json_object(body))


def record_governance(
    log: Log,
    *,
    requester: Requester | None,
    action: str,
    target: str,
    facts: Mapping[str, Any],
    purpose: str = "",
    datasets: Sequence[str] = (),
) -> AuditEntry:
    """Record a change of an agreement, emergency, revocation, consent, need or correction, before it takes effect.

    Args:
        log: Where to.
        requester: Who changes it; None for the gateway itself.
        action: What is done: `agreement_sign`, `emergency_declare`, `access_revoke`, `consent_record` and so on.
        target: Id of what is changed; of a consent its token, never the person.
        facts: The change itself.
        purpose: The one purpose it is about.
        datasets: Names of the datasets it is about.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {
        "action": action,
        "target": target,
        "facts": facts,
        "purpose": purpose,
        "datasets": [{"name": name} for name in datasets],
    }
    if requester is not None:
        body["requester"] = requester_facts(requester)
    return log.append(EntryKind.GOVERNANCE, json_object(body))


def record_request(log: Log, *, requester: Requester | None, action: str, request: Need | Correction) -> AuditEntry:
    """Record a step of a need or correction, before it takes effect.

    Args:
        log: Where to.
        requester: Who takes it; None for the gateway itself.
        action: What is done: `need_file`, `need_accept`, `correction_reveal`, `need_escalate` and so on.
        request: As it will stand; of a correction, nothing but its reference tells which record it is about.

    Raises:
        Unavailable: The log cannot be written.
    """
    return record_governance(
        log,
        requester=requester,
        action=action,
        target=request.id,
        facts=asdict(request),
        purpose=request.purpose if isinstance(request, Need) else "",
        datasets=(request.dataset,) if request.dataset else (),
    )


def record_destruction(
    log: Log, intent: AuditEntry, *, requester: Requester, emergency: str | None, method: str
) -> AuditEntry:
    """Record that the recipient destroyed the result of `intent`, which `emergency`, if any, had opened.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {**intent_facts(intent), "requester": requester_facts(requester), "emergency": emergency, "method": method}
    return log.append(EntryKind.DESTRUCTION, json_object(body))


def record_policy_change(log: Log, *, change: PolicyChange) -> AuditEntry:
    """Record that a policy bundle was activated or refused, before it decides anything.

    Raises:
        Unavailable: The log cannot be written.
    """
    return log.append(EntryKind.POLICY_CHANGE, json_object(asdict(change)))
