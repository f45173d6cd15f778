"""What the policy sees of one query."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.governance import Stop, StopKind
from catalog.vocabulary import ColumnUse, Role
from connectors.sdk.predicates import PredicateOp
from gateway.decide.policy_input import TEXT_MAX, lookup_values, make_policy_input
from gateway.model.requester import CaseState, Emergency, Usage
from tests.unit.gateway.decide.conftest import (
    AGREEMENTS,
    CLERK,
    CONTEXT,
    STANDING,
    VERIFICATION,
    VISIT,
    bound,
    resolved,
    used,
)


def test_the_input_is_the_agreed_document() -> None:
    """Names, keys and order are those of the schema; lists are sorted."""
    requester = replace(CLERK, roles=frozenset({Role.STEWARD, Role.CLERK}))
    emergencies = (
        Emergency(id="e-2", area="31", purposes=("epidemic-control",), starts_at=3, ends_at=4),
        Emergency(id="e-1", area="310101", purposes=(), starts_at=1, ends_at=2),
    )
    standing = replace(
        STANDING,
        requester_revoked=True,
        purpose_revoked=True,
        case_state=CaseState.CLOSED,
        emergencies=emergencies,
        agreements=AGREEMENTS[2:] + AGREEMENTS[:1],
        stops=(
            Stop(kind=StopKind.OFFICE, controller="health", target="310101002"),
            Stop(kind=StopKind.COLUMN, controller="health", target="health.health_code.colour"),
            Stop(kind=StopKind.AGREEMENT, controller="health", target="a-health"),
        ),
        consents={"health.health_code": 1, "population.resident": 2},
        usage=Usage(rows=3, lookups=4),
    )
    purposes = ["elderly-care-visits", "epidemic-control", "population-statistics", "venue-verification"]
    query = replace(VERIFICATION, unknown_names=("b", "a"))
    assert make_policy_input(query, requester=requester, context=replace(CONTEXT, case="C-1"), standing=standing) == {
        "requester": {
            "subject": "clerk-1",
            "office": "310101002",
            "office_kind": "street",
            "division_code": "310101002",
            "roles": ["clerk", "steward"],
            "clearance": "general-3",
            "revoked": True,
        },
        "purpose": "elderly-care-visits",
        "case": "C-1",
        "context": {
            "time": 1_750_000_000,
            "channel": "flight_sql",
            "case_state": "closed",
            "purpose_revoked": True,
            "emergencies": [
                {"id": "e-1", "area": "310101", "purposes": [], "starts_at": 1, "ends_at": 2},
                {"id": "e-2", "area": "31", "purposes": ["epidemic-control"], "starts_at": 3, "ends_at": 4},
            ],
            "agreements": [
                {
                    "id": "a-health",
                    "controller": "health",
                    "recipient": "3101",
                    "office": "",
                    "columns": [],
                    "datasets": ["health.health_code", "health.vaccination"],
                    "purposes": purposes,
                    "valid_from": 1_700_000_000,
                    "valid_until": 1_800_000_000,
                },
                {
                    "id": "a-public_security",
                    "controller": "public_security",
                    "recipient": "3101",
                    "office": "",
                    "columns": [],
                    "datasets": ["population.household", "population.resident"],
                    "purposes": purposes,
                    "valid_from": 1_700_000_000,
                    "valid_until": 1_800_000_000,
                },
            ],
            "stops": [
                {"kind": "office", "controller": "health", "target": "310101002"},
                {"kind": "agreement", "controller": "health", "target": "a-health"},
                {"kind": "column", "controller": "health", "target": "health.health_code.colour"},
            ],
            "usage": {"rows": 3, "lookups": 4},
        },
        "query": {
            "aggregate_only": False,
            "unknown_names": ["a", "b"],
            "datasets": [
                {
                    "name": "health.health_code",
                    "lookup_values": {"resident_id": 1},
                    "consents": 1,
                    "columns": [
                        {"name": "colour", "uses": ["selected"]},
                        {"name": "resident_id", "uses": ["looked_up"]},
                    ],
                }
            ],
        },
    }


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", 'a"b', "a\\b", "a\u200bb", "a\u202eb", "a\ud800b", "a\x7fb"])
def test_characters_that_engines_read_differently_are_replaced(text: str) -> None:
    """Control, invisible and escaped characters never reach a policy engine."""
    document = make_policy_input(
        replace(VISIT, unknown_names=(text,)),
        requester=replace(CLERK, subject=text),
        context=replace(CONTEXT, purpose=text, case=text),
        standing=STANDING,
    )
    seen = {
        document["purpose"],
        document["case"],
        document["requester"]["subject"],
        *document["query"]["unknown_names"],
    }
    assert seen == {"a\N{REPLACEMENT CHARACTER}b"}


def test_chinese_text_stays_as_it_is() -> None:
    """A case number may be written in Chinese."""
    context = replace(CONTEXT, case="沪民〔2026〕17号")
    document = make_policy_input(VISIT, requester=CLERK, context=context, standing=STANDING)
    assert document["case"] == "沪民〔2026〕17号"


def test_long_text_is_cut_where_it_can_no_longer_be_a_name() -> None:
    """A megabyte of purpose stays out of the engine and the log."""
    context = replace(CONTEXT, purpose="p" * 1_000_000)
    document = make_policy_input(VISIT, requester=CLERK, context=context, standing=STANDING)
    assert document["purpose"] == "p" * (TEXT_MAX - 1) + "…"


def test_a_dataset_without_consents_has_none() -> None:
    """Silence is not consent."""
    document = make_policy_input(VISIT, requester=CLERK, context=CONTEXT, standing=STANDING)
    assert [dataset["consents"] for dataset in document["query"]["datasets"]] == [0]


def test_only_look_up_conditions_count_as_bound_keys() -> None:
    """Equality and IN bind; of several the fewest count, since all of them must hold."""
    query = resolved(
        used("population.resident", {"resident_id": {ColumnUse.LOOKED_UP}, "name": {ColumnUse.FILTERED}}),
        source_filters=(
            bound("population.resident", "resident_id", "1", "2", "3"),
            bound("population.resident", "resident_id", "1", op=PredicateOp.EQ),
            bound("population.resident", "phone", "1", op=PredicateOp.PREFIX),
            bound("health.health_code", "resident_id", "1", "2"),
        ),
    )
    assert lookup_values(query, "population.resident") == {"resident_id": 1}
    assert lookup_values(query, "health.health_code") == {"resident_id": 2}
