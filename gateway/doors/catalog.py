"""CatalogService: what the requester may ask for, and what a query would get."""

from __future__ import annotations

from collections.abc import Iterable

import grpc

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset, Text
from catalog.purpose import Purpose, Treatment
from catalog.registry import RegistrationState, Registry
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.doors.call import header, request_context
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import Denied
from gateway.messages import Reason
from gateway.model.decision import Decision
from gateway.model.requester import Requester
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
        """List the purposes the requester may declare."""
        with errors_as_status(context):
            purposes = self._purposes(self._requester(context))
            return catalog_pb2.ListPurposesResponse(purposes=[_purpose(purpose) for purpose in purposes])
        raise AssertionError

    def ListDatasets(  # noqa: N802
        self, request: catalog_pb2.ListDatasetsRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ListDatasetsResponse:
        """List the datasets that some purpose opens."""
        with errors_as_status(context):
            opened = {need.dataset for p in self._purposes(self._requester(context)) for need in p.datasets}
            served = self._served()
            datasets = [
                _summary(self._path.catalogue.datasets[name], catalogue=self._path.catalogue, served=served)
                for name in sorted(opened)
            ]
            return catalog_pb2.ListDatasetsResponse(datasets=datasets)
        raise AssertionError

    def GetDataset(  # noqa: N802
        self, request: catalog_pb2.GetDatasetRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.GetDatasetResponse:
        """Describe one dataset; one that no purpose opens answers like one that does not exist."""
        with errors_as_status(context):
            needs = {
                purpose.id: need.columns
                for purpose in self._purposes(self._requester(context))
                for need in purpose.datasets
                if need.dataset == request.name
            }
            if not needs:
                raise Denied(Reason.NOT_AVAILABLE, request.name)
            dataset = self._path.catalogue.datasets[request.name]
            return catalog_pb2.GetDatasetResponse(
                summary=_summary(dataset, catalogue=self._path.catalogue, served=self._served()),
                description=_text(dataset.description),
                source=_text(dataset.source),
                columns=[
                    catalog_pb2.ColumnDescription(
                        name=column.name,
                        type=str(column.arrow_type),
                        title=_text(column.title),
                        grade=column.grade,
                        treatments={p: _treatment(c[column.name]) for p, c in needs.items() if column.name in c},
                    )
                    for column in dataset.columns
                    if any(column.name in columns for columns in needs.values())
                ],
            )
        raise AssertionError

    def ExplainQuery(  # noqa: N802
        self, request: catalog_pb2.ExplainQueryRequest, context: grpc.ServicerContext
    ) -> catalog_pb2.ExplainQueryResponse:
        """Give the decision on a query without touching data."""
        with errors_as_status(context):
            asked = request_context(context, channel=CHANNEL)
            try:
                plan = self._path.plan(request.sql, requester=self._requester(context), context=asked)
            except Denied as error:
                if error.decision is None:
                    raise
                return _explained(error.decision, basis=())
            return _explained(plan.decision, basis=_legal_basis(self._path.catalogue.purposes[asked.purpose]))
        raise AssertionError

    def _requester(self, context: grpc.ServicerContext) -> Requester:
        return self._path.authenticate(header(context, "authorization"))

    def _purposes(self, requester: Requester) -> list[Purpose]:
        return [
            purpose
            for _, purpose in sorted(self._path.catalogue.purposes.items())
            if requester.office_kind in purpose.office_kinds and requester.roles & purpose.roles
        ]

    def _served(self) -> frozenset[str]:
        return frozenset(
            dataset
            for registration in self._registry.registrations()
            if registration.state is RegistrationState.ACTIVE
            for dataset in registration.datasets
        )


def _text(text: Text) -> catalog_pb2.Text:
    return catalog_pb2.Text(zh=text.zh, en=text.en)


def _treatment(treatment: Treatment) -> str:
    return f"{treatment.action}:{treatment.mask}" if treatment.mask else str(treatment.action)


def _summary(dataset: Dataset, *, catalogue: Catalogue, served: frozenset[str]) -> catalog_pb2.DatasetSummary:
    return catalog_pb2.DatasetSummary(
        name=dataset.name,
        title=_text(dataset.title),
        controller=_text(catalogue.departments[dataset.controller].title),
        update_cycle=str(dataset.update_cycle),
        sharing_class=str(dataset.sharing_class),
        available=dataset.name in served,
    )


def _legal_basis(purpose: Purpose) -> Iterable[catalog_pb2.Text]:
    return [_text(basis.citation) for basis in purpose.legal_basis]


def _purpose(purpose: Purpose) -> catalog_pb2.PurposeDescription:
    return catalog_pb2.PurposeDescription(
        id=purpose.id,
        title=_text(purpose.title),
        description=_text(purpose.description),
        legal_basis=_legal_basis(purpose),
        case_required=purpose.case_required,
        emergency_required=purpose.emergency_required,
        aggregate_only=purpose.aggregate_only,
        datasets=sorted(need.dataset for need in purpose.datasets),
        retention_days=purpose.obligations.retention_days,
    )


def _explained(decision: Decision, *, basis: Iterable[catalog_pb2.Text]) -> catalog_pb2.ExplainQueryResponse:
    """Return a decision for the requester; which rule denied stays in the log."""
    return catalog_pb2.ExplainQueryResponse(
        allow=decision.allow,
        columns=[
            catalog_pb2.ColumnTreatment(dataset=name, column=column, action=str(t.action), mask=str(t.mask or ""))
            for name, dataset in sorted(decision.datasets.items())
            for column, t in sorted(dataset.columns.items())
        ],
        rows=[
            catalog_pb2.RowScope(dataset=name, text=in_words(dataset.row_filter))
            for name, dataset in sorted(decision.datasets.items())
            if dataset.row_filter is not None
        ],
        denials=[
            catalog_pb2.DenialReason(
                code=denial.code,
                message=_text(denial.message),
                legal_basis=_text(denial.legal_basis),
                remedy=_text(denial.remedy),
            )
            for denial in decision.denials
        ],
        determined_by=decision.determined_by if decision.allow else (),
        legal_basis=basis,
        policy_revision=decision.policy_revision,
    )


def in_words(predicate: Predicate) -> catalog_pb2.Text:
    """Return a row filter of a policy as a sentence."""
    if predicate.op is PredicateOp.PREFIX:
        (prefix,) = predicate.values
        return catalog_pb2.Text(
            zh=f"仅 {predicate.column} 以 {prefix} 开头的行",
            en=f"only rows whose {predicate.column} starts with {prefix}",
        )
    return catalog_pb2.Text(zh=f"仅满足 {predicate.to_json()} 的行", en=f"only rows with {predicate.to_json()}")
