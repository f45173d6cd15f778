"""Requesters, contexts and resolved queries without a parser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import sqlglot.expressions as exp

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import ColumnUse, OfficeKind, Role
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.decide import EmbeddedPdp, PolicyBundle, PolicyDecisionPoint, decide, load_bundle
from gateway.model.decision import Decision
from gateway.model.query import ResolvedQuery, SourceFilter, UsedColumn, UsedDataset
from gateway.model.requester import Agreement, CaseState, RequestContext, Requester, Standing, Usage

CLERK = Requester(
    subject="clerk-1",
    token_id="t-1",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
CONTEXT = RequestContext(purpose="elderly-care-visits", case="", channel="flight_sql", time=1_750_000_000)
AGREEMENTS = tuple(
    Agreement(
        id=f"a-{controller}",
        controller=controller,
        recipient="3101",
        datasets=datasets,
        purposes=("elderly-care-visits", "epidemic-control", "population-statistics", "venue-verification"),
        valid_from=1_700_000_000,
        valid_until=1_800_000_000,
    )
    for controller, datasets in (
        ("health", ("health.health_code", "health.vaccination")),
        ("housing", ("housing.dwelling",)),
        ("public_security", ("population.household", "population.resident")),
    )
)
STANDING = Standing(
    requester_revoked=False,
    purpose_revoked=False,
    case_state=CaseState.UNCHECKED,
    emergencies=(),
    agreements=AGREEMENTS,
    stops=(),
    consents={},
    usage=Usage(rows=0, lookups=0),
)
"""The agreements that the queries need are in force; nothing is revoked, declared or used up."""


def used(name: str, columns: Mapping[str, set[ColumnUse]] | str) -> UsedDataset:
    """Return a used dataset; columns given as text are selected."""
    uses = {key: {ColumnUse.SELECTED} for key in columns.split()} if isinstance(columns, str) else columns
    return UsedDataset(
        name=name,
        columns=tuple(UsedColumn(name=column, uses=frozenset(uses[column])) for column in sorted(uses)),
        occurrences=1,
    )


def resolved(*datasets: UsedDataset, **changes: Any) -> ResolvedQuery:
    """Return a resolved query over `datasets`."""
    query = ResolvedQuery(
        sql="",
        tree=exp.select("1"),
        datasets=datasets,
        unknown_names=(),
        source_filters=(),
        aggregate_only=False,
        normalised_sql="",
    )
    return replace(query, **changes)


def bound(dataset: str, column: str, *values: str, op: PredicateOp = PredicateOp.IN) -> SourceFilter:
    """Return a filter that binds `column` to literals."""
    return SourceFilter(index=0, dataset=dataset, predicate=Predicate(op=op, column=column, values=values))


VISIT = resolved(used("population.resident", "name phone resident_id"))
VERIFICATION = resolved(
    used("health.health_code", {"resident_id": {ColumnUse.LOOKED_UP}, "colour": {ColumnUse.SELECTED}}),
    source_filters=(bound("health.health_code", "resident_id", "11010519491231002X"),),
)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="session")
def bundle(catalogue: Catalogue) -> PolicyBundle:
    return load_bundle(catalogue=catalogue)


@pytest.fixture(scope="session")
def embedded(bundle: PolicyBundle) -> Iterator[EmbeddedPdp]:
    pdp = EmbeddedPdp(bundle)
    yield pdp
    pdp.close()


Decide = Callable[..., Decision]


@pytest.fixture
def decided(catalogue: Catalogue, embedded: EmbeddedPdp) -> Decide:
    def ask(
        query: ResolvedQuery = VISIT,
        *,
        requester: Requester = CLERK,
        context: RequestContext = CONTEXT,
        standing: Standing = STANDING,
        pdp: PolicyDecisionPoint = embedded,
    ) -> Decision:
        return decide(
            query,
            requester=requester,
            context=context,
            standing=standing,
            pdp=pdp,
            catalogue=catalogue,
            decision_id="decision-1",
            deadline_seconds=100,
        )

    return ask
