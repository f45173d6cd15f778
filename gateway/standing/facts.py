"""Collect the facts about one query from the registers, the case register and today's usage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from catalog.cases import CaseRegister, CaseRegisterUnavailable
from catalog.catalogue import Catalogue
from catalog.governance import RevocationKind, Stop
from catalog.governance.register import GovernanceRegister
from catalog.store import RegistryUnavailable
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

    def collect(
        self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext, sampled: bool = False
    ) -> Standing:
        """Return the facts that stand now.

        Args:
            resolved: The query.
            requester: Who asks.
            context: For what.
            sampled: Whether its look-up keys are samples, whose consent is taken for granted.

        Raises:
            Unavailable: The case register cannot be asked, or the registers' database is lost.
        """
        datasets = {dataset.name for dataset in resolved.datasets}
        agreements = tuple(
            agreement
            for agreement in self.agreements(datasets)
            if context.purpose in agreement.purposes and agreement.valid_until > context.time
        )
        concerned = datasets | {requester.office} | {agreement.id for agreement in agreements}
        return Standing(
            requester_revoked=self.is_revoked(requester),
            purpose_revoked=self._is_purpose_revoked(context.purpose),
            case_state=self._case_state(requester=requester, context=context),
            emergencies=tuple(e for e in self.emergencies() if e.ends_at > context.time),
            agreements=agreements,
            stops=tuple(stop for stop in self.stops() if (stop.dataset or stop.target) in concerned),
            consents=self._consents(resolved, requester=requester, context=context, sampled=sampled),
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
        with _readable():
            return self.governance.is_revoked(RevocationKind.REQUESTER, requester.subject)

    def _is_purpose_revoked(self, purpose: str) -> bool:
        with _readable():
            return self.governance.is_revoked(RevocationKind.PURPOSE, purpose)

    def emergencies(self) -> tuple[Emergency, ...]:
        """Return the declared emergencies that nobody has ended, sorted by id."""
        with _readable():
            standing = self.governance.standing_emergencies()
        return tuple(
            Emergency(id=e.id, area=e.area, purposes=e.purposes, starts_at=e.starts_at, ends_at=e.ends_at)
            for e in standing
        )

    def agreements(self, datasets: set[str]) -> tuple[Agreement, ...]:
        """Return the agreements about any of the datasets that are not revoked, sorted by id."""
        with _readable():
            standing = self.governance.standing_agreements(datasets)
        return tuple(
            Agreement(
                id=a.id,
                controller=a.controller,
                recipient=a.recipient,
                datasets=a.datasets,
                purposes=a.purposes,
                valid_from=a.valid_from,
                valid_until=a.valid_until,
                office=a.office,
                columns=a.columns,
            )
            for a in standing
        )

    def stops(self) -> tuple[Stop, ...]:
        """Return what is held back, sorted by controller and target."""
        with _readable():
            return tuple(record.stop for record in self.governance.stops)

    def _case_state(self, *, requester: Requester, context: RequestContext) -> CaseState:
        if self.cases is None or not context.case or requester.seen_by:
            return CaseState.UNCHECKED
        try:
            return CaseState(self.cases.state(context.case, purpose=context.purpose, office=requester.office))
        except CaseRegisterUnavailable as error:
            raise Unavailable(Reason.CASE_REGISTER_UNAVAILABLE, internal=str(error)) from error

    def _consents(
        self, resolved: ResolvedQuery, *, requester: Requester, context: RequestContext, sampled: bool
    ) -> Mapping[str, int]:
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
        if sampled or requester.seen_by:  # an administrator must not learn who consented
            return {dataset: len(values) for dataset, values in keys.items()}
        with _readable():
            return {
                dataset: self.governance.consented(
                    values, purpose=context.purpose, office=requester.office, now=context.time
                )
                for dataset, values in keys.items()
            }


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except RegistryUnavailable as error:
        raise Unavailable(Reason.REGISTRY_UNAVAILABLE, internal=str(error)) from error


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
