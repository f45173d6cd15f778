"""A query and what was decided about it, as they are recorded, and a log in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlglot

from catalog.vocabulary import ColumnAction, ColumnUse, Mask, OfficeKind, Role
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.tlog.canonical import encode_canonical
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.decision import ColumnTreatment, DatasetDecision, Decision, ResultObligations
from gateway.model.plan import EnforcedPlan, PlannedScan, ScanColumn
from gateway.model.query import ResolvedQuery, SourceFilter, UsedColumn, UsedDataset
from gateway.model.requester import CaseState, RequestContext, Requester, Standing, Usage

SECRET = "110105194912310021"
PEOPLE = {"population.resident": ("st1.token",)}
SENT = {"rows": 3, "bytes_sent": 512, "content_hash": "sha256:" + "ab" * 32}
REQUESTER = Requester(
    subject="clerk-1",
    token_id="token-1",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.STEWARD, Role.CLERK}),
    clearance="general-3",
    department=None,
)
CONTEXT = RequestContext(purpose="elderly-care-visits", case="案-1", channel="flight_sql", time=1_700_000_000)
ROW_FILTER = Predicate(op=PredicateOp.PREFIX, column="residence_division", values=("310101002",))
LOOKUP = Predicate(op=PredicateOp.EQ, column="resident_id", values=(SECRET,))
POLICY_INPUT = {
    "purpose": "elderly-care-visits",
    "query": {"datasets": [{"name": "population.resident", "columns": ()}], "unknown_names": ["population.secret"]},
    "ratio": 0.1,
}
DECISION = Decision(
    decision_id="decision-1",
    allow=True,
    datasets={
        "population.resident": DatasetDecision(
            name="population.resident",
            columns={
                "name": ColumnTreatment(action=ColumnAction.PARTIAL, mask=Mask.NAME),
                "resident_id": ColumnTreatment(action=ColumnAction.LOOKUP),
            },
            row_filter=ROW_FILTER,
            lookup_values_max=1,
        )
    },
    people_min=None,
    obligations=ResultObligations(
        rows_max=500,
        rows_per_day_max=5_000,
        lookups_per_day_max=None,
        retention_days=30,
        onward_sharing=False,
        grade="general-3",
        agreements=("agreement-1",),
        emergency=None,
    ),
    denials=(),
    determined_by=("rule-a", "rule-b"),
    policy_revision="policy-7",
    standing=Standing(
        requester_revoked=False,
        purpose_revoked=False,
        case_state=CaseState.UNCHECKED,
        emergencies=(),
        agreements=(),
        stops=(),
        consents={},
        usage=Usage(rows=0, lookups=0),
    ),
    policy_input=POLICY_INPUT,
    answer_sha256="0" * 64,
)
RESOLVED = ResolvedQuery(
    sql=f"SELECT name FROM population.resident WHERE resident_id = '{SECRET}'",
    tree=sqlglot.parse_one("SELECT 1"),
    datasets=(
        UsedDataset(
            name="population.resident",
            columns=(
                UsedColumn(name="name", uses=frozenset({ColumnUse.SELECTED, ColumnUse.ORDERED})),
                UsedColumn(name="resident_id", uses=frozenset({ColumnUse.LOOKED_UP})),
            ),
            occurrences=1,
        ),
    ),
    unknown_names=(),
    source_filters=(SourceFilter(index=0, dataset="population.resident", predicate=LOOKUP),),
    aggregate_only=False,
    normalised_sql="SELECT name FROM population.resident WHERE resident_id = ?",
)
SCAN = PlannedScan(
    name="scan_0",
    dataset="population.resident",
    controller="public_security",
    columns=(
        ScanColumn(name="name", action=ColumnAction.PARTIAL, mask=Mask.NAME, check_only=False),
        ScanColumn(name="residence_division", action=ColumnAction.CLEAR, mask=None, check_only=True),
    ),
    schema=pa.schema([pa.field("name", pa.string())]),
    row_filter=ROW_FILTER,
    pushed_filter=LOOKUP,
    lookup_column="resident_id",
    lookup_values=(SECRET,),
    rows_max=500,
    read_once=True,
)

PLAN = EnforcedPlan(
    resolved=RESOLVED, decision=DECISION, scans=(SCAN,), sql=None, projection=(("name", "name"),), rows_max=500
)


class KeptLog:
    """Keeps entries in memory; refuses what the real log refuses."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def append(self, kind: EntryKind, body: Mapping[str, Any]) -> AuditEntry:
        encode_canonical(dict(body))
        number = len(self.entries) + 1
        entry = AuditEntry(sequence=number, entry_id=f"e{number}", kind=kind, time_micros=0, body=body, leaf=b"")
        self.entries.append(entry)
        return entry
