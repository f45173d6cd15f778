"""Write a filled form as a workbook: the form itself, ready to print, and a sheet that says what its data is."""

from __future__ import annotations

import datetime
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import xlsxwriter
from rich.cells import cell_len
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from catalog.dataset import Text
from gateway.client.files.cells import xlsx_cell
from gateway.client.files.cover_sheet import cover_lines, terms_of, write_cover
from gateway.client.reports.codes import Codes
from gateway.client.reports.model import ReportInvalid, SheetColumn, Template

_A4 = 9
_NUMBER_WIDTH = 5.0
_LINE_POINTS, _ROW_POINTS_MIN = 14.0, 24.0
_TITLE_ROW, _OFFICE_ROW, _HEADER_ROW, _FIRST_ROW = range(4)
_VALIDATION_TITLE_MAX = 32
_SHORT = 8
"""Half-width characters of a text that is centred, such as a sex or a yes."""
_BY_HAND = "＊"
_FONT = {"font_name": "宋体", "font_size": 10, "valign": "vcenter", "text_wrap": True}
_CELL = _FONT | {"border": 1}
_YELLOW, _GREY = {"bg_color": "#FFF8D6"}, {"bg_color": "#EDEDED"}
_STYLES: Mapping[str, Mapping[str, Any]] = {
    "title": _FONT | {"font_size": 18, "bold": True, "align": "center"},
    "line": _FONT,
    "right": _FONT | {"align": "right"},
    "heading": _CELL | _GREY | {"bold": True, "align": "center"},
    "heading_by_hand": _CELL | {"bg_color": "#FFE699", "bold": True, "align": "center"},
    "group": _CELL | _GREY | {"bold": True},
    "text": _CELL,
    "centred": _CELL | {"align": "center"},
    "date": _CELL | {"num_format": "yyyy-mm-dd", "align": "center"},
    "by_hand": _CELL | _YELLOW,
    "total": _CELL | _GREY | {"bold": True, "align": "center"},
}
_WORKBOOK = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""Nothing of it goes to the disk before it stands in its own file."""
_YES, _NO = Text(zh="是", en="yes"), Text(zh="否", en="no")
_FORM, _ABOUT = Text(zh="报表", en="form"), Text(zh="说明", en="about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that stands on a form."""

    template: Template
    table: pa.Table
    """Result of the template's statement, with the terms (keys `sharing.…`) in its schema."""
    receipt: Mapping[str, Any]
    codes: Codes
    settings: Sequence[tuple[Text, Text]]
    """Title and value of each parameter."""
    today: datetime.date
    """In Shanghai."""
    language: Literal["zh", "en"]

    def words(self, text: Text) -> str:
        """Return a text in the form's language."""
        return text.zh if self.language == "zh" else text.en

    def said(self, zh: str, en: str) -> str:
        """Return what the form says in its language."""
        return zh if self.language == "zh" else en


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pen:
    """Writes text as text, so that no cell is ever a formula."""

    sheet: Worksheet
    formats: Mapping[str, Format]
    last_column: int

    def put(self, row: int, column: int, value: object, style: str) -> None:
        cell = xlsx_cell(value)
        if cell is None:
            self.sheet.write_blank(row, column, None, self.formats[style])
        elif isinstance(cell, datetime.date):
            self.sheet.write_datetime(row, column, cell, self.formats["date"])
        elif self.sheet.write(row, column, cell, self.formats[style]) != 0:
            raise ReportInvalid(
                Text(
                    zh="单元格文本过长，XLSX 放不下。请在模板的 SQL 中截短（left）。",
                    en="A text is too long for a cell of XLSX. Cut it in the template's SQL (left).",
                )
            )

    def span(self, row: int, text: str, style: str, *, first: int = 0, last: int | None = None) -> None:
        """Write a text over several columns."""
        end = self.last_column if last is None else last
        if end > first:
            self.sheet.merge_range(row, first, row, end, "", self.formats[style])
        self.put(row, first, text, style)


def write_report(report: Report, *, path: Path) -> None:
    """Write the workbook.

    Raises:
        ReportInvalid: A text does not fit a cell.
        OSError: It cannot be written.
    """
    with xlsxwriter.Workbook(path, _WORKBOOK) as book:
        sheet = book.add_worksheet(report.words(_FORM))
        formats = {name: book.add_format(dict(style)) for name, style in _STYLES.items()}
        pen = _Pen(sheet=sheet, formats=formats, last_column=len(report.template.columns))
        _set_up(sheet, report=report)
        _write_head(pen, report=report)
        row = _write_rows(pen, report=report)
        _write_foot(pen, report=report, row=row)
        lines = cover_lines(terms_of(report.table.schema), receipt=report.receipt, rows=report.table.num_rows)
        about = book.add_worksheet(report.words(_ABOUT))
        write_cover(about, lines, label=book.add_format({**_FONT, "bold": True}), value=formats["line"])


def _set_up(sheet: Worksheet, *, report: Report) -> None:
    """Set widths and print-out: A4 landscape, one page wide, headings on every page."""
    sheet.set_column(0, 0, _NUMBER_WIDTH)
    for i, column in enumerate(report.template.columns, 1):
        sheet.set_column(i, i, column.width)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.center_horizontally()
    sheet.repeat_rows(_HEADER_ROW)
    sheet.freeze_panes(_FIRST_ROW, 2)
    entry = terms_of(report.table.schema)["sharing.entry"]
    pages, audit = report.said("第 &P 页 共 &N 页", "Page &P of &N"), report.said("审计编号", "Audit entry")
    sheet.set_footer(f"&L&8{audit} {entry}&C&8{pages}&R&8{_expiry(report)}")


def _write_head(pen: _Pen, *, report: Report) -> None:
    pen.span(_TITLE_ROW, report.words(report.template.title), "title")
    pen.sheet.set_row(_TITLE_ROW, 34)
    office = f"{report.said('填报单位（盖章）：', 'Office (seal): ')}{report.words(report.codes.office)}"
    settings = [(Text(zh="填表日期", en="Filled in on"), Text(zh=f"{report.today}", en=f"{report.today}"))]
    settings = [*report.settings, *settings]
    colon = report.said("：", ": ")
    shown = "    ".join(f"{report.words(title)}{colon}{report.words(value)}" for title, value in settings)
    middle = pen.last_column // 2
    pen.span(_OFFICE_ROW, office, "line", last=middle)
    pen.span(_OFFICE_ROW, shown, "right", first=middle + 1)
    pen.sheet.set_row(_OFFICE_ROW, 20)
    pen.put(_HEADER_ROW, 0, report.said("序号", "No."), "heading")
    lines = 1
    for i, column in enumerate(report.template.columns, 1):
        heading = report.words(column.heading) + (_BY_HAND if column.ask else "")
        pen.put(_HEADER_ROW, i, heading, "heading_by_hand" if column.ask else "heading")
        lines = max(lines, _lines(heading, column.width))
    pen.sheet.set_row(_HEADER_ROW, max(_ROW_POINTS_MIN, (lines + 0.5) * _LINE_POINTS))


def _write_rows(pen: _Pen, *, report: Report) -> int:
    """Write groups, rows and totals; return the first row below."""
    row, number = _FIRST_ROW, 0
    for group, members in _groups(report):
        if report.template.group is not None:
            heading = f"{report.words(report.template.group.heading)}{report.said('：', ': ')}{group}"
            pen.span(row, f"{heading}{report.said('（', ' (')}{len(members)}{report.said('）', ')')}", "group")
            pen.sheet.set_row(row, 18)
            row += 1
        for values in members:
            number += 1
            _write_row(pen, row, [number, *values], report=report)
            row += 1
    if not number:
        pen.span(row, report.said("没有符合条件的记录", "No rows match"), "text")
        row += 1
    _ask(pen.sheet, last_row=row - 1, report=report)
    pen.put(row, 0, report.said("合计", "Total"), "total")
    for i, column in enumerate(report.template.columns, 1):
        total = pc.sum(report.table[column.column]).as_py() or 0 if column.total else None
        pen.put(row, i, number if i == 1 and total is None else total, "total")
    pen.sheet.set_row(row, _ROW_POINTS_MIN)
    return row + 1


def _groups(report: Report) -> Iterator[tuple[str, list[list[object]]]]:
    """Yield rows that stand together, with their group in words; values in the order of the sheet's columns."""
    group = report.template.group
    columns = [_values(column, report=report) for column in report.template.columns]
    keys = _values(group, report=report) if group else [""] * report.table.num_rows
    rows = zip(keys, zip(*columns, strict=True), strict=True)
    for key, members in itertools.groupby(rows, key=lambda row: row[0]):
        yield str(key), [list(values) for _, values in members]


def _values(column: SheetColumn, *, report: Report) -> list[object]:
    """Return a column's cells; of one that a person fills in, nothing."""
    if column.column is None:
        return [None] * report.table.num_rows
    values = report.table[column.column].to_pylist()
    if column.words:
        return [None if v is None else report.words(report.codes.words(column.words, str(v))) for v in values]
    return [report.words(_YES if value else _NO) if isinstance(value, bool) else value for value in values]


def _write_row(pen: _Pen, row: int, values: Sequence[object], *, report: Report) -> None:
    pen.put(row, 0, values[0], "centred")
    lines = 1
    for i, (column, value) in enumerate(zip(report.template.columns, values[1:], strict=True), 1):
        if value is None and column.ask:
            pen.put(row, i, None, "by_hand")
        elif isinstance(value, str):
            pen.put(row, i, value, "centred" if cell_len(value) <= _SHORT else "text")
            lines = max(lines, _lines(value, column.width))
        else:
            pen.put(row, i, value, "centred")
    pen.sheet.set_row(row, max(_ROW_POINTS_MIN, lines * _LINE_POINTS))


def _ask(sheet: Worksheet, *, last_row: int, report: Report) -> None:
    """Let the cells that a person fills in say how, and offer the choices."""
    for i, column in enumerate(report.template.columns, 1):
        if column.ask is None:
            continue
        choices: dict[str, Any] = {"validate": "any"}
        if column.choices:
            choices = {"validate": "list", "source": [report.words(choice) for choice in column.choices]}
        told = {
            "input_title": report.words(column.heading)[:_VALIDATION_TITLE_MAX],
            "input_message": report.words(column.ask),
        }
        sheet.data_validation(_FIRST_ROW, i, last_row, i, choices | told)


def _write_foot(pen: _Pen, *, report: Report, row: int) -> None:
    """Write what people fill in, the notes, where the data is from, and who signs."""
    width = _NUMBER_WIDTH + sum(column.width for column in report.template.columns)
    for text in _foot_lines(report):
        pen.span(row, text, "line")
        pen.sheet.set_row(row, (_lines(text, width) + 0.2) * _LINE_POINTS)
        row += 1
    signatures = report.template.signatures
    pen.sheet.set_row(row, 30)
    for i, signature in enumerate(signatures):
        first, end = (pen.last_column + 1) * i // len(signatures), (pen.last_column + 1) * (i + 1) // len(signatures)
        pen.span(row, f"{report.words(signature)}{report.said('：', ': ')}", "line", first=first, last=end - 1)


def _foot_lines(report: Report) -> Iterator[str]:
    template, terms = report.template, terms_of(report.table.schema)
    stop, colon = report.said("；", "; "), report.said("：", ": ")
    by_hand = [f"{report.words(c.heading)}{colon}{report.words(c.ask)}" for c in template.columns if c.ask]
    if by_hand:
        yield report.said("＊黄色单元格由工作人员填写。", "＊ Yellow cells are filled in by staff. ") + " ".join(
            by_hand
        )
    yield from (report.words(note) for note in template.notes)
    about = json.loads(terms["sharing.about"])
    sources = stop.join(_sources(about["datasets"], report=report))
    yield report.said(f"数据来源与时点：{sources}。", f"Sources, as of: {sources}.")
    purpose = about["purpose"][report.language]
    yield report.said(
        f"用途：{purpose}。依据、处理方式和义务见“{_ABOUT.zh}”页。审计编号：{terms['sharing.entry']}。{_expiry(report)}。",
        f"Purpose: {purpose}. Legal basis, treatment and obligations: sheet '{_ABOUT.en}'."
        f" Audit entry: {terms['sharing.entry']}. {_expiry(report)}.",
    )


def _sources(datasets: Mapping[str, Any], *, report: Report) -> Iterator[str]:
    for name, dataset in datasets.items():
        title, controller = dataset["title"][report.language], dataset["controller"][report.language]
        as_of = report.receipt["datasets"][name]["as_of"]
        at = _day(as_of) if as_of else report.said("时点不明", "time unknown")
        late = report.receipt["datasets"][name]["late"] and report.said("，已逾更新周期", ", later than promised")
        yield report.said(f"{title}（{controller}，{at}{late or ''}）", f"{title} ({controller}, {at}{late or ''})")


def _expiry(report: Report) -> str:
    terms = terms_of(report.table.schema)
    until = _day(int(terms["sharing.expires_at"]))
    zh, en = f"保存至 {until}，到期销毁", f"Keep until {until}, then destroy"
    if not json.loads(terms["sharing.obligations"])["onward_sharing"]:
        zh, en = f"{zh}，不得转给其他单位或个人", f"{en}; not to be passed on"
    return report.said(zh, en)


def _day(seconds: int) -> str:
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    return f"{datetime.datetime.fromtimestamp(seconds, shanghai):%Y-%m-%d}"


def _lines(text: str, width: float) -> int:
    """Return about how many lines a text takes in a column."""
    return sum(max(1, math.ceil(cell_len(line) / (width - 1))) for line in text.split("\n"))
