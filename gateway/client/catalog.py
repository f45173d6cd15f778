"""What the recipient may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import grpc

from gateway.client.persistence import Sleep, persist
from gateway.client.profile import Headers
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Catalog:
    """The catalogue as it is open to one recipient. Every method raises RequestError.

    Args:
        channel: To the gateway.
        headers: Of every call.
        sleep: Waits so many seconds before a call is made again.
    """

    def __init__(self, channel: grpc.Channel, *, headers: Headers, sleep: Sleep) -> None:
        self._stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        self._headers = headers
        self._sleep = sleep

    def datasets(self) -> Sequence[catalog_pb2.DatasetSummary]:
        """Return every dataset that some purpose opens, in the catalogue's order."""
        datasets: list[catalog_pb2.DatasetSummary] = []
        request = catalog_pb2.ListDatasetsRequest()
        while True:
            page = self._read(self._stub.ListDatasets, request)
            datasets += page.datasets
            request.page_token = page.next_page_token
            if not request.page_token:
                return datasets

    def dataset(self, name: str) -> catalog_pb2.GetDatasetResponse:
        """Return a dataset with its columns, and what each purpose makes of them."""
        return self._read(self._stub.GetDataset, catalog_pb2.GetDatasetRequest(name=name))

    def search(self, text: str) -> catalog_pb2.SearchDatasetsResponse:
        """Return the datasets that fit Chinese or English words, pinyin or its initials; the best first."""
        return self._read(self._stub.SearchDatasets, catalog_pb2.SearchDatasetsRequest(query=text))

    def purposes(self) -> Sequence[catalog_pb2.PurposeDescription]:
        """Return the purposes that may be declared, and what each needs."""
        return self._read(self._stub.ListPurposes, catalog_pb2.ListPurposesRequest()).purposes

    def requester(self) -> catalog_pb2.GetRequesterResponse:
        """Return who the recipient is, as the directory says."""
        return self._read(self._stub.GetRequester, catalog_pb2.GetRequesterRequest())

    def names(self) -> catalog_pb2.ListNamesResponse:
        """Return what ids are called: of offices and departments; for auditors and administrators of purposes and datasets too."""
        return self._read(self._stub.ListNames, catalog_pb2.ListNamesRequest())

    def divisions(self) -> catalog_pb2.ListDivisionsResponse:
        """Return the administrative divisions that the recipient's office is responsible for."""
        return self._read(self._stub.ListDivisions, catalog_pb2.ListDivisionsRequest())

    def _read(self, method: grpc.UnaryUnaryMultiCallable[_Request, _Response], request: _Request) -> _Response:
        return persist(lambda: method(request, metadata=self._headers), sleep=self._sleep)
