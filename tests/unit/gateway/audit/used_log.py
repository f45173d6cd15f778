"""A log of queries by several offices over the datasets of several departments."""

from __future__ import annotations

from typing import Any

from gateway.model.audit import EntryKind

RESIDENT, HOUSEHOLD, DWELLING = "population.resident", "population.household", "housing.dwelling"
POLICE = frozenset({RESIDENT, HOUSEHOLD})
STREET, OTHER_STREET = "310101002", "310107014"
VISITS, CHECK = "elderly-care-visits", "social-assistance-check"


def about(subject: str, office: str, purpose: str, *datasets: str, **more: Any) -> dict[str, Any]:
    """Return what every entry about a query says."""
    return {
        "requester": {"subject": subject, "office": office},
        "purpose": purpose,
        "datasets": [{"name": name} for name in datasets],
        **more,
    }


def intent(subject: str, office: str, purpose: str, *datasets: str) -> tuple[EntryKind, dict[str, Any]]:
    columns = [{"name": "division_code", "uses": ["selected"], "action": "clear", "mask": None}]
    body = about(subject, office, purpose)
    body["datasets"] = [{"name": name, "columns": columns, "people": [f"st1.{name}"]} for name in datasets]
    return EntryKind.INTENT, body


def receipt(subject: str, office: str, purpose: str, rows: int, **scanned: int) -> tuple[EntryKind, dict[str, Any]]:
    """Return a receipt of so many rows; `scanned` are rows by dataset, with `__` for the dot."""
    by_dataset = {name.replace("__", "."): count for name, count in scanned.items()}
    scans = [{"dataset": name, "rows": count} for name, count in by_dataset.items()]
    sent = {"rows": rows, "bytes_sent": 10}
    return EntryKind.RECEIPT, about(
        subject, office, purpose, *by_dataset, outcome="delivered", sent=sent, scans=scans, intent="entry-1"
    )


def denial(subject: str, office: str, purpose: str, *datasets: str, code: str) -> tuple[EntryKind, dict[str, Any]]:
    return EntryKind.DENIAL, about(subject, office, purpose, *datasets, denials=[{"code": code}])


ITEMS = [
    intent("ann", STREET, VISITS, RESIDENT, HOUSEHOLD, DWELLING),
    receipt("ann", STREET, VISITS, 30, population__resident=40, population__household=50, housing__dwelling=60),
    intent("bob", STREET, VISITS, DWELLING),
    receipt("bob", STREET, VISITS, 7, housing__dwelling=8),
    intent("cid", OTHER_STREET, CHECK, RESIDENT),
    receipt("cid", OTHER_STREET, CHECK, 1, population__resident=1),
    denial("cid", OTHER_STREET, CHECK, RESIDENT, DWELLING, code="CASE_MISSING"),
    denial("bob", STREET, "no such purpose", DWELLING, code="PURPOSE_UNKNOWN"),
    (EntryKind.FAILURE, {"reason": "TOKEN_INVALID"}),
    (EntryKind.GOVERNANCE, about("eve", "audit-office", "", RESIDENT, action="agreement_sign", target="a-1")),
]
"""Entries 2 to 11, at START + 1 to START + 10 seconds; entry 1 says that the log was opened."""
