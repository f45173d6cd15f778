"""What stands on a filled form."""

from __future__ import annotations

import datetime
import json
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter

from catalog.dataset import Text
from gateway.client.reports.codes import Codes
from gateway.client.reports.model import DIVISIONS, ReportInvalid, Template
from gateway.client.reports.sheet import Report, write_report

ROAD, SQUARE = "310101002001", "310101002002"
FORMULA = '=HYPERLINK("http://x.example","x")'
RESIDENT = "population.resident"


def text(words: str) -> Text:
    return Text(zh=words, en=f"{words} en")


TEMPLATE = Template(
    id="own",
    title=text("登记表"),
    description=text("说明"),
    purpose="elderly-care-visits",
    sql="SELECT 1",
    group={"column": "division", "words": DIVISIONS, "heading": text("居委"), "width": 9},
    columns=[
        {"column": "name", "heading": text("姓名"), "width": 9},
        {"column": "sex", "words": f"{RESIDENT}.sex", "heading": text("性别"), "width": 9},
        {"column": "born", "heading": text("出生"), "width": 12},
        {"column": "lift", "heading": text("电梯"), "width": 9},
        {"column": "phone", "heading": text("电话"), "width": 14, "ask": text("没有的补填")},
        {"column": "people", "heading": text("人数"), "width": 9, "total": True},
        {"heading": text("自理"), "width": 9, "ask": text("现场看"), "choices": [text("能"), text("否")]},
    ],
    notes=[text("注一")],
    signatures=[text("填表人"), text("审核人")],
)
TERMS = {
    "sharing.purpose": TEMPLATE.purpose,
    "sharing.case": "",
    "sharing.recipient": "310101002",
    "sharing.entry": "entry-7",
    "sharing.decision": "d",
    "sharing.policy_revision": "p",
    "sharing.expires_at": "1798732800",  # 2027-01-01 in Shanghai
    "sharing.cuts": "[]",
    "sharing.rows": "[]",
    "sharing.obligations": json.dumps(
        {"retention_days": 30, "onward_sharing": False, "grade": "general-3", "agreements": [], "emergency": None}
    ),
    "sharing.about": json.dumps(
        {
            "purpose": {"zh": "走访", "en": "visits"},
            "legal_basis": [{"zh": "法", "en": "law"}],
            "recipient": {"zh": "南京东路街道", "en": "Nanjing East Road"},
            "grade": {"zh": "一般数据3级", "en": "General data, level 3"},
            "datasets": {
                RESIDENT: {"title": {"zh": "人口", "en": "people"}, "controller": {"zh": "公安局", "en": "police"}}
            },
        }
    ),
}
ROWS = [
    (ROAD, "王明", "1", datetime.date(1940, 5, 1), True, "13812345678", 1),
    (ROAD, FORMULA, "9", datetime.date(1941, 5, 1), False, None, 2),
    (SQUARE, "李红", "2", None, None, "021-6", 4),
]


def report(*, rows: list[tuple] = ROWS, template: Template = TEMPLATE, language: str = "zh") -> Report:
    names = ["division", "name", "sex", "born", "lift", "phone", "people"]
    types = [pa.string(), pa.string(), pa.string(), pa.date32(), pa.bool_(), pa.string(), pa.int64()]
    schema = pa.schema(list(zip(names, types, strict=True)), metadata=TERMS)
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)
    lists = {
        DIVISIONS: {ROAD: text("云南路"), SQUARE: text("人民路")},
        f"{RESIDENT}.sex": {"1": text("男性"), "2": text("女性")},
    }
    return Report(
        template=template,
        table=table,
        receipt={"receipt": "r", "datasets": {RESIDENT: {"as_of": 1798732800, "late": True, "missing": False}}},
        codes=Codes(office=text("南京东路街道"), lists=lists),
        settings=[(text("最低年龄"), text("60"))],
        today=datetime.date(2026, 12, 1),
        language=language,
    )


def written(path: Path, **parts):
    write_report(report(**parts), path=path)
    return openpyxl.load_workbook(path).worksheets[0]


def lines(sheet) -> list[list[object]]:
    return [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]


def formulas(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return [name for name in archive.namelist() if b"<f>" in archive.read(name)]


def test_a_form_is_numbered_grouped_in_words_and_added_up(tmp_path):
    """Codes and truth values are words, dates and numbers stay such, and groups say how many."""
    found = lines(written(tmp_path / "x.xlsx"))
    assert found[0] == ["登记表"]
    assert found[1] == ["填报单位（盖章）：南京东路街道", "最低年龄：60    填表日期：2026-12-01"]
    assert found[2] == ["序号", "姓名", "性别", "出生", "电梯", "电话＊", "人数", "自理＊"]
    assert found[3] == ["居委：云南路（2）"]
    assert found[4] == [1, "王明", "男性", datetime.datetime(1940, 5, 1), "是", "13812345678", 1]
    assert found[6] == ["居委：人民路（1）"]
    assert found[7] == [3, "李红", "女性", "021-6", 4]
    assert found[8] == ["合计", 3, 7]


def test_a_form_says_what_it_is_made_of(tmp_path):
    """Source and time, purpose, audit entry, expiry, what people fill in, and who signs stand on the form itself."""
    write_report(report(), path=tmp_path / "x.xlsx")
    form, about = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets
    foot = [str(line[0]) for line in lines(form)[9:]]
    assert foot[0] == "＊黄色单元格由工作人员填写。电话：没有的补填 自理：现场看"
    assert foot[1] == "注一"
    assert foot[2] == "数据来源与时点：人口（公安局，2027-01-01，已逾更新周期）。"
    assert "用途：走访。" in foot[3]
    assert "审计编号：entry-7。保存至 2027-01-01，到期销毁，不得转给其他单位或个人。" in foot[3]
    assert lines(form)[-1] == ["填表人：", "审核人："]
    assert "entry-7" in form.oddFooter.left.text
    assert any("entry-7" in line for line in lines(about))


def test_a_form_is_set_up_for_print(tmp_path):
    """A4 landscape, one page wide, headings and page numbers on every page."""
    sheet = written(tmp_path / "x.xlsx")
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$3:$3"
    assert sheet.oddFooter.center.text == "第 &P 页 共 &N 页"


def test_cells_for_people_are_marked_explained_and_offer_choices(tmp_path):
    """A column for people is yellow, and so is a missing value that they can add; what a department knows is not."""
    sheet = written(tmp_path / "x.xlsx")
    colour = {cell: sheet[cell].fill.fgColor.rgb for cell in ("F5", "F6", "H5", "B5")}
    assert colour["F6"] == colour["H5"] == "FFFFF8D6"
    assert colour["F5"] == colour["B5"] != colour["H5"]
    told = {str(v.sqref): v for v in sheet.data_validations.dataValidation}
    assert told["F4:F8"].prompt == "没有的补填"
    assert (told["H4:H8"].formula1, told["H4:H8"].prompt) == ('"能,否"', "现场看")


def test_an_english_form_is_english(tmp_path):
    """Headings, words and notes follow the language."""
    found = lines(written(tmp_path / "x.xlsx", language="en"))
    assert found[4][2:5] == ["男性 en", datetime.datetime(1940, 5, 1), "yes"]
    assert found[-2][0].startswith("Purpose: visits.")


def test_an_empty_form_says_so(tmp_path):
    """No rows is an answer too."""
    found = lines(written(tmp_path / "x.xlsx", rows=[]))
    assert found[3:5] == [["没有符合条件的记录"], ["合计", 0, 0]]


def test_nothing_on_a_form_is_a_formula(tmp_path):
    """Neither a value nor a template's text runs; the twin, plainly written, would."""
    bad = Text(zh=FORMULA, en=FORMULA)
    template = TEMPLATE.model_copy(update={"title": bad, "notes": (bad,), "signatures": (bad,)})
    sheet = written(tmp_path / "x.xlsx", template=template)
    assert sheet["B6"].value == "'" + FORMULA
    assert sheet["A1"].value == "'" + FORMULA
    assert formulas(tmp_path / "x.xlsx") == []
    with xlsxwriter.Workbook(tmp_path / "twin.xlsx") as book:
        book.add_worksheet().write(0, 0, FORMULA.replace("HYPERLINK", "CONCAT"))
    assert formulas(tmp_path / "twin.xlsx")


def test_a_text_that_no_cell_holds_is_refused(tmp_path):
    """Nothing is cut silently."""
    with pytest.raises(ReportInvalid, match="left"):
        written(tmp_path / "x.xlsx", rows=[(ROAD, "长" * 40_000, "1", None, None, None, 1)])
