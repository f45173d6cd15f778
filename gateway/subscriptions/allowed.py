"""Whether what waits may still be had: a result is decided when it is made, and again when it is pulled."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Final, NoReturn

from connectors.sdk.tlog.canonical import encode_canonical
from gateway.audit import named_people, record_denial
from gateway.audit.facts import json_object
from gateway.decide import decide
from gateway.errors import Denied, GatewayError
from gateway.messages import Reason
from gateway.model.decision import Decision
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester, Usage
from gateway.parse import parse
from gateway.query_path import QueryPath
from gateway.resolve import resolve

CHANNEL: Final = "subscription"
_NOTHING_TODAY = Usage(rows=0, lookups=0)
"""What was received today has been counted when the result was made."""


def terms(decision: Decision) -> str:
    """Return the digest of what an allowing decision releases, on which terms: SHA-256 in hex."""
    datasets = {
        name: {
            "columns": {column: [t.action, t.mask] for column, t in dataset.columns.items()},
            "row_filter": dataset.row_filter,
            "lookup_values_max": dataset.lookup_values_max,
        }
        for name, dataset in decision.datasets.items()
    }
    assert decision.obligations is not None  # noqa: S101 - allowed
    obligations = asdict(replace(decision.obligations, rows_max=0, agreements=()))
    facts = {"datasets": datasets, "people_min": decision.people_min, "obligations": obligations}
    return hashlib.sha256(encode_canonical(json_object(facts))).hexdigest()


def require_still_allowed(
    sql: str, *, as_decided: str, path: QueryPath, requester: Requester, context: RequestContext
) -> None:
    """Raise unless a query is decided now as it was when its result was made; what is raised is recorded.

    Args:
        sql: The query.
        as_decided: `terms` of the decision.
        path: The path of one query.
        requester: Who pulls.
        context: For what the query was asked.

    Raises:
        Denied: The policy says no, or something else: the result is to be destroyed.
        Unavailable: Not knowing is denying.
    """
    resolved = None
    try:
        resolved = resolve(parse(sql, engine_parser=path.engine_parser), catalogue=path.catalogue)
        decision = _decide_now(resolved, path=path, requester=requester, context=context)
        if not decision.allow:
            raise Denied(decision=decision)
        if terms(decision) != as_decided:
            raise Denied(Reason.ACCESS_REVOKED)
    except GatewayError as error:
        _refuse(error, resolved=resolved, path=path, requester=requester, context=context)


def _decide_now(resolved: ResolvedQuery, *, path: QueryPath, requester: Requester, context: RequestContext) -> Decision:
    standing = path.standing.collect(resolved, requester=requester, context=context)
    return decide(
        resolved,
        requester=requester,
        context=context,
        standing=replace(standing, usage=_NOTHING_TODAY),
        pdp=path.pdp,
        catalogue=path.catalogue,
        decision_id=path.new_id(),
        deadline_seconds=path.decision_seconds_max,
    )


def _refuse(
    error: GatewayError,
    *,
    resolved: ResolvedQuery | None,
    path: QueryPath,
    requester: Requester,
    context: RequestContext,
) -> NoReturn:
    """Record a denial with its reasons, or a failure, and raise it."""
    if not isinstance(error, Denied) or error.decision is None or resolved is None:
        path.record_refusal(error, requester=requester, context=context)
    record_denial(
        path.log,
        requester=requester,
        context=context,
        sql_normalised=resolved.normalised_sql,
        decision=error.decision,
        people=named_people(resolved, catalogue=path.catalogue, key=path.subject_key),
    )
    raise error
