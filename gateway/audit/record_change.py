"""Entries about everything that is not a query: changes, looks into the log, destructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gateway.audit.facts import Log, json_object, requester_facts, who_and_why
from gateway.audit.record import intent_facts
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.policy import PolicyChange
from gateway.model.requester import RequestContext, Requester


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
        "requester": requester_facts(requester),
        "action": action,
        "department": department,
        "endpoint": endpoint,
        "datasets": [{"name": name} for name in datasets],
    }
    return log.append(EntryKind.REGISTRATION, json_object(body))


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
    requester: Requester,
    action: str,
    target: str,
    facts: Mapping[str, Any],
    purpose: str = "",
    datasets: Sequence[str] = (),
) -> AuditEntry:
    """Record a change of an agreement, emergency, revocation or consent, before it takes effect.

    Args:
        log: Where to.
        requester: Who changes it.
        action: What is done: `agreement_sign`, `emergency_declare`, `access_revoke`, `consent_record` and so on.
        target: Id of what is changed; of a consent its token, never the person.
        facts: The change itself.
        purpose: The one purpose it is about.
        datasets: Names of the datasets it is about.

    Raises:
        Unavailable: The log cannot be written.
    """
    body = {
        "requester": requester_facts(requester),
        "action": action,
        "target": target,
        "facts": facts,
        "purpose": purpose,
        "datasets": [{"name": name} for name in datasets],
    }
    return log.append(EntryKind.GOVERNANCE, json_object(body))


def record_destruction(
    log: Log, intent: AuditEntry, *, requester: Requester, emergency: str, method: str
) -> AuditEntry:
    """Record that the recipient destroyed the result of `intent`, which an ended emergency had opened.

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
