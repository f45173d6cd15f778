"""What the policy sees of one query."""

from __future__ import annotations

from typing import Any

from catalog.vocabulary import ColumnUse
from connectors.sdk.predicates import PredicateOp
from gateway.model.query import ResolvedQuery, UsedDataset
from gateway.model.requester import RequestContext, Requester, Standing

TEXT_MAX = 256
"""Longest text of a requester that the policy sees, in characters; no registered name is as long."""


def make_policy_input(
    resolved: ResolvedQuery, *, requester: Requester, context: RequestContext, standing: Standing
) -> dict[str, Any]:
    """Return the input of `policies/schema/input.json`: plain JSON values, lists sorted, no literal of the query.

    Text that a requester can choose is reduced to characters that every policy engine reads alike; a name that is
    changed by this is not registered, so it stays unknown.
    """
    return {
        "requester": {
            "subject": _text(requester.subject),
            "office": requester.office,
            "office_kind": str(requester.office_kind),
            "division_code": requester.division_code,
            "roles": sorted(str(role) for role in requester.roles),
            "clearance": requester.clearance,
            "revoked": standing.requester_revoked,
        },
        "purpose": _text(context.purpose),
        "case": _text(context.case),
        "context": _context(context, standing=standing),
        "query": {
            "aggregate_only": resolved.aggregate_only,
            "unknown_names": sorted({_text(name) for name in resolved.unknown_names}),
            "datasets": [
                _dataset(used, resolved, standing=standing) for used in sorted(resolved.datasets, key=lambda d: d.name)
            ],
        },
    }


def lookup_values(resolved: ResolvedQuery, dataset: str) -> dict[str, int]:
    """Return for each column of `dataset` that is bound to literals how many keys can satisfy the query."""
    counts: dict[str, int] = {}
    for found in resolved.source_filters:
        predicate = found.predicate
        if found.dataset == dataset and predicate.op in (PredicateOp.EQ, PredicateOp.IN):
            known = counts.get(predicate.column, len(predicate.values))
            counts[predicate.column] = min(known, len(predicate.values))
    return dict(sorted(counts.items()))


def _context(context: RequestContext, *, standing: Standing) -> dict[str, Any]:
    return {
        "time": context.time,
        "channel": context.channel,
        "case_state": str(standing.case_state),
        "purpose_revoked": standing.purpose_revoked,
        "emergencies": [
            {
                "id": _text(emergency.id),
                "area": emergency.area,
                "purposes": sorted(emergency.purposes),
                "starts_at": emergency.starts_at,
                "ends_at": emergency.ends_at,
            }
            for emergency in sorted(standing.emergencies, key=lambda emergency: emergency.id)
        ],
        "agreements": [
            {
                "id": _text(agreement.id),
                "controller": agreement.controller,
                "recipient": agreement.recipient,
                "office": agreement.office,
                "columns": sorted(agreement.columns),
                "datasets": sorted(agreement.datasets),
                "purposes": sorted(agreement.purposes),
                "valid_from": agreement.valid_from,
                "valid_until": agreement.valid_until,
            }
            for agreement in sorted(standing.agreements, key=lambda agreement: agreement.id)
        ],
        "stops": [
            {"kind": str(stop.kind), "controller": stop.controller, "target": _text(stop.target)}
            for stop in sorted(standing.stops, key=lambda stop: (stop.controller, stop.target, stop.kind))
        ],
        "usage": {"rows": standing.usage.rows, "lookups": standing.usage.lookups},
    }


def _dataset(used: UsedDataset, resolved: ResolvedQuery, *, standing: Standing) -> dict[str, Any]:
    looked_up = {column.name for column in used.columns if ColumnUse.LOOKED_UP in column.uses}
    return {
        "name": used.name,
        "lookup_values": {k: n for k, n in lookup_values(resolved, used.name).items() if k in looked_up},
        "consents": standing.consents.get(used.name, 0),
        "columns": [
            {"name": column.name, "uses": sorted(str(use) for use in column.uses)}
            for column in sorted(used.columns, key=lambda column: column.name)
        ],
    }


def _text(value: str) -> str:
    """Replace what engines escape or display differently, and cut what is too long to be a name."""
    readable = "".join(c if c.isprintable() and c not in '"\\' else "\N{REPLACEMENT CHARACTER}" for c in value)
    return readable if len(readable) <= TEXT_MAX else readable[: TEXT_MAX - 1] + "…"
