"""An office that asks for statistics of a made-up district: the real stages from parser to ledger, without the network."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind, Role
from connectors.sdk.masks import treat
from connectors.sdk.predicates import evaluate
from gateway.decide import EmbeddedPdp, decide
from gateway.model.audit import AuditEntry, EntryKind
from gateway.model.plan import EnforcedPlan, PlannedScan
from gateway.model.requester import Agreement, CaseState, RequestContext, Requester, Standing, Usage
from gateway.model.result import BatchStream, ComputedResult
from gateway.model.rows import RowBudget
from gateway.parse import EngineParser, parse
from gateway.release import StatisticsLedger, release
from gateway.resolve import resolve
from gateway.rewrite import rewrite

CATALOGUE = load_catalogue()
STANDING = Standing(
    requester_revoked=False,
    purpose_revoked=False,
    case_state=CaseState.UNCHECKED,
    emergencies=(),
    agreements=tuple(
        Agreement(
            id=f"agreement-{controller}",
            controller=controller,
            recipient="310101",
            datasets=tuple(sorted(name for name, d in CATALOGUE.datasets.items() if d.controller == controller)),
            purposes=("population-statistics", "rental-statistics"),
            valid_from=0,
            valid_until=4_000_000_000,
        )
        for controller in sorted({dataset.controller for dataset in CATALOGUE.datasets.values()})
    ),
    stops=(),
    consents={},
    usage=Usage(rows=0, lookups=0),
)
DISTRICT = Requester(
    subject="analyst",
    token_id="t",
    office="310101",
    office_kind=OfficeKind.DISTRICT,
    division_code="310101",
    roles=frozenset({Role.ANALYST}),
    clearance="general-3",
    department=None,
)
CONTEXT = RequestContext(purpose="population-statistics", case="", channel="flight_sql", time=1_800_000_000)
INTENT = AuditEntry(sequence=1, entry_id="e", kind=EntryKind.INTENT, time_micros=0, body={}, leaf=b"")

Rows = list[dict[str, Any]]
Database = Mapping[str, Rows]


class NoLedger:
    """A ledger that has been switched off."""

    def admit(self, groups: object, *, office: str, people_min: int) -> None:
        """Let everything pass."""


@dataclass(slots=True, kw_only=True)
class Office:
    """One requester's session with a database that may change between two questions."""

    database: Database
    engine_parser: EngineParser
    pdp: EmbeddedPdp
    ledger: Any = field(default_factory=lambda: StatisticsLedger("sqlite://", clock_seconds=lambda: 1.8e9))
    engine: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect)
    requester: Requester = DISTRICT
    catalogue: Catalogue = CATALOGUE
    purpose: str = "population-statistics"

    def plan(self, sql: str) -> EnforcedPlan:
        """Decide a query; raises Denied."""
        resolved = resolve(parse(sql, engine_parser=self.engine_parser), catalogue=self.catalogue)
        decision = decide(
            resolved,
            requester=self.requester,
            context=replace(CONTEXT, purpose=self.purpose),
            standing=STANDING,
            pdp=self.pdp,
            catalogue=self.catalogue,
            decision_id="d",
            deadline_seconds=100,
        )
        return rewrite(resolved, decision=decision, catalogue=self.catalogue)

    def ask(self, sql: str) -> Rows:
        """Return the rows of an answer."""
        plan = self.plan(sql)
        result = release(
            self.compute(plan),
            requester=self.requester,
            context=replace(CONTEXT, purpose=self.purpose),
            intent=INTENT,
            catalogue=self.catalogue,
            ledger=self.ledger,
            mark_secret=bytes(32),
            rows=RowBudget(plan.rows_max).share(plan.rows_max),
        )
        return pa.Table.from_batches(list(result.stream.batches), schema=result.stream.schema).to_pylist()

    def compute(self, plan: EnforcedPlan) -> ComputedResult:
        """Run the engine's SQL over what connectors would send."""
        for scan in plan.scans:
            self.engine.register(scan.name, self._sent(scan))
        table = self.engine.sql(plan.sql or "").to_arrow_table()
        stream = BatchStream(schema=table.schema, batches=iter(table.to_batches()), cancel=lambda: None)
        return ComputedResult(plan=plan, stream=stream)

    def raw(self, sql: str) -> Rows:
        """Run SQL over the raw database, as if nothing defended it; tables are named without their schema."""
        for name, rows in self.database.items():
            self.engine.register(name.partition(".")[2], self._table(name, rows))
        found: Rows = self.engine.sql(sql).to_arrow_table().to_pylist()
        return found

    def _table(self, name: str, rows: Rows) -> pa.Table:
        columns = [c for c in self.catalogue.datasets[name].columns if not rows or c.name in rows[0]]
        return pa.table({c.name: pa.array([row[c.name] for row in rows], c.arrow_type) for c in columns})

    def _sent(self, scan: PlannedScan) -> pa.RecordBatchReader:
        key = hmac.digest(b"secret" * 8, self.requester.office.encode(), "sha256")
        (batch,) = self._table(scan.dataset, self.database[scan.dataset]).combine_chunks().to_batches()
        batch = batch.filter(evaluate(scan.row_filter, batch))
        if scan.pushed_filter is not None:
            batch = batch.filter(evaluate(scan.pushed_filter, batch))
        arrays = [
            treat(batch[c.name], action=c.action, mask=c.mask, pseudonym_key=key)
            for c in scan.columns
            if not c.check_only
        ]
        table = pa.Table.from_arrays(arrays, names=scan.schema.names)
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches())


def resident(number: int, **columns: object) -> dict[str, Any]:
    """Return one resident of the district."""
    return {
        "resident_id": f"person-{number}",
        "household_id": f"household-{number // 3}",
        "sex": "1",
        "residence_division": "310101002001",
        "registration_kind": "registered",
        "birth_date": None,
        **columns,
    }


def lease(number: int, **columns: object) -> dict[str, Any]:
    """Return one lease of a resident."""
    return {
        "lease_id": f"lease-{number}",
        "lessee_resident_id": f"person-{number}",
        "division_code": "310101002001",
        "monthly_rent": 3000,
        **columns,
    }


def unguarded(office: Office) -> Office:
    """Return the same office with an empty database of released groups that refuses nothing."""
    return replace(office, ledger=NoLedger())
