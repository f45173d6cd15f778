"""Collect the facts about one query from the registers, the case register and today's usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from catalog.cases import CaseRegister, CaseRegisterUnavailable
from catalog.catalogue import Catalogue
from catalog.governance import RevocationKind
from catalog.governance.register import GovernanceRegister
from catalog.vocabulary import ColumnAction
from connectors.sdk.predicates import PredicateOp
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.query import ResolvedQuery
from gateway.model.requester import Agreement, CaseState, Emergency, RequestContext, Requester, Standing
from gateway.standing.usage import UsageCounter


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFacts:
    """Collects what the policy is told beside the query itself. Reads memory only, but for the case register."""

    catalogue: Catalogue
    governance: GovernanceRegister
    cases: CaseRegister | None
    usage: UsageCounter

    def collect(self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext) -> Standing:
        """Return the facts that stand now.

        Raises:
            Unavailable: The case register cannot be asked.
        """
        return Standing(
            requester_revoked=self.is_revoked(requester),
            purpose_revoked=self.governance.is_revoked(RevocationKind.PURPOSE, context.purpose),
            case_state=self._case_state(requester=requester, context=context),
            emergencies=tuple(e for e in self.emergencies() if e.ends_at > context.time),
            agreements=tuple(
                agreement
                for agreement in self.agreements({dataset.name for dataset in resolved.datasets})
                if context.purpose in agreement.purposes and agreement.valid_until > context.time
            ),
            consents=self._consents(resolved, requester=requester, context=context),
            usage=self.usage.today(requester, purpose=context.purpose),
        )

    def collect_again(
        self, standing: Standing, *, resolved: ResolvedQuery, requester: Requester, context: RequestContext
    ) -> Standing:
        """Return the facts that stand now for a running query that was decided on `standing`.

        Its own usage does not count, and its case is not looked up again.
        """
        memory = replace(self, cases=None)
        now = memory.collect(resolved, requester=requester, context=context)
        return replace(now, usage=standing.usage, case_state=standing.case_state)

    def is_revoked(self, requester: Requester) -> bool:
        """Whether everything is refused to the requester."""
        return self.governance.is_revoked(RevocationKind.REQUESTER, requester.subject)

    def emergencies(self) -> tuple[Emergency, ...]:
        """Return the declared emergencies that nobody has ended, sorted by id."""
        return tuple(
            Emergency(id=e.id, area=e.area, purposes=e.purposes, starts_at=e.starts_at, ends_at=e.ends_at)
            for e in self.governance.standing_emergencies()
        )

    def agreements(self, datasets: set[str]) -> tuple[Agreement, ...]:
        """Return the agreements about any of the datasets that are not revoked, sorted by id."""
        return tuple(
            Agreement(
                id=a.id,
                controller=a.controller,
                recipient=a.recipient,
                datasets=a.datasets,
                purposes=a.purposes,
                valid_from=a.valid_from,
                valid_until=a.valid_until,
            )
            for a in self.governance.standing_agreements(datasets)
        )

    def _case_state(self, *, requester: Requester, context: RequestContext) -> CaseState:
        if self.cases is None or not context.case or requester.seen_by:
            return CaseState.UNCHECKED
        try:
            return CaseState(self.cases.state(context.case, purpose=context.purpose, office=requester.office))
        except CaseRegisterUnavailable as error:
            raise Unavailable(Reason.CASE_REGISTER_UNAVAILABLE, internal=str(error)) from error

    def _consents(self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext) -> Mapping[str, int]:
        purpose = self.catalogue.purposes.get(context.purpose)
        if purpose is None or not purpose.consent_required:
            return {}
        keys = {
            need.dataset: values
            for need in purpose.datasets
            for column, treatment in need.columns.items()
            if treatment.action is ColumnAction.LOOKUP
            and (values := _keys(resolved, dataset=need.dataset, column=column))
        }
        if requester.seen_by:  # an administrator must not learn who consented
            return {dataset: len(values) for dataset, values in keys.items()}
        return {
            dataset: self.governance.consented(
                values, purpose=context.purpose, office=requester.office, now=context.time
            )
            for dataset, values in keys.items()
        }


def _keys(resolved: ResolvedQuery, *, dataset: str, column: str) -> frozenset[str]:
    """Return the look-up keys of a query: those that satisfy every condition on the column."""
    bound = [
        frozenset(str(value) for value in found.predicate.values)
        for found in resolved.source_filters
        if found.dataset == dataset
        and found.predicate.column == column
        and found.predicate.op in (PredicateOp.EQ, PredicateOp.IN)
    ]
    return frozenset.intersection(*bound) if bound else frozenset()
