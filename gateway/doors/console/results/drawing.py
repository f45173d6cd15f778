"""Pictures of a complete result."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from catalog.dataset import Text
from gateway.doors.console.days import today
from gateway.doors.console.results.charts import (
    OTHERS,
    Choices,
    Dimension,
    Key,
    Picture,
    Wish,
    age_band,
    choices,
    draw,
)
from gateway.doors.console.results.columns import Column
from gateway.doors.console.results.finding import columns_for, find_complete
from gateway.doors.console.runs.run import Run
from gateway.doors.console.runs.spool import SpoolClosed
from gateway.doors.console.visit import Action, Visit

_AGE = Text(zh="年龄段", en="Age band")
_ROWS = Text(zh="行数", en="Rows")
_OTHERS = Text(zh="其他", en="Others")
_NOTHING = Text(zh="空值", en="No value")
_YEAR_ONLY = Text(
    zh="年龄按保留的出生年份推算，可能相差数岁。",
    en="Ages are told from the years that are left of births, and may be off by some years.",
)


_BUSY = Text(
    zh="控制台正忙于为其他人画图，请稍后再试。",
    en="The console is busy drawing for others; try again in a moment.",
)
_WAIT_SECONDS = 0.5
"""The thread that waits is missing to everybody else."""


def _suggested(visit: Visit) -> Response:
    run = find_complete(visit)
    if run is None:
        return visit.render("result_charts.html", run=None, pictures=[], options=None)
    return _render(visit, run, wishes=None)


def _chosen(visit: Visit) -> Response:
    run = find_complete(visit)
    if run is None:
        return visit.render("result_charts.html", run=None, pictures=[], options=None)
    if run.choices is None:  # they are found when the suggested pictures are drawn
        return _render(visit, run, wishes=None)
    found = run.choices
    dimensions = {_name(one): one for one in found.dimensions}
    group, part = dimensions.get(visit.text("group")), dimensions.get(visit.text("part"))
    measure = visit.text("measure")
    if group is None:
        return _render(visit, run, wishes=None)
    summed = int(measure) if measure in {str(one) for one in found.measures} else None
    return _render(visit, run, wishes=(Wish(group=group, part=part if part != group else None, measure=summed),))


def _render(visit: Visit, run: Run, *, wishes: Sequence[Wish] | None) -> Response:
    columns = columns_for(visit, run)
    drawing = visit.session.results.room.drawing
    if not drawing.acquire(timeout=_WAIT_SECONDS):
        return visit.render("notice.html", problem=_BUSY)
    try:
        found = _choices(visit, run)
        drawn = draw(run.spool.batches(), found.suggested if wishes is None else wishes, today=today(visit.now))
    except SpoolClosed:
        return visit.render("result_charts.html", run=None, pictures=[], options=None)
    finally:
        drawing.release()
    return visit.render(
        "result_charts.html",
        run=run,
        pictures=[_shown(visit, picture, columns=columns) for picture in drawn],
        options=_options(visit, found, columns=columns),
        chosen=_form(wishes[0]) if wishes else None,
    )


def _choices(visit: Visit, run: Run) -> Choices:
    if run.choices is None:
        run.choices = choices(run.spool.batches(), columns=columns_for(visit, run))
    return run.choices


def _shown(visit: Visit, picture: Picture, *, columns: Sequence[Column]) -> dict[str, object]:
    wish = picture.wish
    by = _title(visit, wish.group, columns=columns)
    part = _title(visit, wish.part, columns=columns) if wish.part else ""
    value = visit.words(_ROWS) if wish.measure is None else columns[wish.measure].label(visit.language)
    dimensions = [one for one in (wish.group, wish.part) if one]
    guessed = any(one.kind == "age" and columns[one.column].masks for one in dimensions)
    return {
        "title": f"{by} × {part}" if part else by,
        "group": by,
        "value": value,
        "series": [_label(visit, one, wish.part, columns=columns) for one in picture.series] if wish.part else [],
        "rows": [
            (
                _label(visit, group, wish.group, columns=columns),
                _number(picture.total(group)),
                [_number(picture.numbers.get((group, one), 0)) for one in picture.series],
            )
            for group in picture.groups
        ],
        "bars": [
            (_label(visit, group, wish.group, columns=columns), _number(picture.total(group)))
            for group in picture.groups
        ],
        "note": visit.words(_YEAR_ONLY) if guessed else "",
    }


def _options(visit: Visit, found: Choices, *, columns: Sequence[Column]) -> dict[str, list[tuple[str, str]]]:
    return {
        "dimensions": [(_name(one), _title(visit, one, columns=columns)) for one in found.dimensions],
        "measures": [(str(one), columns[one].label(visit.language)) for one in found.measures],
    }


def _form(wish: Wish) -> dict[str, str]:
    return {
        "group": _name(wish.group),
        "part": _name(wish.part) if wish.part else "",
        "measure": "" if wish.measure is None else str(wish.measure),
    }


def _name(dimension: Dimension) -> str:
    return f"{dimension.kind}-{dimension.column}"


def _title(visit: Visit, dimension: Dimension, *, columns: Sequence[Column]) -> str:
    if dimension.kind == "age":
        return visit.words(_AGE)
    return columns[dimension.column].label(visit.language).removesuffix("代码")


def _label(visit: Visit, key: Key, dimension: Dimension | None, *, columns: Sequence[Column]) -> str:
    if key == OTHERS:
        return visit.words(_OTHERS)
    if key is None or dimension is None:
        return visit.words(_NOTHING)
    if dimension.kind == "age":
        return age_band(int(key))
    column = columns[dimension.column]
    return visit.words(column.codes[str(key)]) if key in column.codes else column.shown(visit.language)(key)


def _number(value: float) -> float:
    return int(value) if float(value).is_integer() else round(value, 2)


ACTIONS = (
    Action(method="GET", path="/results/{id}/charts", call=_suggested, live=True),
    Action(method="POST", path="/results/{id}/charts", call=_chosen),
)
