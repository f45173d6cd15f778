"""Denials and anomalies: the auditor's reports, asked in SQL like any query, and drawn."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from gateway.client.audit_reports import PURPOSE, REPORTS, ReportName
from gateway.doors.console.audit.filters import PeriodInvalid, last_days, read_period
from gateway.doors.console.audit.titles import titles_of
from gateway.doors.console.reasons import reason_words
from gateway.doors.console.roles import AUDITING
from gateway.doors.console.visit import CITY_TIME, Action, Page, Visit

Row = dict[str, Any]
_ROWS_SHOWN = 50
_BARS = 8
_HOURS = 24
_SHOWN: Mapping[ReportName, Text] = {
    ReportName.DENIALS: Text(
        zh="哪些原因最常被拒；同一单位反复被拒，多半是用途选错或权限不当。",
        en="Why calls are denied most. An office that is denied again and again declares the wrong purpose or lacks rights.",
    ),
    ReportName.HOURS: Text(zh="全部访问在一天中的分布。", en="All accesses over the hours of the day."),
    ReportName.NIGHT: Text(
        zh="夜间的访问应有值班或应急的缘由。", en="Use at night should have a reason, as a shift or an emergency."
    ),
    ReportName.VOLUME: Text(
        zh="一日所得超过同一用途通常一日十倍的请求人。",
        en="Requesters who on one day received more than ten times what is usual for the purpose.",
    ),
    ReportName.OUTSIDE: Text(
        zh="可能查的是别的街镇的人；也可能号码有误。",
        en="They may live in another street, or the numbers may be wrong.",
    ),
    ReportName.PEOPLE: Text(
        zh="同一人被三名以上请求人指名查询。只显示标记，不显示姓名。",
        en="One person named by three or more requesters. Shown as a token, never by name.",
    ),
}
"""What each report tells, in the order in which they stand."""
_COLUMNS: Mapping[str, Text] = {
    "requester": Text(zh="请求人", en="Requester"),
    "office": Text(zh="单位", en="Office"),
    "purpose": Text(zh="用途", en="Purpose"),
    "reasons": Text(zh="原因", en="Reason"),
    "attempts": Text(zh="次数", en="Times"),
    "requesters": Text(zh="请求人数", en="Requesters"),
    "offices": Text(zh="单位数", en="Offices"),
    "accesses": Text(zh="查询", en="Queries"),
    "denials": Text(zh="拒绝", en="Denials"),
    "delivered_rows": Text(zh="交付行数", en="Rows delivered"),
    "usual_rows": Text(zh="通常行数", en="Usual rows"),
    "recorded_on": Text(zh="日期", en="Day"),
    "last_attempt": Text(zh="最近一次", en="Last time"),
    "last_seen": Text(zh="最近一次", en="Last time"),
    "first_time": Text(zh="首次", en="First time"),
    "last_time": Text(zh="最近一次", en="Last time"),
    "people": Text(zh="涉及人数", en="People"),
    "person": Text(zh="人员标记", en="Token"),
}
_NARROWING = ("requester", "person", "office", "purpose")
"""Columns that narrow the log to what a row counts."""
_KINDS = {ReportName.DENIALS: "", ReportName.OUTSIDE: "intent", ReportName.VOLUME: "receipt"}


def show(visit: Visit) -> Response:
    """Show the page; each report asks for itself."""
    first, last = last_days(visit.now)
    values = {
        "from": visit.query.get("from", first.isoformat()),
        "until": visit.query.get("until", last.isoformat()),
    }
    problem = None
    try:
        read_period(values["from"], values["until"])
    except PeriodInvalid as invalid:
        problem = invalid.text
    reports = [(name, REPORTS[name].title, told) for name, told in _SHOWN.items()]
    return visit.render("audit/anomalies.html", values=values, problem=problem, reports=reports)


def choose(visit: Visit) -> Response:
    """Lead to the page of another period; days may stand in an address."""
    first, last = visit.text("from"), visit.text("until")
    try:
        begin, end = read_period(first, last)
    except PeriodInvalid as problem:
        return visit.render("notice.html", problem=problem.text)
    chosen = [f"{name}={day.isoformat()}" for name, day in (("from", begin), ("until", end)) if day]
    return visit.go("/anomalies" + ("?" + "&".join(chosen) if chosen else ""))


def report(visit: Visit) -> Response:
    """Show one report."""
    if visit.names["report"] not in set(ReportName):
        return visit.go("/anomalies")
    name = ReportName(visit.names["report"])
    first, last = _period(visit)
    result = visit.connection.query(REPORTS[name].sql(first=first, last=last, least=None), purpose=PURPOSE)
    with result:
        rows: list[Row] = result.to_arrow().to_pylist()
    columns = list(result.schema.names)
    return visit.render(
        "audit/report.html",
        name=name,
        rows=rows[:_ROWS_SHOWN],
        rows_total=len(rows),
        columns=[(column, _COLUMNS.get(column, Text(zh=column, en=column))) for column in columns],
        cell=lambda column, value: _cell(visit, column, value),
        narrows=lambda row: _narrowed(name, row, first=first, last=last),
        charts=_CHARTS.get(name, _no_charts)(visit, rows),
        hours=_hours(rows) if name is ReportName.HOURS else None,
    )


def _period(visit: Visit) -> tuple[datetime.date, datetime.date]:
    first, last = last_days(visit.now)
    try:
        begin, end = read_period(visit.query.get("from", ""), visit.query.get("until", ""))
    except PeriodInvalid:
        begin, end = None, None
    return begin or first, end or last


def _cell(visit: Visit, column: str, value: Any) -> str:  # noqa: ANN401 - of a result
    if value is None:
        return "—"
    if column == "reasons":
        return visit.words(reason_words(str(value)))
    if column in ("office", "purpose"):
        known = titles_of(visit).get((column, str(value)))
        return visit.words(known) if known else str(value)
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return f"{aware.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _narrowed(name: ReportName, row: Row, *, first: datetime.date, last: datetime.date) -> dict[str, str]:
    """Return the filters of the log that show what a row counts."""
    day = row.get("recorded_on")
    filters = {column: str(row[column]) for column in _NARROWING if row.get(column)}
    filters |= {"from": (day or first).isoformat(), "until": (day or last).isoformat()}
    return filters | ({"kind": _KINDS[name]} if _KINDS.get(name) else {})


def _hours(rows: Sequence[Row]) -> list[tuple[str, int, int]]:
    by_hour = {int(row["hour_of_day"]): row for row in rows}
    empty: Row = {"accesses": 0, "denials": 0}
    counts = ((hour, by_hour.get(hour, empty)) for hour in range(_HOURS))
    return [(f"{hour:02}:00", row["accesses"] + row["denials"], row["denials"]) for hour, row in counts]


Charts = list[tuple[Text, Text, list[tuple[str, int]]]]
"""Title of the bars' names, of their numbers, and the bars."""
_TIMES = Text(zh="次数", en="Times")


def _no_charts(visit: Visit, rows: Sequence[Row]) -> Charts:
    return []


def _denial_charts(visit: Visit, rows: Sequence[Row]) -> Charts:
    charts: Charts = []
    for column in ("reasons", "office", "purpose"):
        counts: Counter[str] = Counter()
        for row in rows:
            counts[_cell(visit, column, row[column])] += row["attempts"]
        charts.append((_COLUMNS[column], _TIMES, counts.most_common(_BARS)))
    return charts


def _bars_of(column: str, count: str) -> Callable[[Visit, Sequence[Row]], Charts]:
    def charts(visit: Visit, rows: Sequence[Row]) -> Charts:
        counts: Counter[str] = Counter()
        for row in rows:
            counts[_cell(visit, column, row[column])] += row[count] or 0
        return [(_COLUMNS[column], _COLUMNS[count], counts.most_common(_BARS))]

    return charts


_CHARTS: Mapping[ReportName, Callable[[Visit, Sequence[Row]], Charts]] = {
    ReportName.DENIALS: _denial_charts,
    ReportName.NIGHT: _bars_of("requester", "accesses"),
    ReportName.VOLUME: _bars_of("requester", "delivered_rows"),
    ReportName.OUTSIDE: _bars_of("requester", "attempts"),
}
PAGES = (
    Page(
        path="/anomalies",
        title=Text(zh="拒绝与异常", en="Denials and anomalies"),
        show=show,
        group="audit",
        roles=AUDITING,
    ),
)
ACTIONS = (
    Action(method="POST", path="/anomalies/period", call=choose),
    Action(method="GET", path="/anomalies/{report}", call=report),
)
