"""Datasets as the catalogue shows them to one requester."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from catalog.catalogue import Catalogue, Department
from catalog.consistency import office_id_of
from catalog.dataset import Dataset, Text
from catalog.freshness import due_at
from catalog.purpose import DatasetNeed, Purpose, Treatment
from catalog.quality import Quality
from catalog.registry import NotServed
from gateway.doors.explanation import text_message
from gateway.doors.offers import Offers
from gateway.messages import Reason, message, remedy
from gateway.model.cuts import in_words
from gateway.model.decision import ColumnTreatment
from gateway.model.requester import Requester
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


def summary(
    dataset: Dataset,
    *,
    purposes: Iterable[str],
    because: NotServed | None,
    as_of: int,
    now: int,
    catalogue: Catalogue,
) -> catalog_pb2.DatasetSummary:
    """Return one line of the catalogue.

    Args:
        dataset: Which one.
        purposes: Ids of those that open it to the requester.
        because: Why it is not served; None when it is.
        as_of: When its data was true, in seconds since 1970-01-01 UTC; 0 when not known.
        now: Seconds since 1970-01-01 UTC.
        catalogue: Knows the controllers.
    """
    return catalog_pb2.DatasetSummary(
        name=dataset.name,
        title=text_message(dataset.title),
        controller=text_message(catalogue.departments[dataset.controller].title),
        update_cycle=str(dataset.update_cycle),
        sharing_class=str(dataset.sharing_class),
        available=because is None,
        purposes=purposes,
        version=dataset.version,
        freshness=_freshness(dataset, as_of=as_of, now=now),
        unavailable_because=None if because is None else text_message(_unavailable(dataset.title, because)),
    )


def columns(
    dataset: Dataset, *, needs: Mapping[str, DatasetNeed], offers: Offers
) -> list[catalog_pb2.ColumnDescription]:
    """Return the columns that the requester may know of, with the treatment under each; a stopped one has none."""
    return [
        catalog_pb2.ColumnDescription(
            name=column.name,
            type=str(column.arrow_type),
            title=text_message(column.title),
            grade=column.grade,
            treatments=treatments(dataset.name, column.name, needs=needs, offers=offers),
            treatment_texts=_treatment_texts(dataset.name, column.name, needs=needs, offers=offers),
            identifier=str(column.identifier or ""),
            groupable=column.groupable,
            summable=column.clamp is not None,
            codes=[catalog_pb2.Code(code=code.code, title=text_message(code.title)) for code in column.codes],
        )
        for column in dataset.columns
        if column.name in offers.visible(dataset.name, needs=needs)
    ]


def treatments(dataset: str, column: str, *, needs: Mapping[str, DatasetNeed], offers: Offers) -> dict[str, str]:
    """Return what is done to a column under each purpose, by the purpose's id; none for a stopped column."""
    if offers.is_stopped(dataset, column):
        return {}
    return {id: _treatment(need.columns[column]) for id, need in needs.items() if column in need.columns}


def _treatment_texts(
    dataset: str, column: str, *, needs: Mapping[str, DatasetNeed], offers: Offers
) -> dict[str, catalog_pb2.Text]:
    if offers.is_stopped(dataset, column):
        return {}
    treated = {id: need.columns[column] for id, need in needs.items() if column in need.columns}
    return {
        id: text_message(in_words(ColumnTreatment(action=treatment.action, mask=treatment.mask)))
        for id, treatment in treated.items()
    }


def foreign_keys(dataset: Dataset, *, offers: Offers) -> list[catalog_pb2.ForeignKey]:
    """Return the foreign keys of which the requester may know every column, on both sides."""
    opened, catalogue = offers.opened(), offers.catalogue

    def shows(name: str, columns: Collection[str]) -> bool:
        return name in opened and offers.visible(name, needs=opened[name]).issuperset(columns)

    return [
        catalog_pb2.ForeignKey(
            columns=key.columns, referenced_dataset=key.references, referenced_columns=referred.primary_key
        )
        for key in dataset.foreign_keys
        for referred in (catalogue.datasets[key.references],)
        if shows(dataset.name, key.columns) and shows(referred.name, referred.primary_key)
    ]


def divisions(requester: Requester, *, catalogue: Catalogue) -> catalog_pb2.ListDivisionsResponse:
    """Return the requester's office, and its division with all below it; committees have a Chinese name only."""
    codes = []
    for code, division in sorted(catalogue.divisions.items()):
        if code.startswith(requester.division_code):
            office = catalogue.offices.get(office_id_of(division))
            title = office.title if office else Text(zh=division.title, en=division.title)
            codes.append(catalog_pb2.Code(code=code, title=text_message(title)))
    office_title = text_message(catalogue.offices[requester.office].title)
    return catalog_pb2.ListDivisionsResponse(office=office_title, divisions=codes)


def names(catalogue: Catalogue, *, whole: bool) -> catalog_pb2.ListNamesResponse:
    """Return the names of all offices and departments; with `whole` those of all purposes and datasets too."""
    return catalog_pb2.ListNamesResponse(
        offices=[
            catalog_pb2.Office(id=id, title=text_message(office.title), division=office.division_code)
            for id, office in sorted(catalogue.offices.items())
        ],
        departments=_named(catalogue.departments),
        purposes=_named(catalogue.purposes) if whole else (),
        datasets=_named(catalogue.datasets) if whole else (),
    )


def _named(titled: Mapping[str, Department | Purpose | Dataset]) -> list[catalog_pb2.Named]:
    return [catalog_pb2.Named(id=id, title=text_message(one.title)) for id, one in sorted(titled.items())]


def quality(counted: Quality, *, shown: Collection[str]) -> catalog_pb2.Quality:
    """Return a profile, of the columns that are shown only."""
    return catalog_pb2.Quality(
        at=counted.at,
        rows=counted.rows,
        duplicate_keys=counted.duplicate_keys,
        columns=[
            catalog_pb2.ColumnQuality(
                name=column.name, nulls=column.nulls, malformed=column.malformed, outside_codes=column.outside_codes
            )
            for column in counted.columns
            if column.name in shown
        ],
    )


def _freshness(dataset: Dataset, *, as_of: int, now: int) -> catalog_pb2.Freshness:
    due = due_at(dataset.update_cycle, as_of) if as_of else None
    return catalog_pb2.Freshness(as_of=as_of, due_at=due or 0, late=due is not None and due <= now)


def _unavailable(title: Text, because: NotServed) -> Text:
    match because:
        case NotServed.SUSPENDED:
            reason = Reason.CONNECTOR_SUSPENDED
        case NotServed.DRIFTED:
            reason = Reason.CONNECTOR_DRIFTED
        case _:
            reason = Reason.CONNECTOR_UNAVAILABLE
    what, next_step = message(reason, title), remedy(reason)
    return Text(zh=f"{what.zh}{next_step.zh}", en=f"{what.en} {next_step.en}")


def _treatment(treatment: Treatment) -> str:
    return f"{treatment.action}:{treatment.mask}" if treatment.mask else str(treatment.action)
