"""A decision as the requester may see it, with everything it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.catalogue import Catalogue
from catalog.dataset import Text
from catalog.governance import StopKind
from catalog.purpose import Purpose
from gateway.decide import RuleText
from gateway.model.cuts import cuts_of
from gateway.model.decision import Decision, Denial, ResultObligations
from gateway.model.requester import Usage
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


def explanation(
    decision: Decision, *, purpose: Purpose | None, catalogue: Catalogue, rules: Mapping[str, RuleText]
) -> catalog_pb2.ExplainQueryResponse:
    """Return a decision in words; which rule denied stays in the log. A stopped column has no treatment.

    Args:
        decision: Allowed or denied.
        purpose: The declared one, if the requester may declare it; else its articles and quota are not told.
        catalogue: Titles of divisions, grades and controllers.
        rules: Texts of the policy's rules by id.
    """
    cuts = cuts_of(decision, catalogue=catalogue)
    stopped = {stop.target for stop in decision.standing.stops if stop.kind is StopKind.COLUMN}
    return catalog_pb2.ExplainQueryResponse(
        allow=decision.allow,
        columns=[
            catalog_pb2.ColumnTreatment(
                dataset=cut.dataset,
                column=cut.column,
                action=str(cut.treatment.action),
                mask=str(cut.treatment.mask or ""),
                text=text_message(cut.text),
            )
            for cut in cuts.columns
            if f"{cut.dataset}.{cut.column}" not in stopped
        ],
        rows=[catalog_pb2.RowScope(dataset=cut.dataset, text=text_message(cut.text)) for cut in cuts.rows],
        denials=[_denial(denial) for denial in decision.denials],
        rules=[_rule(rules[rule]) for rule in decision.determined_by if decision.allow and rule in rules],
        legal_basis=legal_basis(purpose) if purpose else (),
        obligations=_obligations(decision, decision.obligations, catalogue) if decision.obligations else None,
        quota=quota(purpose, decision.standing.usage) if purpose else None,
        policy_revision=decision.policy_revision,
    )


def text_message(text: Text) -> catalog_pb2.Text:
    """Return a text as it travels."""
    return catalog_pb2.Text(zh=text.zh, en=text.en)


def legal_basis(purpose: Purpose) -> Iterable[catalog_pb2.Text]:
    """Return the articles a purpose rests on."""
    return [text_message(basis.citation) for basis in purpose.legal_basis]


def quota(purpose: Purpose, usage: Usage) -> catalog_pb2.Quota:
    """Return a purpose's quota and what is left of it today."""
    rows, lookups = purpose.quota.rows_per_day_max, purpose.quota.lookups_per_day_max
    return catalog_pb2.Quota(
        rows_per_day_max=rows,
        rows_left=max(0, rows - usage.rows),
        lookups_per_day_max=lookups,
        lookups_left=None if lookups is None else max(0, lookups - usage.lookups),
    )


def _denial(denial: Denial) -> catalog_pb2.DenialReason:
    return catalog_pb2.DenialReason(
        code=denial.code,
        message=text_message(denial.message),
        legal_basis=text_message(denial.legal_basis),
        remedy=text_message(denial.remedy),
    )


def _rule(rule: RuleText) -> catalog_pb2.RuleText:
    return catalog_pb2.RuleText(id=rule.id, title=text_message(rule.title), legal_basis=text_message(rule.legal_basis))


def _obligations(
    decision: Decision, obligations: ResultObligations, catalogue: Catalogue
) -> catalog_pb2.ResultObligations:
    titles = {grade.id: grade.title for grade in catalogue.grades.grades}
    return catalog_pb2.ResultObligations(
        rows_max=obligations.rows_max,
        retention_days=obligations.retention_days,
        onward_sharing=obligations.onward_sharing,
        grade=obligations.grade,
        grade_title=text_message(titles[obligations.grade]),
        agreements=[
            catalog_pb2.AgreementTerms(
                id=agreement.id,
                controller=text_message(catalogue.departments[agreement.controller].title),
                valid_until=agreement.valid_until,
            )
            for agreement in decision.standing.agreements
            if agreement.id in obligations.agreements
        ],
        emergency=obligations.emergency,
        people_min=decision.people_min,
    )
