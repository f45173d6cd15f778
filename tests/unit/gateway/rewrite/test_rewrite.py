"""Plans before and after: what the SQL becomes and what each connector may send, under the real policy and catalogue."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction, OfficeKind, Role
from gateway.decide import EmbeddedPdp, decide, load_bundle
from gateway.errors import Bug, Denied
from gateway.model.decision import ColumnTreatment
from gateway.model.plan import EnforcedPlan, PlannedScan
from gateway.model.requester import Agreement, CaseState, Emergency, RequestContext, Requester, Standing, Usage
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from gateway.rewrite import rewrite

CATALOGUE = load_catalogue()
CASES = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text("utf-8"))
CLERK = Requester(
    subject="clerk",
    token_id="t",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
DISTRICT = replace(CLERK, office="310101", office_kind=OfficeKind.DISTRICT, division_code="310101")
STANDING = Standing(
    requester_revoked=False,
    purpose_revoked=False,
    case_state=CaseState.UNCHECKED,
    emergencies=(
        Emergency(id="e", area="310101", purposes=tuple(CATALOGUE.purposes), starts_at=0, ends_at=4_000_000_000),
    ),
    agreements=tuple(
        Agreement(
            id=name,
            controller=dataset.controller,
            recipient="310101",
            datasets=(name,),
            purposes=tuple(CATALOGUE.purposes),
            valid_from=0,
            valid_until=4_000_000_000,
        )
        for name, dataset in CATALOGUE.datasets.items()
    ),
    stops=(),
    consents={},
    usage=Usage(rows=0, lookups=0),
)


@pytest.fixture(scope="module")
def pdp():
    made = EmbeddedPdp(load_bundle(catalogue=CATALOGUE))
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine_parser():
    made = EngineParser()
    yield made
    made.close()


@pytest.fixture
def decided(pdp, engine_parser):
    def run(sql: str, purpose: str):
        resolved = resolve(parse(sql, engine_parser=engine_parser), catalogue=CATALOGUE)
        context = RequestContext(purpose=purpose, case="", channel="flight_sql", time=1_800_000_000)
        decision = decide(
            resolved,
            requester=CLERK if OfficeKind.STREET in CATALOGUE.purposes[purpose].office_kinds else DISTRICT,
            context=context,
            standing=STANDING,
            pdp=pdp,
            catalogue=CATALOGUE,
            decision_id="d",
            deadline_seconds=100,
        )
        return resolved, decision

    return run


def shown(plan: EnforcedPlan) -> dict[str, Any]:
    after: dict[str, Any] = {"scans": {scan.name: shown_scan(scan) for scan in plan.scans}}
    if plan.sql is None:
        after["projection"] = [f"{column} AS {output}" for column, output in plan.projection]
    else:
        after["sql"] = plan.sql
    if plan.statistic:
        after["people"] = list(plan.statistic.people)
        after["sketches"] = [f"{s.column}.{s.sum} of {s.people}, {s.pool}" for s in plan.statistic.sketches]
    return after


def shown_scan(scan: PlannedScan) -> dict[str, Any]:
    columns = [f"{c.name} {c.mask or c.action}{' (check only)' if c.check_only else ''}" for c in scan.columns]
    after: dict[str, Any] = {"dataset": scan.dataset, "columns": columns, "rows": said(scan.row_filter.to_json())}
    if scan.pushed_filter:
        after["pushed"] = said(scan.pushed_filter.to_json())
    if scan.lookup_column:
        after["lookup"] = f"{scan.lookup_column} = {', '.join(map(str, scan.lookup_values))}"
    if scan.rows_max:
        after["rows_max"] = scan.rows_max
    if not scan.read_once:
        after["read"] = "more than once"
    return after


def said(predicate: dict[str, Any]) -> str:
    if "operands" in predicate:
        return f" {predicate['op']} ".join(said(operand) for operand in predicate["operands"])
    return f"{predicate['column']} {predicate['op']} {' '.join(map(str, predicate['values']))}".strip()


@pytest.mark.parametrize("case", CASES, ids=[case["so that"] for case in CASES])
def test_a_plan_is_as_written_down(case, decided):
    """Each case of cases.yaml: the query before, the plan after."""
    resolved, decision = decided(case["before"], case["purpose"])
    assert shown(rewrite(resolved, decision=decision, catalogue=CATALOGUE)) == case["after"]


def test_the_resolved_tree_is_left_as_it_was(decided):
    """Stages hand on values; rewrite copies before it changes."""
    resolved, decision = decided(CASES[0]["before"], CASES[0]["purpose"])
    before = resolved.tree.sql()
    rewrite(resolved, decision=decision, catalogue=CATALOGUE)
    assert resolved.tree.sql() == before


def test_a_denied_decision_becomes_the_error_that_carries_it(decided):
    """What the policy denies does not get a plan."""
    resolved, decision = decided("SELECT ethnicity FROM population.resident", "elderly-care-visits")
    with pytest.raises(Denied) as caught:
        rewrite(resolved, decision=decision, catalogue=CATALOGUE)
    assert caught.value.decision is decision


@pytest.mark.parametrize(
    "treatment", [ColumnTreatment(action=ColumnAction.DENY), ColumnTreatment(action=ColumnAction.LOOKUP)]
)
def test_an_allowed_decision_with_a_denied_or_unbound_column_is_a_bug(treatment, decided):
    """The plan does not trust that `decide` refused a contradiction."""
    resolved, decision = decided("SELECT phone FROM population.resident", "elderly-care-visits")
    dataset = decision.datasets["population.resident"]
    contradictory = replace(
        decision, datasets={dataset.name: replace(dataset, columns={"phone": treatment}, lookup_values_max=1)}
    )
    with pytest.raises(Bug):
        rewrite(resolved, decision=contradictory, catalogue=CATALOGUE)


def test_a_statistic_of_people_who_arrive_by_another_form_than_a_pseudonym_is_a_bug(decided):
    """Otherwise the ledger could not compare them with anybody; neither a data subject nor anybody else counted may be clear."""
    resolved, decision = decided(
        "SELECT count(DISTINCT household_id) FROM population.resident", "population-statistics"
    )
    rewrite(resolved, decision=decision, catalogue=CATALOGUE)
    (dataset,) = decision.datasets.values()
    for name in ("resident_id", "household_id"):
        columns = {**dataset.columns, name: ColumnTreatment(action=ColumnAction.CLEAR)}
        changed = replace(decision, datasets={dataset.name: replace(dataset, columns=columns)})
        with pytest.raises(Bug):
            rewrite(resolved, decision=changed, catalogue=CATALOGUE)


def test_without_a_row_filter_there_is_no_plan(decided):
    """A dataset is never scanned without the policy's own filter."""
    resolved, decision = decided("SELECT phone FROM population.resident", "elderly-care-visits")
    dataset = decision.datasets["population.resident"]
    with pytest.raises(Bug):
        rewrite(
            resolved,
            decision=replace(decision, datasets={dataset.name: replace(dataset, row_filter=None)}),
            catalogue=CATALOGUE,
        )
