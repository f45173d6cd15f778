"""Ask the policy about one whole query."""

from __future__ import annotations

from catalog.catalogue import Catalogue
from gateway.decide.answer import read_answer
from gateway.decide.pdp import PolicyDecisionPoint
from gateway.decide.policy_input import make_policy_input
from gateway.model.decision import Decision
from gateway.model.query import ResolvedQuery
from gateway.model.requester import RequestContext, Requester, Standing


def decide(
    resolved: ResolvedQuery,
    *,
    requester: Requester,
    context: RequestContext,
    standing: Standing,
    pdp: PolicyDecisionPoint,
    catalogue: Catalogue,
    decision_id: str,
    deadline_seconds: float,
) -> Decision:
    """Return the policy's decision, also when it is a denial. One call, whatever the query uses.

    Raises:
        Unavailable: The policy cannot be asked or its answer cannot be trusted; the reason says which.
    """
    policy_input = make_policy_input(resolved, requester=requester, context=context, standing=standing)
    evaluation = pdp.evaluate(policy_input, deadline_seconds=deadline_seconds)
    return read_answer(
        evaluation.answer,
        resolved=resolved,
        catalogue=catalogue,
        decision_id=decision_id,
        policy_revision=evaluation.revision,
        standing=standing,
        policy_input=policy_input,
    )
