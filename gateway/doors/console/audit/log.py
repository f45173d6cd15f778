"""The access log: search, facets that narrow, a timeline, and the entries as a table, newest first."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.responses import Response

from catalog.dataset import Bilingual, Text
from gateway.client import request_errors
from gateway.doors.console.audit.entries import Listed, listed
from gateway.doors.console.audit.export import FORMATS, FormatName, TooManyEntries, at_most, write_entries
from gateway.doors.console.audit.filters import (
    FIELDS,
    TITLES,
    PeriodInvalid,
    asked_filters,
    request_fields,
)
from gateway.doors.console.audit.titles import titles_of
from gateway.doors.console.audit.words import KINDS, OUTCOMES, in_words
from gateway.doors.console.days import today
from gateway.doors.console.reasons import reason_words
from gateway.doors.console.roles import AUDITING
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

PAGE_ENTRIES = 50
EXPORT_ENTRIES_MAX = 100_000
TOO_MANY_ENTRIES = Text(
    zh=f"超过 {EXPORT_ENTRIES_MAX:,} 条，不能导出为一个文件。请缩短时段或增加条件，分几次导出。",
    en=f"More than {EXPORT_ENTRIES_MAX:,} entries do not go into one file. Narrow the period or add a filter, and export in parts.",
)
_FACET_GROUPS = 8
_BUCKETS = ((len("2026-01-31"), 62), (len("2026-01"), 366), (len("2026"), 366))
"""A timeline shows days, months or years: the finest of which there are at most so many."""
_Dimension = audit_pb2.Dimension
_FACETS = {
    "kind": _Dimension.DIMENSION_KIND,
    "outcome": _Dimension.DIMENSION_OUTCOME,
    "office": _Dimension.DIMENSION_OFFICE,
    "purpose": _Dimension.DIMENSION_PURPOSE,
    "dataset": _Dimension.DIMENSION_DATASET,
    "day": _Dimension.DIMENSION_DAY,
    "reason": _Dimension.DIMENSION_REASON,
}
_FACET_TITLES = {**TITLES, "day": Text(zh="日期", en="Day")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value of a facet that a click narrows to."""

    words: Bilingual
    count: int
    share: float
    """Of the most frequent one, in percent."""
    sets: Mapping[str, str]
    """The filters that it sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One way to narrow a search."""

    name: str
    title: Bilingual
    choices: tuple[Choice, ...]
    more: int
    """Values that are not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a search found, in numbers."""

    total: int
    facets: tuple[Facet, ...]
    days: tuple[tuple[str, int, int], ...]
    """Day or month, entries, denials among them."""
    reasons: tuple[tuple[Bilingual, int], ...]


def show(visit: Visit) -> Response:
    """Show the page with the entries of the last days."""
    return visit.render("audit/log.html", **_search(visit, asked_filters(visit)))


def search(visit: Visit) -> Response:
    """Show what a search finds."""
    return visit.render("audit/log_found.html", **_search(visit, asked_filters(visit)))


def older(visit: Visit) -> Response:
    """Show the next page of older entries."""
    values = asked_filters(visit)
    before = visit.text("before")
    try:
        entries = _entries(visit, values, before=int(before) if before.isdecimal() else 0)
    except PeriodInvalid as problem:
        return visit.render("audit/log_found.html", **_nothing(visit, values, problem=problem.text))
    return visit.render("audit/log_entries.html", **_table(visit, entries, first=not before))


def found(visit: Visit) -> Response:
    """Show the newest entries that match, for a page that asks about somebody or something."""
    entries = _entries(visit, asked_filters(visit), before=0)
    return visit.render("audit/found.html", **_table(visit, entries, first=True))


def export(visit: Visit) -> Response:
    """Offer what a search finds as a file."""
    values = asked_filters(visit)
    name = FormatName(visit.text("format")) if visit.text("format") in set(FormatName) else FormatName.XLSX
    try:
        fields = request_fields(values)
    except PeriodInvalid as problem:
        return visit.render("notice.html", problem=problem.text)

    def leaves() -> Iterator[bytes]:
        stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
        request = audit_pb2.SearchEntriesRequest(**fields, entries_max=EXPORT_ENTRIES_MAX + 1)
        with request_errors():
            for answer in stub.SearchEntries(request, metadata=visit.connection.headers()):
                yield answer.leaf

    def write(path: Path) -> None:
        kept = at_most(leaves(), entries_max=EXPORT_ENTRIES_MAX)
        write_entries(kept, path=path, titles=titles_of(visit), language=visit.language)

    title = "访问日志" if visit.language == "zh" else "access-log"
    try:
        return visit.go(
            visit.session.downloads.offer(
                name=f"{title}-{today(visit.now)}.{name}", media_type=FORMATS[name], write=write
            )
        )
    except TooManyEntries:
        return visit.render("notice.html", problem=TOO_MANY_ENTRIES)


def _search(visit: Visit, values: Mapping[str, str]) -> dict[str, Any]:
    try:
        summary = _summary(visit, values)
        entries = _entries(visit, values, before=0)
    except PeriodInvalid as problem:
        return _nothing(visit, values, problem=problem.text)
    return {**_form(values), "problem": None, "summary": summary, **_table(visit, entries, first=True)}


def _nothing(visit: Visit, values: Mapping[str, str], *, problem: Text) -> dict[str, Any]:
    return {**_form(values), "problem": problem, "summary": None, **_table(visit, [], first=True)}


def _form(values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "values": values,
        "titles_of_filters": TITLES,
        "kinds": KINDS,
        "outcomes": OUTCOMES,
        "fields": FIELDS,
        "export_entries_max": EXPORT_ENTRIES_MAX,
        "too_many_entries": TOO_MANY_ENTRIES,
    }


def _table(visit: Visit, entries: Sequence[Listed], *, first: bool) -> dict[str, Any]:
    full = len(entries) > PAGE_ENTRIES
    shown = entries[:PAGE_ENTRIES]
    return {
        "entries": shown,
        "titles": titles_of(visit),
        "before": shown[-1].entry.sequence if full else 0,
        "first": first,
    }


def _entries(visit: Visit, values: Mapping[str, str], *, before: int) -> list[Listed]:
    """Return one entry more than a page has, newest first."""
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    request = audit_pb2.SearchEntriesRequest(
        **request_fields(values), before_sequence=before, entries_max=PAGE_ENTRIES + 1
    )
    answers = stub.SearchEntries(request, metadata=visit.connection.headers())
    return [listed(answer.leaf) for answer in answers][::-1]


def _summary(visit: Visit, values: Mapping[str, str]) -> Summary:
    stub = audit_pb2_grpc.AuditServiceStub(visit.connection.channel)
    groupings = [audit_pb2.Grouping(dimensions=[dimension]) for dimension in _FACETS.values()]
    request = audit_pb2.SummariseEntriesRequest(**request_fields(values), groupings=groupings)
    answer = visit.call(stub.SummariseEntries, request)
    groups = dict(zip(_FACETS, answer.groupings, strict=True))
    days = {group.values[0]: (group.entries, group.denials) for group in groups["day"].groups}
    return Summary(
        total=sum(group.entries for group in groups["kind"].groups),
        facets=tuple(_facet(name, groups[name], values=values) for name in _FACETS if name != "reason"),
        days=tuple(timeline(days)),
        reasons=tuple(
            (reason_words(group.values[0]), group.entries) for group in groups["reason"].groups if group.values[0]
        )[:_FACET_GROUPS],
    )


def _facet(name: str, counts: audit_pb2.GroupedCounts, *, values: Mapping[str, str]) -> Facet:
    groups = [group for group in counts.groups if group.values[0]]
    most = max((group.entries for group in groups), default=0)
    if name == "day":
        groups.sort(key=lambda group: group.values[0], reverse=True)
    choices = [
        Choice(
            words=_words(name, group),
            count=group.entries,
            share=100 * group.entries / most,
            sets={"from": group.values[0], "until": group.values[0]} if name == "day" else {name: group.values[0]},
        )
        for group in groups[:_FACET_GROUPS]
    ]
    narrowed = bool(values.get(name)) if name != "day" else values["from"] == values["until"] != ""
    return Facet(
        name=name,
        title=_FACET_TITLES[name],
        choices=() if narrowed else tuple(choices),
        more=0 if narrowed else max(0, counts.groups_total - len(choices) - (len(counts.groups) - len(groups))),
    )


def _words(name: str, group: audit_pb2.GroupCounts) -> Bilingual:
    value = group.values[0]
    known = {"kind": KINDS, "outcome": OUTCOMES}.get(name)
    if known is not None:
        return in_words(known, value)
    if group.titles and (group.titles[0].zh or group.titles[0].en):
        return group.titles[0]
    return Text(zh=value, en=value)


def timeline(days: Mapping[str, tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    """Yield every day from the first to the last one that something was found on; months or years of a long time.

    Args:
        days: Entries, and denials among them, by day.
    """
    if not days:
        return
    begin, end = (datetime.date.fromisoformat(day) for day in (min(days), max(days)))
    named = [(begin + datetime.timedelta(days=day)).isoformat() for day in range((end - begin).days + 1)]
    for length, buckets_max in _BUCKETS:
        buckets = list(dict.fromkeys(name[:length] for name in named))
        if len(buckets) <= buckets_max:
            break
    for bucket in buckets:
        yield bucket, *_total(counts for day, counts in days.items() if day[:length] == bucket)


def _total(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    both = list(counts)
    return sum(entries for entries, _ in both), sum(denials for _, denials in both)


PAGES = (Page(path="/log", title=Text(zh="访问日志", en="Access log"), show=show, group="audit", roles=AUDITING),)
ACTIONS = (
    Action(method="POST", path="/log/search", call=search),
    Action(method="POST", path="/log/older", call=older),
    Action(method="POST", path="/log/found", call=found),
    Action(method="POST", path="/log/export", call=export),
)
