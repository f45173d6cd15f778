"""CatalogService: what the requester may ask for, and what a query would get."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from functools import cached_property

import grpc

from catalog.purpose import DatasetNeed, Purpose
from catalog.quality import QualityRegister
from catalog.registry import NotServed, Registry
from catalog.search import SearchIndex
from catalog.vocabulary import OVERSIGHT, Role
from gateway.audit import record_administration
from gateway.authenticate import office_requester
from gateway.doors import dataset_messages, requester_messages
from gateway.doors.call import header, request_context
from gateway.doors.explanation import explanation, legal_basis, quota, text_message
from gateway.doors.offers import Offers, offers_to
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import Denied, GatewayError
from gateway.messages import Reason
from gateway.model.decision import Decision
from gateway.model.requester import RequestContext, Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

CHANNEL = "explain"


PAGE_SIZE_MAX = 5_000
_FOUND_SIZE = 50


class CatalogDoor(catalog_pb2_grpc.CatalogServiceServicer):
    """Shows only what some purpose opens to the requester's office and roles, and a steward the department's own datasets."""

    def __init__(self, *, path: QueryPath, registry: Registry, quality: QualityRegister) -> None:
        self._path = path
        self._registry = registry
        self._quality = quality

    @cached_property
    def _search(self) -> SearchIndex:
        return SearchIndex(self._path.catalogue)

    def ListPurposes(  # noqa: N802
        self, request: catalog_pb2.ListPurposesRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListPurposesResponse:
        """List the purposes the requester may declare, with what each needs."""
        with errors_as_status(context):
            offers = offers_to(self._requester(context), path=self._path)
            purposes = [self._purpose(purpose, offers=offers) for purpose in offers.purposes()]
            return catalog_pb2.ListPurposesResponse(purposes=purposes)
        raise AssertionError

    def ListDatasets(  # noqa: N802
        self, request: catalog_pb2.ListDatasetsRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListDatasetsResponse:
        """List the datasets that some purpose opens, page by page: a token is the last name of the page before."""
        with errors_as_status(context):
            offers = offers_to(self._requester(context), path=self._path)
            opened = offers.opened()
            names = list(opened)
            start = bisect_right(names, request.page_token)
            end = start + _page_size(request.page_size, missing=PAGE_SIZE_MAX)
            return catalog_pb2.ListDatasetsResponse(
                datasets=self._summaries(names[start:end], opened=opened, offers=offers),
                next_page_token=names[end - 1] if end < len(names) else "",
            )
        raise AssertionError

    def SearchDatasets(  # noqa: N802
        self, request: catalog_pb2.SearchDatasetsRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.SearchDatasetsResponse:
        """Find datasets that some purpose opens, by what the requester may see of them."""
        with errors_as_status(context):
            offers = offers_to(self._requester(context), path=self._path)
            opened = offers.opened()
            visible = {name: offers.visible(name, needs=needs) for name, needs in opened.items()}
            found = self._search.search(request.query, visible=visible)
            shown = found[: _page_size(request.page_size, missing=_FOUND_SIZE)]
            return catalog_pb2.SearchDatasetsResponse(
                datasets=self._summaries(shown, opened=opened, offers=offers), total=len(found)
            )
        raise AssertionError

    def GetDataset(  # noqa: N802
        self, request: catalog_pb2.GetDatasetRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.GetDatasetResponse:
        """Describe one dataset; one that no purpose opens answers like one that does not exist."""
        with errors_as_status(context):
            offers = offers_to(self._requester(context), path=self._path)
            opened = offers.opened()
            needs = opened.get(request.name)
            if needs is None:
                raise Denied(Reason.NOT_AVAILABLE, request.name)
            dataset = self._path.catalogue.datasets[request.name]
            shown = offers.visible(dataset.name, needs=needs)
            (summary,) = self._summaries([dataset.name], opened=opened, offers=offers)
            return catalog_pb2.GetDatasetResponse(
                summary=summary,
                description=text_message(dataset.description),
                source=text_message(dataset.source),
                columns=dataset_messages.columns(dataset, needs=needs, offers=offers),
                purposes=[self._purpose(self._path.catalogue.purposes[id], offers=offers) for id in needs],
                quality=[
                    dataset_messages.quality(counted, shown=shown) for counted in self._quality.profiles(dataset.name)
                ],
                foreign_keys=dataset_messages.foreign_keys(dataset, offers=offers),
            )
        raise AssertionError

    def ListDivisions(  # noqa: N802
        self, request: catalog_pb2.ListDivisionsRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListDivisionsResponse:
        """List the divisions of the requester's jurisdiction, whose codes stand in the data."""
        with errors_as_status(context):
            requester = self._requester(context)
            return dataset_messages.divisions(requester, catalogue=self._path.catalogue)
        raise AssertionError

    def GetRequester(  # noqa: N802
        self, request: catalog_pb2.GetRequesterRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.GetRequesterResponse:
        """Return who the requester is, as the directory says."""
        with errors_as_status(context):
            requester = self._requester(context)
            return requester_messages.requester(
                requester, directory=self._path.directory, catalogue=self._path.catalogue
            )
        raise AssertionError

    def ListNames(  # noqa: N802
        self, request: catalog_pb2.ListNamesRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListNamesResponse:
        """List who may receive data and who answers for it, which is no secret; and what oversight meets in the log."""
        with errors_as_status(context):
            requester = self._requester(context)
            return dataset_messages.names(self._path.catalogue, whole=not OVERSIGHT.isdisjoint(requester.roles))
        raise AssertionError

    def ExplainQuery(  # noqa: N802
        self, request: catalog_pb2.ExplainQueryRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ExplainQueryResponse:
        """Give the decision on a query without touching data."""
        with errors_as_status(context):
            asked = request_context(context, channel=CHANNEL, now=self._path.clock_seconds())
            requester = self._requester(context)
            if request.as_office or request.as_role:
                requester = _as_office(
                    requester, path=self._path, office=request.as_office, role=request.as_role, context=asked
                )
            purpose = self._path.catalogue.purposes.get(asked.purpose)
            return explanation(
                self._decision(request.sql, requester=requester, context=asked),
                purpose=purpose if purpose and offers_to(requester, path=self._path).may_declare(purpose) else None,
                catalogue=self._path.catalogue,
                rules=self._path.pdp.rules,
            )
        raise AssertionError

    def _decision(self, sql: str, *, requester: Requester, context: RequestContext) -> Decision:
        try:
            return self._path.plan(sql, requester=requester, context=context).decision
        except Denied as error:
            if error.decision is None:
                raise
            return error.decision

    def _requester(self, context: grpc.ServicerContext) -> Requester:
        requester = self._path.authenticate(header(context, "authorization"))
        self._path.require_role(requester, *Role)
        return requester

    def _summaries(
        self, names: Iterable[str], *, opened: Mapping[str, Mapping[str, DatasetNeed]], offers: Offers
    ) -> list[catalog_pb2.DatasetSummary]:
        """Return lines of the catalogue; what is stopped for the requester counts as suspended."""
        stopped, catalogue = offers.stopped_datasets(), self._path.catalogue
        return [
            dataset_messages.summary(
                catalogue.datasets[name],
                purposes=opened[name],
                because=NotServed.SUSPENDED if name in stopped else self._registry.serving(name).because,
                as_of=self._quality.as_of(name),
                now=offers.time,
                catalogue=catalogue,
            )
            for name in names
        ]

    def _purpose(self, purpose: Purpose, *, offers: Offers) -> catalog_pb2.PurposeDescription:
        emergency = offers.emergency(purpose)
        return catalog_pb2.PurposeDescription(
            id=purpose.id,
            title=text_message(purpose.title),
            description=text_message(purpose.description),
            legal_basis=legal_basis(purpose),
            case_required=purpose.case_required,
            case_pattern=purpose.case_pattern or "",
            consent_required=purpose.consent_required,
            emergency_required=purpose.emergency_required,
            emergency=emergency.id if emergency else "",
            aggregate_only=purpose.aggregate_only,
            people_min=purpose.people_min,
            datasets=offers.datasets(purpose),
            retention_days=purpose.obligations.retention_days,
            quota=quota(purpose, self._path.standing.usage.today(offers.requester, purpose=purpose.id)),
            agreements=[self._agreement(purpose, name, offers=offers) for name in offers.conditional(purpose)],
            office_kinds=sorted(purpose.office_kinds),
            roles=sorted(purpose.roles),
            examples=[
                catalog_pb2.QueryExample(title=text_message(example.title), sql=example.sql)
                for example in purpose.examples
                if offers.may_declare(purpose)
            ],
        )

    def _agreement(self, purpose: Purpose, name: str, *, offers: Offers) -> catalog_pb2.AgreementState:
        """Return the agreement in force, and whom to ask for one."""
        agreement = offers.agreement(purpose, name)
        catalogue = self._path.catalogue
        return catalog_pb2.AgreementState(
            dataset=name,
            controller=text_message(catalogue.departments[catalogue.datasets[name].controller].title),
            agreement=agreement.id if agreement else "",
        )


def _page_size(asked: int, *, missing: int) -> int:
    return min(asked, PAGE_SIZE_MAX) if asked > 0 else missing


def _as_office(
    administrator: Requester, *, path: QueryPath, office: str, role: str, context: RequestContext
) -> Requester:
    """Return who stands for an office in an explanation; recorded before anything is explained. Never run such a plan."""
    path.require_role(administrator, Role.ADMINISTRATOR)
    try:
        seen_as = office_requester(
            administrator, office=office, role=role, directory=path.directory, catalogue=path.catalogue
        )
    except GatewayError as error:
        path.record_refusal(error, requester=administrator, context=context)
    record_administration(path.log, requester=administrator, context=context, action="explain", seen_as=seen_as)
    return seen_as
