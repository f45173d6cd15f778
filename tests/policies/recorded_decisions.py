"""Decisions as the gateway records them: decided from typed facts, written to entries, and read back from their bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlglot.expressions as exp

from catalog.catalogue import Catalogue
from catalog.governance import Stop, StopKind
from catalog.vocabulary import ColumnUse, OfficeKind, Role
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.tlog.canonical import encode_canonical
from connectors.sdk.tlog.entry import decode_entry, encode_entry
from gateway.audit import record_denial, record_intent
from gateway.audit.facts import json_object
from gateway.decide import PolicyDecisionPoint, decide
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.plan import EnforcedPlan
from gateway.model.query import ResolvedQuery, SourceFilter, UsedColumn, UsedDataset
from gateway.model.requester import Agreement, CaseState, Emergency, RequestContext, Requester, Standing, Usage
from tests.policies.generated_inputs import generated_inputs


class Entries:
    """A log in memory; an entry is what its bytes say."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> AuditEntry:
        self.entries.append(entry_of(body, kind=kind, sequence=len(self.entries) + 1))
        return self.entries[-1]


def entry_of(body: Mapping[str, Any], *, kind: str, sequence: int) -> AuditEntry:
    """Return an entry as it is read from a log."""
    content = encode_canonical(json_object(body))
    return decode_entry(
        encode_entry(content, sequence=sequence, entry_id=f"e-{sequence}", kind=kind, time_micros=1_750_000_000_000_000)
    )


def recorded_decisions(
    catalogue: Catalogue, *, pdps: Sequence[PolicyDecisionPoint], seed: int, count: int
) -> list[AuditEntry]:
    """Have generated queries decided, by each engine in turn, and return the intents and denials that this records."""
    log = Entries()
    for number, document in enumerate(_sensible_inputs(catalogue, seed=seed, count=count)):
        _record(log, document, pdp=pdps[number % len(pdps)], catalogue=catalogue)
    return log.entries


def _sensible_inputs(catalogue: Catalogue, *, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield inputs that the generator did not damage, which typed facts can say."""
    documents = generated_inputs(catalogue, seed=seed, count=3 * count)
    return (document for number, document in enumerate(documents) if number % 3 != 2 and number < 3 * count // 2)


def _record(log: Entries, document: dict[str, Any], *, pdp: PolicyDecisionPoint, catalogue: Catalogue) -> None:
    requester, context, resolved = _requester(document["requester"]), _context(document), _resolved(document["query"])
    decision = decide(
        resolved,
        requester=requester,
        context=context,
        standing=_standing(document),
        pdp=pdp,
        catalogue=catalogue,
        decision_id=f"d-{len(log.entries)}",
        deadline_seconds=100,
    )
    if decision.allow:
        plan = EnforcedPlan(resolved=resolved, decision=decision, scans=(), sql=None, projection=(), rows_max=1)
        record_intent(
            log, requester=requester, context=context, plan=plan, catalogue_revision=catalogue.revision, people={}
        )
    else:
        record_denial(log, requester=requester, context=context, sql_normalised="", decision=decision, people={})


def _requester(asked: dict[str, Any]) -> Requester:
    return Requester(
        subject=asked["subject"],
        token_id="t-1",
        office=asked["office"],
        office_kind=OfficeKind(asked["office_kind"]),
        division_code=asked["division_code"],
        roles=frozenset(map(Role, asked["roles"])),
        clearance=asked["clearance"],
        department=None,
    )


def _context(document: dict[str, Any]) -> RequestContext:
    asked = document["context"]
    return RequestContext(
        purpose=document["purpose"], case=document["case"], channel=asked["channel"], time=asked["time"]
    )


def _standing(document: dict[str, Any]) -> Standing:
    asked = document["context"]
    return Standing(
        requester_revoked=document["requester"]["revoked"],
        purpose_revoked=asked["purpose_revoked"],
        case_state=CaseState(asked["case_state"]),
        emergencies=tuple(
            Emergency(**emergency | {"purposes": tuple(emergency["purposes"])}) for emergency in asked["emergencies"]
        ),
        agreements=tuple(
            Agreement(
                **agreement | {"datasets": tuple(agreement["datasets"]), "purposes": tuple(agreement["purposes"])}
            )
            for agreement in asked["agreements"]
        ),
        stops=tuple(Stop(**stop | {"kind": StopKind(stop["kind"])}) for stop in asked["stops"]),
        consents={dataset["name"]: dataset["consents"] for dataset in document["query"]["datasets"]},
        usage=Usage(**asked["usage"]),
    )


def _resolved(asked: dict[str, Any]) -> ResolvedQuery:
    return ResolvedQuery(
        sql="",
        tree=exp.select("1"),
        datasets=tuple(_used(dataset) for dataset in asked["datasets"]),
        unknown_names=tuple(asked["unknown_names"]),
        source_filters=tuple(
            SourceFilter(index=0, dataset=dataset["name"], predicate=_bound(column, values))
            for dataset in asked["datasets"]
            for column, values in dataset["lookup_values"].items()
            if values
        ),
        aggregate_only=asked["aggregate_only"],
        normalised_sql="",
    )


def _used(dataset: dict[str, Any]) -> UsedDataset:
    columns = tuple(
        UsedColumn(name=column["name"], uses=frozenset(map(ColumnUse, column["uses"]))) for column in dataset["columns"]
    )
    return UsedDataset(name=dataset["name"], columns=columns, occurrences=1)


def _bound(column: str, values: int) -> Predicate:
    return Predicate(op=PredicateOp.IN, column=column, values=tuple(map(str, range(values))))
