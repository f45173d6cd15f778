"""CatalogService: what the requester may ask for, and what a query would get."""

from __future__ import annotations

import time

import grpc

from catalog.dataset import Dataset, Text
from catalog.purpose import Purpose, Treatment
from catalog.registry import RegistrationState, Registry
from catalog.vocabulary import Role
from gateway.doors.call import header, request_context
from gateway.doors.explanation import explanation, legal_basis, quota, text_message
from gateway.doors.offers import Offers
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.decision import Decision
from gateway.model.requester import RequestContext, Requester
from gateway.query_path import QueryPath
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

CHANNEL = "explain"


class CatalogDoor(catalog_pb2_grpc.CatalogServiceServicer):
    """Shows only what some purpose opens to the requester's office and roles."""

    def __init__(self, *, path: QueryPath, registry: Registry) -> None:
        self._path = path
        self._registry = registry

    def ListPurposes(  # noqa: N802
        self, request: catalog_pb2.ListPurposesRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListPurposesResponse:
        """List the purposes the requester may declare, with what each needs."""
        with errors_as_status(context):
            offers = self._offers(self._requester(context))
            purposes = [self._purpose(purpose, offers=offers) for purpose in offers.purposes()]
            return catalog_pb2.ListPurposesResponse(purposes=purposes)
        raise AssertionError

    def ListDatasets(  # noqa: N802
        self, request: catalog_pb2.ListDatasetsRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListDatasetsResponse:
        """List the datasets that some purpose opens."""
        with errors_as_status(context):
            offers = self._offers(self._requester(context))
            names = sorted({name for purpose in offers.purposes() for name in offers.datasets(purpose)})
            served = self._served()
            datasets = [self._summary(name, offers=offers, served=served) for name in names]
            return catalog_pb2.ListDatasetsResponse(datasets=datasets)
        raise AssertionError

    def GetDataset(  # noqa: N802
        self, request: catalog_pb2.GetDatasetRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.GetDatasetResponse:
        """Describe one dataset; one that no purpose opens answers like one that does not exist."""
        with errors_as_status(context):
            offers = self._offers(self._requester(context))
            purposes = [purpose for purpose in offers.purposes() if request.name in offers.datasets(purpose)]
            if not purposes:
                raise Denied(Reason.NOT_AVAILABLE, request.name)
            dataset = self._path.catalogue.datasets[request.name]
            return catalog_pb2.GetDatasetResponse(
                summary=self._summary(dataset.name, offers=offers, served=self._served()),
                description=text_message(dataset.description),
                source=text_message(dataset.source),
                columns=_columns(dataset, purposes),
                purposes=[self._purpose(purpose, offers=offers) for purpose in purposes],
            )
        raise AssertionError

    def ExplainQuery(  # noqa: N802
        self, request: catalog_pb2.ExplainQueryRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ExplainQueryResponse:
        """Give the decision on a query without touching data."""
        with errors_as_status(context):
            asked = request_context(context, channel=CHANNEL)
            requester = self._requester(context)
            if request.as_office or request.as_role:
                requester = self._path.as_office(
                    requester, office=request.as_office, role=request.as_role, context=asked
                )
            purpose = self._path.catalogue.purposes.get(asked.purpose)
            return explanation(
                self._decision(request.sql, requester=requester, context=asked),
                purpose=purpose if purpose and self._offers(requester).may_declare(purpose) else None,
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

    def _offers(self, requester: Requester) -> Offers:
        catalogue, standing = self._path.catalogue, self._path.standing
        return Offers(
            requester=requester,
            time=int(time.time()),
            catalogue=catalogue,
            emergencies=standing.emergencies(),
            agreements=standing.agreements(set(catalogue.datasets)),
        )

    def _served(self) -> frozenset[str]:
        return frozenset(
            dataset
            for registration in self._registry.registrations()
            if registration.state is RegistrationState.ACTIVE
            for dataset in registration.datasets
        )

    def _summary(self, name: str, *, offers: Offers, served: frozenset[str]) -> catalog_pb2.DatasetSummary:
        dataset = self._path.catalogue.datasets[name]
        return catalog_pb2.DatasetSummary(
            name=name,
            title=text_message(dataset.title),
            controller=text_message(self._controller(dataset)),
            update_cycle=str(dataset.update_cycle),
            sharing_class=str(dataset.sharing_class),
            available=name in served,
            purposes=[purpose.id for purpose in offers.purposes() if name in offers.datasets(purpose)],
        )

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
        )

    def _agreement(self, purpose: Purpose, name: str, *, offers: Offers) -> catalog_pb2.AgreementState:
        """Return the agreement in force, and whom to ask for one."""
        agreement = offers.agreement(purpose, name)
        return catalog_pb2.AgreementState(
            dataset=name,
            controller=text_message(self._controller(self._path.catalogue.datasets[name])),
            agreement=agreement.id if agreement else "",
        )

    def _controller(self, dataset: Dataset) -> Text:
        return self._path.catalogue.departments[dataset.controller].title


def _columns(dataset: Dataset, purposes: list[Purpose]) -> list[catalog_pb2.ColumnDescription]:
    """Return the columns that any of the purposes needs, with the treatment under each."""
    needs = {purpose.id: need.columns for purpose in purposes if (need := purpose.need(dataset.name))}
    return [
        catalog_pb2.ColumnDescription(
            name=column.name,
            type=str(column.arrow_type),
            title=text_message(column.title),
            grade=column.grade,
            treatments={p: _treatment(c[column.name]) for p, c in needs.items() if column.name in c},
        )
        for column in dataset.columns
        if any(column.name in columns for columns in needs.values())
    ]


def _treatment(treatment: Treatment) -> str:
    return f"{treatment.action}:{treatment.mask}" if treatment.mask else str(treatment.action)
