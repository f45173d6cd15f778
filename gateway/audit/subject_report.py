"""Who looked at one data subject, when and for what (PIPL, article 45).

Look-ups stand in the access log, which has a token of whom a query names. Whose rows a result was made of only the departments
know, so each is asked for the decisions under which a row of the data subject left, or may have left because the connector was
killed before it had recorded the end. A department is believed about its own datasets only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalog.catalogue import Catalogue
from catalog.vocabulary import IdentifierKind
from connectors.sdk.access_log import EntryIndex
from connectors.sdk.subject_sets import identifying_columns
from gateway.audit.department_logs import DepartmentLogs
from gateway.audit.search import readable
from gateway.audit.subjects import SubjectKey
from gateway.errors import GatewayError
from gateway.model.audit import AuditEntry

WITHHELD_FOR_GOOD = -1
_DAY_SECONDS = 86_400
_MICROS = 1_000_000


class AccessKind(StrEnum):
    """How an access to a data subject is known."""

    LOOKED_UP = "looked_up"
    """The requester named the data subject."""
    DELIVERED = "delivered"
    """A row of the data subject left a department for the query."""
    COUNTED = "counted"
    """Such a row left for a statistic."""
    POSSIBLE = "possible"
    """Such a row may have left: the department did not record the end of the scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One access to the data of one data subject in one dataset."""

    kind: AccessKind
    intent: AuditEntry
    dataset: str
    columns: tuple[str, ...]
    """`column: treatment`, sorted."""
    withheld_until: int
    """From when the data subject may be told, in seconds since 1970-01-01 UTC; 0 at once, `WITHHELD_FOR_GOOD` never."""


def report_subject(
    index: EntryIndex,
    *,
    logs: DepartmentLogs,
    catalogue: Catalogue,
    subject_key: SubjectKey,
    identifier: IdentifierKind,
    value: str,
    now: int,
) -> tuple[tuple[Access, ...], tuple[GatewayError, ...]]:
    """Return the accesses to one data subject, oldest first, and why departments could not be asked.

    Args:
        index: The access log.
        logs: The departments'.
        catalogue: Knows datasets and purposes.
        subject_key: Makes the token.
        identifier: Kind of identifier.
        value: The identifier.
        now: Seconds since 1970-01-01 UTC; what may be told by then is not withheld.

    Raises:
        Unavailable: The access log cannot be read.
    """
    left, failures = _left(logs, catalogue=catalogue, identifier=identifier, value=value)
    token = subject_key.token(identifier, value=value)
    with readable():
        intents = list(
            index.entries(
                "kind = 'intent' AND (list_contains($2, decision_id) OR len(list_filter(people, lambda p: p.person = $1)) > 0)",
                [token, sorted(left)],
            )
        )
    accesses = []
    for intent in intents:
        for dataset in intent.body["datasets"]:
            kind = _kind(intent, dataset, token=token, left=left)
            if kind is not None:
                accesses.append(
                    Access(
                        kind=kind,
                        intent=intent,
                        dataset=dataset["name"],
                        columns=tuple(sorted(map(_treated, dataset["columns"]))),
                        withheld_until=_withheld_until(intent, catalogue=catalogue, now=now),
                    )
                )
    return tuple(accesses), failures


def _left(
    logs: DepartmentLogs, *, catalogue: Catalogue, identifier: IdentifierKind, value: str
) -> tuple[Mapping[str, Mapping[str, bool]], tuple[GatewayError, ...]]:
    """Return by decision and dataset whether it is certain that a row of the data subject left, and why some could not be asked.

    Every department is asked that has such an identifier in one of a dataset's `identifying_columns`.
    """
    known: dict[str, set[str]] = defaultdict(set)
    for name, dataset in catalogue.datasets.items():
        if identifier in identifying_columns(dataset).values():
            known[dataset.controller].add(name)
    left: dict[str, dict[str, bool]] = defaultdict(dict)
    failures = []
    for department, datasets in sorted(known.items()):
        try:
            for found in logs.find(department, identifier=identifier, value=value):
                if found.dataset in datasets:
                    of_decision = left[found.decision_id]
                    of_decision[found.dataset] = found.certain or of_decision.get(found.dataset, False)
        except GatewayError as error:
            failures.append(error)
    return left, tuple(failures)


def _kind(
    intent: AuditEntry, dataset: Mapping[str, Any], *, token: str, left: Mapping[str, Mapping[str, bool]]
) -> AccessKind | None:
    if token in dataset.get("people", ()):
        return AccessKind.LOOKED_UP
    certain = left.get(intent.body["decision_id"], {}).get(dataset["name"])
    if certain is None:
        return None
    if not certain:
        return AccessKind.POSSIBLE
    return AccessKind.DELIVERED if intent.body["people_min"] is None else AccessKind.COUNTED


def _treated(column: Mapping[str, Any]) -> str:
    return f"{column['name']}: {column['action']}" + (f" {column['mask']}" if column["mask"] else "")


def _withheld_until(intent: AuditEntry, *, catalogue: Catalogue, now: int) -> int:
    purpose = catalogue.purposes.get(intent.body["purpose"])
    disclosure = purpose.disclosure if purpose is not None else None
    if disclosure is None:
        return 0
    if disclosure.withheld:
        return WITHHELD_FOR_GOOD
    until = intent.time_micros // _MICROS + disclosure.delay_days * _DAY_SECONDS
    return until if until > now else 0
