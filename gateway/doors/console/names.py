"""What the ids of offices, departments, datasets and purposes are called, for one visit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from catalog.dataset import Bilingual, Text
from gateway.client.catalogue_names import CatalogueNames
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_FRESH_SECONDS = 60


def names_of(visit: Visit) -> CatalogueNames:
    """Return the catalogue as the requester sees it, at most a minute old."""
    session = visit.session
    if session.names is None or visit.now >= session.names_until:
        session.names = CatalogueNames(visit.connection.catalog)
        session.names_until = visit.now + _FRESH_SECONDS
    return session.names


class Names:
    """Names in the requester's language. An id that the requester is told no name of stands for itself.

    Args:
        visit: Asks the catalogue, once for each kind of name that is needed.
        known: Where datasets and purposes are looked up instead, such as what the session remembers.
    """

    def __init__(self, visit: Visit, *, known: CatalogueNames | None = None) -> None:
        self._visit = visit
        self._known = known or CatalogueNames(visit.connection.catalog)

    def office(self, id: str) -> str:
        """Return what an office is called."""
        return self._name(self.offices, id)

    def department(self, id: str) -> str:
        """Return what a department is called."""
        return self._name(self.departments, id)

    def knows(self, dataset: str) -> bool:
        """Tell whether a dataset is open to the requester, so that it has a page."""
        return dataset in {summary.name for summary in self.datasets}

    def dataset(self, name: str) -> str:
        """Return the title of a dataset."""
        return self._name(self._dataset_titles, name)

    def purpose(self, id: str) -> str:
        """Return the title of a purpose."""
        return self._name(self._purpose_titles, id)

    def column(self, dataset: str, name: str) -> str:
        """Return the title of a column."""
        if not self.knows(dataset):
            return name
        return self._name({column.name: column.title for column in self.described(dataset).columns}, name)

    def described(self, name: str) -> catalog_pb2.GetDatasetResponse:
        """Return a dataset that is open to the requester, with its columns and purposes."""
        return self._known.described(name)

    @cached_property
    def offices(self) -> Mapping[str, Bilingual]:
        """Titles of all offices by id."""
        return {office.id: office.title for office in self.listed.offices}

    @cached_property
    def departments(self) -> Mapping[str, Bilingual]:
        """Titles of all departments by id."""
        return {department.id: department.title for department in self.listed.departments}

    @cached_property
    def datasets(self) -> Iterable[catalog_pb2.DatasetSummary]:
        """Datasets that are open to the requester; a steward's own."""
        return tuple(self._known.datasets().values())

    @cached_property
    def purposes(self) -> Iterable[catalog_pb2.PurposeDescription]:
        """Purposes that the requester may declare; for a steward those that use the own datasets too."""
        known = dict(self._known.purposes())
        if self._visit.session.requester.department:
            for summary in self.datasets:
                known |= {purpose.id: purpose for purpose in self.described(summary.name).purposes}
        return [known[id] for id in sorted(known)]

    @cached_property
    def listed(self) -> catalog_pb2.ListNamesResponse:
        """What ids are called: of offices and departments, and of what oversight meets without using it."""
        return self._visit.connection.catalog.names()

    @cached_property
    def _dataset_titles(self) -> Mapping[str, Bilingual]:
        overseen = {dataset.id: dataset.title for dataset in self.listed.datasets}
        return overseen | {summary.name: summary.title for summary in self.datasets}

    @cached_property
    def _purpose_titles(self) -> Mapping[str, Bilingual]:
        overseen = {purpose.id: purpose.title for purpose in self.listed.purposes}
        return overseen | {purpose.id: purpose.title for purpose in self.purposes}

    def _name(self, titles: Mapping[str, Bilingual], id: str) -> str:
        return self._visit.words(titles.get(id) or Text(zh=id, en=id))
