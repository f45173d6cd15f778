"""The query that somebody is working on: its purpose, its SQL, and the picks that the SQL is read as."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from catalog.dataset import Text
from gateway.doors.console.asking.build_sql import build_sql
from gateway.doors.console.asking.pick_form import picks_of
from gateway.doors.console.asking.picks import (
    OF_YEARS,
    ColumnName,
    Condition,
    Filter,
    Kind,
    Measure,
    Measured,
    PickProblem,
    Picks,
)
from gateway.doors.console.asking.read_sql import read_sql
from gateway.doors.console.asking.shelf import Offered, Shelf
from gateway.doors.console.draft import Draft
from gateway.doors.console.names import names_of
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_YEARS = "60"


@dataclass(frozen=True, slots=True, kw_only=True)
class Editor:
    """The query that somebody is working on. The SQL is what counts; the picks are how it is read."""

    draft: Draft
    shelf: Shelf
    picks: Picks | None
    """None when the SQL is more than picking can write."""
    problem: Text | None = None
    """Why the picks cannot become SQL."""

    @property
    def lacks(self) -> Text | None:
        """What has to be filled in before it is worth asking; None for nothing."""
        purpose = self.shelf.purpose
        if purpose is None:
            return Text(
                zh="先选择用途：为了做什么工作需要这些数据。",
                en="Choose a purpose first: for which task.",
            )
        if not self.draft.sql:
            return Text(
                zh="选一个现成查询，或勾选要看的列，这里会说明您将得到什么。",
                en="Take one of the ready-made queries or tick columns: here you will see what you get.",
            )
        if purpose.case_required and not case_fits(self.draft.case, pattern=purpose.case_pattern):
            form = case_form(purpose.case_pattern)
            return Text(zh=f"请填写事项编号{form.zh}。", en=f"Fill in the case number{form.en}.")
        for one in self.picks.filters if self.picks else ():
            offered = self.shelf.column(one.column)
            if offered and offered.treated.extent == "lookup" and not one.complete:
                return Text(
                    zh=f"该用途只能逐个查询：请在“条件”里填写{offered.title.zh}。",
                    en=f"This purpose looks up one at a time: fill in {offered.title.en} below 'Conditions'.",
                )
        return None


def opened(visit: Visit, draft: Draft, *, dataset: str = "") -> Editor:
    """Return an editor that shows a draft, or begins with a dataset."""
    shelf = Shelf(names_of(visit), purpose=draft.purpose)
    if draft.sql:
        return Editor(draft=draft, shelf=shelf, picks=read_sql(draft.sql, facts=shelf.facts))
    return _written(draft, shelf=shelf, picks=_beginning(shelf, dataset=dataset))


def edited(visit: Visit) -> Editor:
    """Return the editor of a form after what was done in it.

    Fields: those of `picks_of`, `purpose`, `case`, `title`, `sql`, and `picked`, the SQL that the picks stand for. SQL that was
    written by hand since is read anew and never overwritten. What a button does: `example`, `restart`, `add`, `remove`,
    `drop` (a column).
    """
    shelf = Shelf(names_of(visit), purpose=visit.text("purpose"))
    sql = _lines(visit.text("sql"))
    draft = Draft(sql=sql, purpose=visit.text("purpose"), case=visit.text("case"), title=visit.text("title"))
    if visit.text("restart"):
        return _written(replace(draft, sql="", title=""), shelf=shelf, picks=_beginning(shelf))
    example = visit.text("example")
    if shelf.purpose and example.isdigit() and int(example) < len(shelf.purpose.examples):
        chosen = shelf.purpose.examples[int(example)]
        sql = _lines(chosen.sql.strip())
        title = visit.words(chosen.title)
        return Editor(draft=replace(draft, sql=sql, title=title), shelf=shelf, picks=read_sql(sql, facts=shelf.facts))
    if sql != _lines(visit.text("picked")):
        picks = read_sql(sql, facts=shelf.facts) if sql else _beginning(shelf)
        if visit.text("drop") and picks:
            return _written(draft, shelf=shelf, picks=_without(picks, visit.text("drop")))
        return Editor(draft=draft, shelf=shelf, picks=picks)
    picks = picks_of(visit.form, shelf=shelf)
    if visit.text("picked_for") != draft.purpose:
        picks = _moved(picks, shelf=shelf, before=shelf.names.purposes().get(visit.text("picked_for")))
    if visit.text("drop"):
        picks = _without(picks, visit.text("drop"))
    if visit.text("remove").isdigit():
        removed = int(visit.text("remove"))
        picks = replace(picks, filters=tuple(one for number, one in enumerate(picks.filters) if number != removed))
    if visit.text("add"):
        column = shelf.column(ColumnName.parse(visit.text("add")))
        if column and column.conditions:
            added = Filter(column=column.name, condition=column.conditions[0])
            picks = replace(picks, filters=(*picks.filters, added))
    return _written(draft, shelf=shelf, picks=picks)


def case_fits(case: str, *, pattern: str) -> bool:
    """Tell whether a case number has the form that a purpose asks for."""
    return bool(case) and (not pattern or re.fullmatch(pattern, case) is not None)


def case_form(pattern: str) -> Text:
    """Return the form of a case number in words, with the blank before it; empty when any will do."""
    zh = re.sub(r"\[0-9\]\{(\d+)\}", r"（\1位数字）", pattern)
    en = re.sub(r"\[0-9\]\{(\d+)\}", r"(\1 digits)", pattern)
    return Text(zh=f"，格式为 {zh}", en=f", in the form {en}") if pattern else Text(zh=" ", en=" ")


def _written(draft: Draft, *, shelf: Shelf, picks: Picks) -> Editor:
    settled = _settled(picks, shelf=shelf)
    try:
        return Editor(draft=replace(draft, sql=build_sql(settled, facts=shelf.facts)), shelf=shelf, picks=settled)
    except PickProblem as problem:
        return Editor(draft=replace(draft, sql=""), shelf=shelf, picks=settled, problem=problem.text)


def _beginning(shelf: Shelf, *, dataset: str = "") -> Picks:
    """Return what is picked before anybody picks: a dataset, and for statistics how many rows."""
    if dataset not in shelf.datasets:
        examples = shelf.purpose.examples if shelf.purpose else ()
        read = read_sql(examples[0].sql, facts=shelf.facts) if examples else None
        dataset = read.dataset if read else next(iter(shelf.datasets), "")
    return Picks(dataset=dataset)


def _settled(picks: Picks, *, shelf: Shelf) -> Picks:
    """Return the picks without what the purpose does not know, with what it asks for."""
    if picks.dataset not in shelf.datasets:
        picks = _beginning(shelf)
    statistic = bool(shelf.purpose and shelf.purpose.aggregate_only)
    datasets = {picks.dataset, *(join.dataset for join in picks.joins)}
    known = {offered.name: offered for name in datasets for offered in shelf.columns(name)}
    filters = [_fitted(one, offered=known[one.column]) for one in picks.filters if one.column in known]
    asked = {one.column for one in filters}
    keys = [column for column in known.values() if column.treated.extent == "lookup" and column.name not in asked]
    filters = [
        *(Filter(column=key.name, condition=Condition.EQUALS) for key in sorted(keys, key=lambda key: key.name)),
        *filters,
    ]
    counting = statistic or picks.counting
    measurable = {measured for column in known.values() for measured in column.measures}
    measures = tuple(one for one in picks.measures if one.column is None or one in measurable) if counting else ()
    shown = set(picks.columns) | set(measures)
    return replace(
        picks,
        keep=picks.keep and not statistic and not any(column.treated.extent == "lookup" for column in known.values()),
        columns=tuple(name for name in picks.columns if name in known and known[name].treated.extent != "lookup"),
        filters=tuple(one for one in filters if known[one.column].conditions),
        counting=counting,
        measures=measures or ((Measured(measure=Measure.ROWS),) if counting else ()),
        order=picks.order
        if picks.order and (picks.order.by in shown or (not counting and picks.order.by in known))
        else None,
    )


def _moved(picks: Picks, *, shelf: Shelf, before: catalog_pb2.PurposeDescription | None) -> Picks:
    """Return the picks of another purpose without what this one does not open."""
    opened = {column.name for name in shelf.datasets for column in shelf.columns(name) if column.open}
    return replace(
        picks,
        counting=picks.counting and not (before and before.aggregate_only),
        columns=tuple(name for name in picks.columns if name in opened),
        filters=tuple(one for one in picks.filters if one.column in opened),
    )


def _fitted(one: Filter, *, offered: Offered) -> Filter:
    """Return a filter whose condition the column has, with a value to begin with."""
    if not offered.conditions:
        return one
    if one.condition not in offered.conditions:
        one = replace(one, condition=offered.conditions[0], values=())
    if one.condition in OF_YEARS:
        years = one.values[0] if one.values and one.values[0].isdigit() else _YEARS
        return replace(one, values=(years,))
    if offered.kind is Kind.TRUTH and one.condition is Condition.EQUALS and not one.complete:
        return replace(one, values=("true",))
    if offered.kind in (Kind.DATE, Kind.MOMENT) and one.values and "-" not in one.values[0]:
        return replace(one, values=())
    return one


def _without(picks: Picks, name: str) -> Picks:
    """Return the picks without a column, or a joined dataset."""
    column = ColumnName.parse(name)

    def stays(dataset: str, other: ColumnName | None) -> bool:
        return dataset != name and other != column

    return replace(
        picks,
        joins=tuple(join for join in picks.joins if join.dataset != name),
        columns=tuple(one for one in picks.columns if stays(one.dataset, one)),
        filters=tuple(one for one in picks.filters if stays(one.column.dataset, one.column)),
        measures=tuple(one for one in picks.measures if one.column is None or stays(one.column.dataset, one.column)),
        order=None
        if picks.order and column in (picks.order.by, getattr(picks.order.by, "column", None))
        else picks.order,
    )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
