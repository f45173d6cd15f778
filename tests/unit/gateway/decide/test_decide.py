"""One whole query is decided: from stage 3's value to stage 4's, with the real policies and catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.governance import Stop, StopKind
from catalog.vocabulary import ColumnAction, ColumnUse, Mask, OfficeKind, Role
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.decide import EmbeddedPdp, PolicyBundle
from gateway.model.decision import ColumnTreatment, Decision
from gateway.model.requester import Emergency, Usage
from tests.unit.gateway.decide.conftest import (
    CLERK,
    CONTEXT,
    STANDING,
    VERIFICATION,
    VISIT,
    Decide,
    bound,
    resolved,
    used,
)

CLEAR = ColumnTreatment(action=ColumnAction.CLEAR)
EMERGENCY = Emergency(
    id="e-1",
    area="310101",
    purposes=("epidemic-control", "venue-verification"),
    starts_at=1_750_000_000,
    ends_at=1_750_000_100,
)
RESIDENTS_STOPPED = Stop(kind=StopKind.DATASET, controller="public_security", target="population.resident")
DECLARED = replace(STANDING, emergencies=(EMERGENCY,))


def codes(decision: Decision) -> list[str]:
    return [denial.code for denial in decision.denials]


def test_a_street_clerk_may_prepare_a_visit_to_the_elderly(decided: Decide, embedded: EmbeddedPdp) -> None:
    """Rows of the street, the resident ID masked, everything else as registered, with obligations."""
    decision = decided()
    assert decision.allow
    assert decision.denials == ()
    dataset = decision.datasets["population.resident"]
    assert dataset.columns == {
        "name": CLEAR,
        "phone": CLEAR,
        "resident_id": ColumnTreatment(action=ColumnAction.PARTIAL, mask=Mask.RESIDENT_ID),
    }
    assert dataset.row_filter == Predicate(op=PredicateOp.PREFIX, column="residence_division", values=("310101002",))
    assert decision.obligations is not None
    assert not decision.obligations.onward_sharing
    assert decision.obligations.agreements == ("a-public_security",)
    assert (decision.obligations.grade, decision.obligations.emergency) == ("general-3", None)
    assert decision.standing is STANDING
    assert (decision.decision_id, decision.policy_revision) == ("decision-1", embedded.revision)
    assert "minimisation" in decision.determined_by


def test_three_datasets_are_decided_in_one_call(decided: Decide) -> None:
    """Every dataset has its own columns and row filter."""
    decision = decided(
        resolved(
            used("housing.dwelling", "dwelling_code has_elevator owner_name"),
            used("population.household", "household_id member_count"),
            used("population.resident", "household_id name"),
        )
    )
    assert decision.allow
    filters = {name: d.row_filter.column for name, d in decision.datasets.items() if d.row_filter is not None}
    assert filters == {
        "housing.dwelling": "division_code",
        "population.household": "division_code",
        "population.resident": "residence_division",
    }


def test_a_query_that_only_counts_rows_uses_no_column(decided: Decide) -> None:
    """`SELECT count(*)` is decided by its dataset alone."""
    assert decided(resolved(used("population.resident", ""))).datasets["population.resident"].columns == {}


def test_one_persons_health_code_may_be_looked_up_anywhere_in_the_city(decided: Decide) -> None:
    """A bound key opens one row, with the clearance for it."""
    decision = decided(
        VERIFICATION,
        context=replace(CONTEXT, purpose="venue-verification"),
        requester=replace(CLERK, clearance="general-4"),
        standing=DECLARED,
    )
    assert decision.allow, decision.denials
    dataset = decision.datasets["health.health_code"]
    assert dataset.lookup_values_max == 1
    assert dataset.columns["resident_id"].action is ColumnAction.LOOKUP
    assert dataset.row_filter == Predicate(op=PredicateOp.PREFIX, column="residence_division", values=("31",))


@pytest.mark.parametrize(
    ("uses", "filters", "code"),
    [
        ({ColumnUse.FILTERED}, (), "LOOKUP_ONLY"),
        (
            {ColumnUse.LOOKED_UP, ColumnUse.SELECTED},
            (bound("health.health_code", "resident_id", "1"),),
            "LOOKUP_ONLY",
        ),
        ({ColumnUse.LOOKED_UP}, (bound("health.health_code", "resident_id", "1", "2"),), "LOOKUP_TOO_MANY"),
    ],
)
def test_health_codes_may_not_be_browsed(decided: Decide, uses: set[ColumnUse], filters: tuple, code: str) -> None:
    """A key that is not bound, is shown, or is bound to many values opens nothing."""
    query = resolved(
        used("health.health_code", {"resident_id": uses, "colour": {ColumnUse.SELECTED}}), source_filters=filters
    )
    decision = decided(
        query,
        context=replace(CONTEXT, purpose="venue-verification"),
        requester=replace(CLERK, clearance="general-4"),
        standing=DECLARED,
    )
    assert codes(decision) == [code]
    assert decision.obligations is None


def test_statistics_name_the_smallest_group(decided: Decide) -> None:
    """A statistic is allowed with the number of people a group needs at least."""
    query = resolved(used("population.resident", {"sex": {ColumnUse.GROUPED, ColumnUse.SELECTED}}), aggregate_only=True)
    decision = decided(query, context=replace(CONTEXT, purpose="population-statistics"))
    assert decision.allow, decision.denials
    assert decision.people_min == 10


def test_epidemic_data_opens_with_the_emergency_and_closes_with_it(decided: Decide) -> None:
    """The same query is denied before, allowed during and denied after a declared emergency."""
    query = resolved(used("health.health_code", "colour name"))
    requester = replace(CLERK, clearance="general-4")

    def at(time: int) -> Decision:
        context = replace(CONTEXT, purpose="epidemic-control", time=time)
        return decided(query, context=context, requester=requester, standing=DECLARED)

    assert codes(at(1_749_999_999)) == ["EMERGENCY_NOT_DECLARED"]
    opened = at(1_750_000_000)
    assert opened.obligations is not None
    assert opened.obligations.emergency == "e-1"
    assert codes(at(1_750_000_100)) == ["EMERGENCY_NOT_DECLARED"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"requester_revoked": True}, "REQUESTER_REVOKED"),
        ({"purpose_revoked": True}, "PURPOSE_REVOKED"),
        ({"agreements": ()}, "AGREEMENT_MISSING"),
        ({"stops": (RESIDENTS_STOPPED,)}, "DATASET_STOPPED"),
        ({"usage": Usage(rows=25_000, lookups=0)}, "QUOTA_EXCEEDED"),
    ],
)
def test_what_the_registers_say_is_decided_on(decided: Decide, change: dict, code: str) -> None:
    """A revocation, a stop, an agreement that ended and a quota that is used up each deny what was allowed."""
    assert decided().allow
    assert codes(decided(standing=replace(STANDING, **change))) == [code]


def test_twin_without_the_rule_about_stops_a_stopped_dataset_is_served(decided: Decide, bundle: PolicyBundle) -> None:
    """Nothing else stands in the way, so it is this rule that holds it back."""
    modules = {name: source.replace("\tstop.established\n", "") for name, source in bundle.modules.items()}
    careless = EmbeddedPdp(PolicyBundle(modules=modules, data=bundle.data))
    assert decided(standing=replace(STANDING, stops=(RESIDENTS_STOPPED,)), pdp=careless).allow
    careless.close()


def test_a_result_has_no_more_rows_than_the_day_has_left(decided: Decide) -> None:
    """The row cap of the purpose shrinks with what was received today."""
    decision = decided(standing=replace(STANDING, usage=Usage(rows=24_999, lookups=0)))
    assert decision.obligations is not None
    assert (decision.obligations.rows_max, decision.obligations.rows_per_day_max) == (1, 25_000)


def test_a_denial_is_a_decision_with_texts_in_both_languages(decided: Decide) -> None:
    """A denial says what, why and what next; nothing is released."""
    decision = decided(resolved(used("population.resident", "ethnicity name")))
    assert not decision.allow
    assert decision.datasets == {}
    (denial,) = decision.denials
    assert (denial.code, denial.rule) == ("NOT_AVAILABLE", "minimisation")
    assert denial.message.zh == "用途“elderly-care-visits”不提供“population.resident.ethnicity”。"
    assert (
        denial.message.en == "'population.resident.ethnicity' is not available for the purpose 'elderly-care-visits'."
    )


def test_an_unknown_column_reads_like_a_forbidden_one(decided: Decide) -> None:
    """Apart from the name the requester wrote, the two decisions are the same."""
    forbidden = decided(resolved(used("population.resident", "ethnicity name")))
    unknown = decided(resolved(used("population.resident", "name"), unknown_names=("population.resident.ethnicitee",)))
    assert repr(unknown.denials).replace("ethnicitee", "ethnicity") == repr(forbidden.denials)
    assert unknown.datasets == forbidden.datasets


def test_an_unknown_table_reads_like_a_forbidden_one(decided: Decide) -> None:
    """A dataset of no purpose of the requester cannot be told from one that does not exist."""
    city = replace(CLERK, office_kind=OfficeKind.CITY, division_code="31", roles=frozenset({Role.ANALYST}))
    context = replace(CONTEXT, purpose="population-statistics")
    forbidden = decided(resolved(used("health.vaccination", "name")), requester=city, context=context)
    unknown = decided(resolved(unknown_names=("health.vaccinatiom",)), requester=city, context=context)
    assert codes(forbidden) == ["NOT_AVAILABLE"]
    assert repr(unknown.denials).replace("vaccinatiom", "vaccination") == repr(forbidden.denials)


@pytest.mark.parametrize(
    "purpose",
    [
        "elderly-care-visits\x00", "elderly-care-visits ", " elderly-care-visits", "Elderly-care-visits", "elderly-care-visits\n",
        "elderly\u200b-care-visits", "../elderly-care-visits", "elderly-care-visits\ud800", 'elderly-care-visits"', "x" * 100_000,
        '","allow":true,"x":"', "{purpose}", "{name}",
    ],
)  # fmt: skip
def test_a_purpose_spelt_in_another_way_is_unknown(decided: Decide, purpose: str) -> None:
    """No spelling of a purpose but its own opens anything or breaks the answer."""
    decision = decided(context=replace(CONTEXT, purpose=purpose))
    assert [denial.code for denial in decision.denials] == ["PURPOSE_UNKNOWN"]


def test_the_decision_keeps_what_the_policy_saw(decided: Decide) -> None:
    """The policy input goes into the decision, so the log can replay it; it has no literal of the query."""
    decision = decided(VERIFICATION, context=replace(CONTEXT, purpose="venue-verification"))
    assert decision.policy_input["query"]["datasets"][0]["lookup_values"] == {"resident_id": 1}
    assert "11010519491231002X" not in repr(decision.policy_input)


def test_the_same_question_has_the_same_answer(decided: Decide) -> None:
    """A decision is a pure function of its input."""
    assert decided(VISIT) == decided(VISIT)
