"""数据集: what data there is, how fresh and good it is, and what somebody gets of it for which purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from gateway.doors.console.asking import words
from gateway.doors.console.asking.treatments import treated
from gateway.doors.console.names import Names, names_of
from gateway.doors.console.visit import Action, Page, Visit, when
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_SEARCH_MAX = 100
_DAY = len("2026-01-31")
_GAPS_SHOWN_MAX = 12


def show_all(visit: Visit) -> Response:
    """Show all datasets that are open, or those of the purpose `?purpose=`."""
    return visit.render("datasets.html", **_found(visit, purpose=visit.query.get("purpose", ""), search=""))


def find(visit: Visit) -> Response:
    """Answer with the datasets that fit what was typed (`search`) and the purpose (`purpose`)."""
    return visit.render(
        "datasets_list.html", **_found(visit, purpose=visit.text("purpose"), search=visit.text("search"))
    )


def show_one(visit: Visit) -> Response:
    """Show one dataset as a purpose (`?purpose=`) opens it; as the first one does when none is chosen."""
    described = visit.connection.catalog.dataset(visit.names["name"])
    purposes = {purpose.id: purpose for purpose in described.purposes}
    chosen = purposes.get(visit.query.get("purpose", "")) or next(iter(purposes.values()), None)
    own = bool(visit.session.requester.department)
    return visit.render(
        "dataset.html",
        dataset=described,
        chosen=chosen,
        columns=_columns(described, purpose=chosen, own=own) if chosen else (),
        own=own,
        declarable=names_of(visit).purposes(),
        names=Names(visit, known=names_of(visit)),
        say=words,
        **_quality(visit, described),
    )


def _found(visit: Visit, *, purpose: str, search: str) -> dict[str, Any]:
    names = names_of(visit)
    found: Iterable[catalog_pb2.DatasetSummary]
    found = visit.connection.catalog.search(search[:_SEARCH_MAX]).datasets if search else names.datasets().values()
    purposes = {one.id: one.title for one in names.purposes().values()}
    if visit.session.requester.department:
        described = (names.described(name) for name in names.datasets())
        purposes |= {one.id: one.title for dataset in described for one in dataset.purposes}
    return {
        "datasets": [one for one in found if not purpose or purpose in one.purposes],
        "purposes": purposes,
        "purpose": purpose,
        "search": search,
        "say": words,
    }


def _columns(
    described: catalog_pb2.GetDatasetResponse, *, purpose: catalog_pb2.PurposeDescription, own: bool
) -> Sequence[Any]:
    """Return the columns with what the purpose leaves of them, those that it opens first, and who else opens them."""
    titles = {one.id: one.title for one in described.purposes}
    columns = [
        (column, treated(column, purpose=purpose, own=own), [titles[id] for id in column.treatments if id in titles])
        for column in described.columns
    ]
    return sorted(columns, key=lambda one: one[1].extent == "closed")


def _quality(visit: Visit, described: catalog_pb2.GetDatasetResponse) -> Mapping[str, Any]:
    """Return what the profiles found over time, the oldest first, and the gaps of the newest."""
    profiles = list(reversed(described.quality))
    titles = {column.name: visit.words(column.title) for column in described.columns}
    newest = described.quality[0] if described.quality else catalog_pb2.Quality()
    gaps = sorted(
        ((titles.get(column.name, column.name), column.nulls) for column in newest.columns if column.nulls),
        key=lambda gap: -gap[1],
    )
    return {
        "newest": newest,
        "titles_of": titles,
        "row_counts": [(when(one.at)[:_DAY], one.rows, 0) for one in profiles],
        "findings": [(when(one.at)[:_DAY], _wrong(one), one.duplicate_keys) for one in profiles],
        "gaps": gaps[:_GAPS_SHOWN_MAX],
    }


def _wrong(profile: catalog_pb2.Quality) -> int:
    """Return how many values a profile found to be wrong."""
    return profile.duplicate_keys + sum(column.malformed + column.outside_codes for column in profile.columns)


PAGES = (
    Page(path="/datasets", title=Text(zh="数据集", en="Datasets"), show=show_all, group="ask"),
    Page(path="/datasets/{name}", title=Text(zh="数据集", en="Dataset"), show=show_one),
)
ACTIONS = (Action(method="POST", path="/datasets/find", call=find),)
