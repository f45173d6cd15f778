"""Whether a running query may go on under a later decision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.vocabulary import ColumnAction
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.model.decision import ColumnTreatment, DatasetDecision, Decision, ResultObligations
from gateway.model.requester import CaseState, Emergency, Standing, Usage

LONG, SHORT = (Emergency(id=id, area="31", purposes=("p",), starts_at=0, ends_at=9) for id in ("a-long", "b-short"))
STANDING = Standing(
    requester_revoked=False,
    purpose_revoked=False,
    case_state=CaseState.UNCHECKED,
    emergencies=(LONG,),
    agreements=(),
    stops=(),
    consents={},
    usage=Usage(rows=0, lookups=0),
)
DATASET = DatasetDecision(
    name="d.t",
    columns={"c": ColumnTreatment(action=ColumnAction.CLEAR)},
    row_filter=Predicate(op=PredicateOp.PREFIX, column="c", values=("31",)),
    lookup_values_max=None,
)
TERMS = ResultObligations(
    rows_max=10,
    rows_per_day_max=100,
    lookups_per_day_max=None,
    retention_days=30,
    onward_sharing=False,
    grade="general-1",
    agreements=("a",),
    emergency="a-long",
)
EARLIER = Decision(
    decision_id="1",
    allow=True,
    datasets={"d.t": DATASET},
    people_min=None,
    obligations=TERMS,
    denials=(),
    determined_by=("purpose",),
    policy_revision="r",
    standing=STANDING,
    policy_input={},
    answer_sha256="0" * 64,
)


def later(**terms: object) -> Decision:
    return replace(EARLIER, obligations=replace(TERMS, **terms))


@pytest.mark.parametrize(
    "decision",
    [
        EARLIER,
        later(rows_max=3),
        later(agreements=("b",)),
        replace(later(emergency="b-short"), standing=replace(STANDING, emergencies=(LONG, SHORT))),
    ],
    ids=["the same", "fewer rows left", "another agreement", "one more emergency"],
)
def test_it_goes_on_when_the_same_is_released_on_the_same_terms(decision):
    """What it rests on may have been replaced."""
    assert decision.releases_as(EARLIER)


@pytest.mark.parametrize(
    "decision",
    [
        later(retention_days=1),
        later(rows_per_day_max=1),
        replace(EARLIER, people_min=10),
        replace(EARLIER, datasets={"d.t": replace(DATASET, columns={"c": ColumnTreatment(action=ColumnAction.NULL)})}),
        replace(later(emergency="b-short"), standing=replace(STANDING, emergencies=(SHORT,))),
        replace(EARLIER, obligations=None),
    ],
    ids=["shorter retention", "lower quota", "a statistic", "another treatment", "its emergency is over", "no terms"],
)
def test_it_stops_when_something_else_would_be_released(decision):
    """Also when the result's own terms would be others, since its metadata states them."""
    assert not decision.releases_as(EARLIER)
