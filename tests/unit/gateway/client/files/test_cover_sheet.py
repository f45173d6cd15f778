"""The page that says what a file is."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from catalog.dataset import Text
from gateway.client.files.cover_sheet import cover_lines
from gateway.client.files.formats import COVER_SHEET, write_result
from tests.fakes.arriving import RECEIPT, TERMS, ArrivedTable, with_terms
from tests.unit.gateway.client.files.test_cells import FORMULAS
from tests.unit.gateway.client.files.test_formats import TABLE


def lines(receipt: dict[str, object] = RECEIPT, **changed: str) -> dict[str, list[str]]:
    """Return the values of the page by English label."""
    found: dict[str, list[str]] = {}
    terms = TERMS | {f"sharing.{name}": value for name, value in changed.items()}
    for label, value in cover_lines(terms, receipt=receipt, rows=1_234):
        found.setdefault(label.en, []).append(value)
    return found


def test_the_page_says_all_that_a_keeper_of_the_file_must_know() -> None:
    """Purpose, basis, recipient, source and time, treatment, rows, expiry, obligations and every number to ask by."""
    assert lines() == {
        "purpose": ["高龄老人走访 / Visits to the elderly (elderly-care-visits)"],
        "legal basis": ["《老年人权益保障法》第十五条 / Elderly Law, article 15"],
        "recipient": ["南京东路街道 / Nanjing East Road (310101002)"],
        "source, as of": [
            "实有人口（市公安局）截至 2027-01-15 16:00（已逾更新周期）"
            " / Residents (Public Security) as of 2027-01-15 16:00 (later than promised); population.resident"
        ],
        "treatment": [
            "population.resident.name: 只保留姓氏 / surname only",
            "population.resident: 仅本街道的行 / only rows of the street",
        ],
        "rows": ["1,234"],
        "keep until": ["2030-03-18 01:46，到期销毁 / 2030-03-18 01:46, then destroy it"],
        "obligations": [
            "销毁后在控制台“登记销毁”页凭审计编号登记"
            " / when it is destroyed, record that in the console by the audit entry (Record a destruction)",
            "仅限本单位履职使用，不得转给其他单位或个人 / for the recipient's own duty; not to be passed on",
            "最高安全级别：一般数据3级 / highest grade: General data, level 3",
            "共享协议 a-1 / agreements a-1",
        ],
        "audit entry": ["entry-1"],
        "receipt": ["receipt-1"],
        "decision": ["decision-1"],
        "policy revision": ["revision-1"],
    }


def test_what_is_missing_or_urgent_is_said() -> None:
    """A dataset that did not come, a time nobody knows, a case, and an emergency that ends the keeping at once."""
    facts = {"as_of": 0, "late": False, "missing": True}
    assert lines({**RECEIPT, "datasets": {"population.resident": facts}})["source, as of"] == [
        "实有人口（市公安局）：缺少 / Residents (Public Security): missing; population.resident"
    ]
    unknown = lines({**RECEIPT, "datasets": {"population.resident": facts | {"missing": False}}})["source, as of"]
    assert "as of when is not known" in unknown[0]
    assert lines(case="2026-街-17")["case"] == ["2026-街-17"]
    obligations = json.loads(TERMS["sharing.obligations"]) | {"emergency": "outbreak-1", "onward_sharing": True}
    urgent = lines(obligations=json.dumps(obligations))
    assert "at once when the emergency 'outbreak-1' ends" in urgent["keep until"][0]
    assert "may be passed on as agreed" in urgent["obligations"][1]


@pytest.mark.parametrize("text", FORMULAS)
def test_nothing_on_the_page_is_run(tmp_path: Path, text: str) -> None:
    """A case number or title that begins like a formula is text on the cover too; twin: the cell holds what was given."""
    write_result(ArrivedTable(table=with_terms(TABLE, case=text)), path=tmp_path / "r.xlsx")
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "r.xlsx")[COVER_SHEET].iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    assert "'" + text.replace("\r", "\n") in [str(cell.value).replace("_x000D_", "\n") for cell in cells]


def test_labels_are_in_both_languages(tmp_path: Path) -> None:
    """Whoever finds the file reads it; a label stands once for all its lines."""
    write_result(ArrivedTable(table=with_terms(TABLE)), path=tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")[COVER_SHEET]
    labels = [cell.value for cell in sheet["A"] if cell.value]
    told = dict.fromkeys(
        f"{label.zh} / {label.en}"
        for label, _ in cover_lines(TERMS, receipt=RECEIPT, rows=3)
        if isinstance(label, Text)
    )
    assert labels == list(told)
