"""The names that the requester may use, asked of the catalogue when they are first needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from catalog.dataset import Text
from gateway.client import RequestError
from gateway.client.catalog import Catalog
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


class CatalogueNames:
    """Datasets, columns and purposes of one requester. Raises RequestError while the gateway does not answer."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._datasets: dict[str, catalog_pb2.DatasetSummary] = {}
        self._described: dict[str, catalog_pb2.GetDatasetResponse] = {}
        self._columns: dict[str, dict[str, catalog_pb2.ColumnDescription]] = {}
        self._purposes: dict[str, catalog_pb2.PurposeDescription] = {}
        self._divisions: tuple[catalog_pb2.Code, ...] = ()

    def datasets(self) -> Mapping[str, catalog_pb2.DatasetSummary]:
        """Return the datasets by name."""
        if not self._datasets:
            self._datasets = {dataset.name: dataset for dataset in self._catalog.datasets()}
        return self._datasets

    def described(self, dataset: str) -> catalog_pb2.GetDatasetResponse:
        """Return all that the catalogue tells of a dataset."""
        if dataset not in self._described:
            self._described[dataset] = self._catalog.dataset(dataset)
        return self._described[dataset]

    def columns(self, dataset: str) -> Mapping[str, catalog_pb2.ColumnDescription]:
        """Return the columns of a dataset by name."""
        if dataset not in self._columns:
            self._columns[dataset] = {column.name: column for column in self.described(dataset).columns}
        return self._columns[dataset]

    def purposes(self) -> Mapping[str, catalog_pb2.PurposeDescription]:
        """Return the purposes by id."""
        if not self._purposes:
            self._purposes = {purpose.id: purpose for purpose in self._catalog.purposes()}
        return self._purposes

    def divisions(self) -> tuple[catalog_pb2.Code, ...]:
        """Return the divisions that the requester's office is responsible for, sorted by code."""
        if not self._divisions:
            self._divisions = tuple(self._catalog.divisions().divisions)
        return self._divisions

    def titles(self, datasets: Iterable[str]) -> Mapping[str, Text]:
        """Return titles by column name, of names that mean the same in all the datasets; none when they cannot be had."""
        titles: dict[str, set[tuple[str, str]]] = defaultdict(set)
        try:
            for dataset in datasets:
                for name, column in self.columns(dataset).items():
                    titles[name].add((column.title.zh, column.title.en))
        except RequestError:
            return {}
        return {name: Text(zh=zh, en=en) for name, ((zh, en), *others) in titles.items() if not others}
