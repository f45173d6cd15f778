"""Check and finish a result before any of it leaves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa

from catalog.catalogue import Catalogue
from connectors.sdk.watermark import requester_key
from gateway.errors import Bug, TooLarge
from gateway.messages import Reason
from gateway.model.audit import AuditEntry
from gateway.model.cuts import cuts_of
from gateway.model.plan import EnforcedPlan
from gateway.model.requester import RequestContext, Requester
from gateway.model.result import BatchStream, ComputedResult, ReleasableResult
from gateway.model.rows import RowShare
from gateway.release.about import about_json
from gateway.release.ledger import StatisticsLedger
from gateway.release.statistics import release_statistic, statistic_schema
from gateway.release.watermark import mark_batches, marked_positions


def release(
    computed: ComputedResult,
    *,
    requester: Requester,
    context: RequestContext,
    intent: AuditEntry,
    catalogue: Catalogue,
    ledger: StatisticsLedger,
    mark_secret: bytes,
    rows: RowShare,
    missing: Sequence[str] = (),
) -> ReleasableResult:
    """Return the result as it may leave.

    Text carries the requester's marks (see `marked_positions`), a statistic is held back where it would reveal a few people
    (see `release_statistic`), no more rows leave than may, and the schema metadata says for what and how the values
    were treated (keys `sharing.*`, UTF-8 text or JSON).

    Args:
        computed: What the engine, or the one scan, gives.
        requester: Its office is named as the recipient.
        context: Holds purpose and case.
        intent: The entry under which the result is released.
        catalogue: Says in words what was cut away.
        ledger: Remembers what statistics were released.
        mark_secret: The requester's key of the marks is derived from it.
        rows: How many rows may leave.
        missing: Datasets that a partial answer lacks.

    Raises:
        Bug: The result has other columns than the plan, or the plan does not count people where the decision asks for it.
    """
    plan, result = computed.plan, computed.stream
    if (plan.statistic is None) != (plan.decision.people_min is None):
        raise Bug("the plan counts people otherwise than decided")
    metadata = _terms(requester=requester, context=context, intent=intent)
    metadata |= _treatment(plan, requester=requester, context=context, catalogue=catalogue, missing=missing)
    schema = released_schema(plan, computed=result.schema).with_metadata(metadata)
    if plan.statistic is None:
        batches = mark_batches(
            result.batches,
            positions=marked_positions(plan, catalogue=catalogue),
            key=requester_key(mark_secret, subject=requester.subject),
        )
    else:
        batches = release_statistic(
            result.batches, plan=plan, computed=result.schema, schema=schema, office=requester.office, ledger=ledger
        )
    capped = _capped(batches, schema=schema, rows=rows, rows_max=plan.rows_max)
    return ReleasableResult(plan=plan, stream=BatchStream(schema=schema, batches=capped, cancel=result.cancel))


def released_schema(plan: EnforcedPlan, *, computed: pa.Schema) -> pa.Schema:
    """Return the columns as the recipient gets them, without metadata.

    Args:
        plan: What runs.
        computed: Columns of the engine's result, or of the one scan.

    Raises:
        Bug: They are other columns than the plan's.
    """
    if plan.statistic is not None:
        return statistic_schema(plan, computed=computed)
    _check_columns(computed, plan=plan)
    return pa.schema([field.remove_metadata() for field in computed])


def _check_columns(schema: pa.Schema, *, plan: EnforcedPlan) -> None:
    expected = [output for _, output in plan.projection] if plan.sql is None else plan.resolved.tree.named_selects
    # The engine may tell equal output names apart, so only the number is compared then.
    if len(schema.names) != len(expected) or (len(set(expected)) == len(expected) and schema.names != expected):
        raise Bug("the result has other columns than the plan")


def _capped(
    batches: Iterator[pa.RecordBatch], *, schema: pa.Schema, rows: RowShare, rows_max: int
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not rows.take(batch.num_rows):
            raise TooLarge(Reason.RESULT_TOO_LARGE, str(rows_max))
        if batch.num_rows:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _terms(*, requester: Requester, context: RequestContext, intent: AuditEntry) -> dict[str, str]:
    return {
        "sharing.purpose": context.purpose,
        "sharing.case": context.case,
        "sharing.recipient": requester.office,
        "sharing.entry": intent.entry_id,
    }


def _treatment(
    plan: EnforcedPlan,
    *,
    requester: Requester,
    context: RequestContext,
    catalogue: Catalogue,
    missing: Sequence[str],
) -> dict[str, str]:
    decision, cuts = plan.decision, cuts_of(plan.decision, catalogue=catalogue)
    if decision.obligations is None:
        raise Bug("an allowed decision has no obligations")
    treatment = {
        name: {column: str(t.mask or t.action) for column, t in sorted(dataset.columns.items())}
        for name, dataset in sorted(decision.datasets.items())
    }
    obligations = {
        "retention_days": decision.obligations.retention_days,
        "onward_sharing": decision.obligations.onward_sharing,
        "grade": decision.obligations.grade,
        "agreements": decision.obligations.agreements,
        "emergency": decision.obligations.emergency,
    }
    return {
        "sharing.decision": decision.decision_id,
        "sharing.policy_revision": decision.policy_revision,
        "sharing.treatment": json.dumps(treatment, ensure_ascii=False, sort_keys=True),
        "sharing.cuts": cuts.columns_json(),
        "sharing.rows": cuts.rows_json(),
        "sharing.obligations": json.dumps(obligations, sort_keys=True),
        "sharing.expires_at": str(decision.obligations.expires_at(received_at=context.time)),
        "sharing.missing": json.dumps(missing),
        "sharing.about": about_json(
            decision,
            grade=decision.obligations.grade,
            purpose=context.purpose,
            office=requester.office,
            catalogue=catalogue,
        ),
    }
