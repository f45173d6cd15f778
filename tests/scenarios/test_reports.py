"""The forms a street office hands in, filled from the departments' data and looked at as they are printed."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
import yaml

from catalog.load import load_catalogue
from connectors.sdk.watermark import MARK
from gateway.client import connect
from gateway.client.files.local import DatasetState, LocalDatasets
from gateway.client.reports.fill import FilledReport, Wanted, fill_report
from gateway.client.reports.model import ReportInvalid, load_template
from tests.cities import City
from tests.lone_gateway import command_line

STREET, PROFILE = "310101002", "nanjing-east-road"
TODAY = datetime.datetime.now(ZoneInfo("Asia/Shanghai")).date()
BORN_BY = TODAY.replace(year=TODAY.year - 60, day=min(TODAY.day, 28 if TODAY.month == 2 else 31))
YES_NO = {True: "是", False: "否"}
FIRST_ROW = 4
TRUTH = {
    "elderly-living-alone": f"""
        SELECT r.residence_division, r.name, r.sex, r.birth_date,
            CAST(date_part('year', age(DATE '{TODAY}', r.birth_date)) AS INTEGER), r.residence_address, d.floor,
            d.has_elevator, r.phone,
            nullif((SELECT count(*) FROM population.resident o WHERE o.dwelling_code = r.dwelling_code), 0)
        FROM population.resident r JOIN population.household h USING (household_id)
            LEFT JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code
        WHERE h.member_count = 1 AND h.household_kind = 'family' AND r.birth_date <= DATE '{BORN_BY}'
            AND r.residence_division LIKE '{STREET}%'
        """,
    "enterprises-to-visit": f"""
        SELECT division_code, name, credit_code, industry, legal_representative, registered_capital, established_date,
            address, phone, employees,
            (SELECT count(*) FROM legal_entity.licence l WHERE l.credit_code = e.credit_code AND l.status = 'valid'),
            (SELECT min(expires_date) FROM legal_entity.licence l WHERE l.credit_code = e.credit_code AND l.status = 'valid')
        FROM legal_entity.enterprise e WHERE status = 'active' AND division_code LIKE '{STREET}%'
        """,
    "rented-dwellings": f"""
        WITH filed AS (
            SELECT dwelling_code, max(lease_end) AS until, sum(occupants) AS people FROM housing.lease
            WHERE lease_end >= DATE '{TODAY}' GROUP BY ALL
        )
        SELECT d.division_code, address, structure, built_year, d.floor, floors_total, has_elevator, floor_area,
            until IS NOT NULL, until, people, round(floor_area / people, 1),
            (SELECT count(*) FROM population.resident r WHERE r.dwelling_code = d.dwelling_code),
            (SELECT count(*) FROM population.resident r WHERE r.dwelling_code = d.dwelling_code
                AND year(birth_date) <= {TODAY.year - 60}),
            (SELECT count(*) FROM population.resident r WHERE r.dwelling_code = d.dwelling_code
                AND year(birth_date) > {TODAY.year - 14})
        FROM housing.dwelling d LEFT JOIN filed USING (dwelling_code)
        WHERE occupancy = 'leased' AND building_kind <> 'commercial' AND d.division_code LIKE '{STREET}%'
        """,
}
"""The same columns from the departments' own files."""


def fill(city: City, name: str, path: Path, **typed: str) -> FilledReport:
    wanted = Wanted(template=load_template(name), typed=typed, case="", language="zh", today=TODAY)
    datasets = LocalDatasets(city.data / "user", clock_seconds=time.time)
    profile = city.local.profiles / f"{PROFILE}.json"
    with connect(profile) as connection:
        return fill_report(connection, wanted, path=path, profile=profile, datasets=datasets)


@pytest.fixture(scope="module")
def forms(city: City, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, FilledReport]]:
    folder = tmp_path_factory.mktemp("forms")
    return {name: (path, fill(city, name, path)) for name in TRUTH for path in [folder / f"{name}.xlsx"]}


@pytest.fixture(scope="module")
def printed(forms) -> dict[str, str]:
    """The text of each form as LibreOffice prints it."""
    if not (shutil.which("soffice") and shutil.which("pdftotext")):
        (pytest.fail if os.environ.get("REQUIRE_OFFICE") else pytest.skip)("LibreOffice or pdftotext is not installed")
    paths = [path for path, _ in forms.values()]
    folder = paths[0].parent
    installation = f"-env:UserInstallation=file://{folder}/office"
    subprocess.run(
        ["soffice", installation, "--headless", "--convert-to", "pdf", "--outdir", folder, *paths],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return {path.stem: _text(path.with_suffix(".pdf")) for path in paths}


def _text(path: Path) -> str:
    found = subprocess.run(["pdftotext", "-layout", path, "-"], check=True, capture_output=True, text=True, timeout=300)
    return found.stdout.replace(MARK, "")


def rows_of(path: Path, *, columns: int) -> list[tuple[object, ...]]:
    """Return the numbered rows of a form without the marks: its group, then the columns that are filled."""
    sheet = openpyxl.load_workbook(path).worksheets[0]
    rows, group = [], ""
    for number, *cells in sheet.iter_rows(min_row=FIRST_ROW, max_col=columns + 1, values_only=True):
        if isinstance(number, int):
            rows.append((group, *(_plain(cell) for cell in cells)))
        elif found := re.fullmatch(r"居（村）委会：(.*)（\d+）", str(number)):
            group = found[1]
    return rows


def _plain(cell: object) -> object:
    if isinstance(cell, datetime.datetime):
        return cell.date()
    return cell.replace(MARK, "") if isinstance(cell, str) else cell


@pytest.mark.parametrize("name", TRUTH)
def test_a_form_agrees_with_the_departments(city: City, forms, name):
    """Every row and value is that of the departments' files, codes in words, sorted by committee and numbered."""
    template, catalogue = load_template(name), load_catalogue()
    words = [column.words for column in template.filled]

    def said(list_name: str, value: object) -> object:
        if list_name == "divisions":
            return catalogue.divisions[str(value)].title
        if list_name:
            dataset, _, column = list_name.rpartition(".")
            return {c.code: c.title.zh for c in catalogue.datasets[dataset].column(column).codes}[value]
        if isinstance(value, bool):
            return YES_NO[value]
        return int(value) if isinstance(value, float | Decimal) and value == int(value) else value

    truth = city.truth(TRUTH[name])
    path, filled = forms[name]
    found = rows_of(path, columns=len(words) - 1)
    expected = [tuple(said(list_name, v) for list_name, v in zip(words, row, strict=True)) for row in truth]
    assert len(expected) > 3
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert [row[0] for row in found] == [said("divisions", code) for code in sorted(row[0] for row in truth)]
    assert filled.rows == len(truth)


def test_a_form_is_remembered_until_it_must_be_destroyed(city: City, forms):
    """Whoever filled a form in finds it among the datasets of the machine, with its expiry."""
    kept = {one.path: one for one in LocalDatasets(city.data / "user", clock_seconds=time.time).datasets()}
    for path, filled in forms.values():
        assert (kept[path].rows, kept[path].entries) == (filled.rows, (filled.entry,))
        assert kept[path].state(now=filled.expires_at - 1) is DatasetState.CURRENT
        assert kept[path].state(now=filled.expires_at) is DatasetState.EXPIRED


@pytest.mark.parametrize("name", TRUTH)
def test_a_form_prints_as_it_is_handed_in(city: City, forms, printed, name):
    """On paper stand title, office, headings on each page, rows, sources, expiry, signatures and page numbers."""
    template, (_, filled) = load_template(name), forms[name]
    text = re.sub(r"[^\S\f]", "", printed[name])
    pages = text.split("\f")
    assert text.startswith(template.title.zh)
    for part in ("南京东路街道", "填报单位（盖章）", "数据来源与时点", "审计编号", "到期销毁", "填表人：", f"{TODAY}"):
        assert part in text, part
    assert filled.entry in text
    total = len(pages) - 1
    for number, page in enumerate(pages[:total], 1):
        is_about = "策略版本" in page
        assert is_about or (f"第{number}页共{total}页" in page and "序号" in page)
    truth = city.truth(TRUTH[name])
    for _, first, *_ in truth:
        assert first[:8] in text
    assert "###" not in text


def test_a_form_is_filled_for_one_committee(city: City, tmp_path):
    """A clerk names the committee; its rows alone are asked for and handed in."""
    whole = rows_of_street(city)
    name = whole[0][0]
    filled = fill(city, "rented-dwellings", tmp_path / "x.xlsx", committee=str(name))
    found = rows_of(tmp_path / "x.xlsx", columns=14)
    assert {row[0] for row in found} == {name}
    assert filled.rows == len(found) < len(whole)


def rows_of_street(city: City) -> list[tuple[object, ...]]:
    divisions = load_catalogue().divisions
    return [(divisions[code].title,) for (code, *_) in city.truth(TRUTH["rented-dwellings"])]


@pytest.mark.parametrize(
    ("typed", "said"),
    [({"committee": "居委会"}, "310101002"), ({"street": "x"}, "committee"), ({"age": "sixty"}, "age")],
)
def test_what_cannot_be_set_is_told(city: City, tmp_path, typed, said):
    """The clerk learns what can, and no file appears."""
    with pytest.raises(ReportInvalid, match=said):
        fill(city, "elderly-living-alone", tmp_path / "x.xlsx", **typed)
    assert not list(tmp_path.iterdir())


def own_template(tmp_path: Path, **parts: object) -> str:
    text = {"zh": "承租人", "en": "Lessee"}
    template = {
        "id": "lessees",
        "title": text,
        "description": text,
        "purpose": "grid-inspection",
        "sql": "SELECT lessee_name AS name FROM housing.lease",
        "columns": [{"column": "name", "heading": text, "width": 12}],
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(template | parts, allow_unicode=True), "utf-8")
    return str(path)


def test_a_template_of_ones_own_gets_what_the_purpose_opens(city: City, tmp_path):
    """The command line fills it with masked names where the purpose masks them."""
    path = own_template(tmp_path)
    ended = command_line(city, "report", "fill", path, "--output", str(tmp_path / "x.xlsx"), who=PROFILE)
    assert ended.exit_code == 0, ended.stderr
    names = [str(name) for _, name in rows_of(tmp_path / "x.xlsx", columns=1)]
    assert len(names) > 3
    assert [name for name in names if not name.endswith("*")] == []


@pytest.mark.parametrize(
    ("parts", "code", "said"),
    [
        ({"sql": "SELECT lessor_name AS name FROM housing.lease"}, 3, "lessor_name"),
        ({"sql": "SELECT lessee_name FROM housing.lease LIMIT 1"}, 4, "name"),
        ({"surprise": 1}, 4, "surprise"),
    ],
)
def test_a_template_that_asks_for_too_much_leaves_no_file(city: City, tmp_path, parts, code, said):
    """What the purpose does not open is denied, and a template that does not fit its result is told what it has."""
    path = own_template(tmp_path, **parts)
    ended = command_line(city, "report", "fill", path, "--output", str(tmp_path / "x.xlsx"), who=PROFILE)
    assert ended.exit_code == code
    assert said in ended.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["own.yaml"]
