"""Say on one page what a delivered file is: for what, on which basis, of whom and when, and until when it may be kept."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from rich.cells import cell_len
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from catalog.dataset import Text
from gateway.client.files.cells import xlsx_cell

Terms = Mapping[str, str]
"""Schema metadata of a result, keys `sharing.…`."""
_SHANGHAI = ZoneInfo("Asia/Shanghai")
_WIDTHS = (30, 100)
"""Of the two columns, in characters."""
_LINE_POINTS = 15.0
"""Height of a line: not every spreadsheet makes a row as high as its text."""


def terms_of(schema: pa.Schema) -> dict[str, str]:
    """Return the terms that a result's schema carries."""
    return {
        key.decode(): value.decode() for key, value in (schema.metadata or {}).items() if key.startswith(b"sharing.")
    }


def cover_lines(terms: Terms, *, receipt: Mapping[str, Any], rows: int) -> list[tuple[Text, str]]:
    """Return the page: label and value, in both languages, from top to bottom."""
    about, obligations = json.loads(terms["sharing.about"]), json.loads(terms["sharing.obligations"])
    lines = [
        (Text(zh="目的", en="purpose"), f"{_both(about['purpose'])} ({terms['sharing.purpose']})"),
        *([(Text(zh="事项编号", en="case"), case)] if (case := terms["sharing.case"]) else []),
        *((Text(zh="依据", en="legal basis"), _both(basis)) for basis in about["legal_basis"]),
        (Text(zh="接收单位", en="recipient"), f"{_both(about['recipient'])} ({terms['sharing.recipient']})"),
        *((Text(zh="来源与时点", en="source, as of"), line) for line in _sources(about["datasets"], receipt=receipt)),
        *((Text(zh="处理方式", en="treatment"), line) for line in _treatment(terms)),
        (Text(zh="行数", en="rows"), f"{rows:,}"),
        (Text(zh="保存期限", en="keep until"), _expiry(terms, emergency=obligations["emergency"])),
        *((Text(zh="义务", en="obligations"), line) for line in _duties(obligations, grade=about["grade"])),
        (Text(zh="审计编号", en="audit entry"), terms["sharing.entry"]),
        (Text(zh="回执编号", en="receipt"), str(receipt["receipt"])),
        (Text(zh="决定编号", en="decision"), terms["sharing.decision"]),
        (Text(zh="策略版本", en="policy revision"), terms["sharing.policy_revision"]),
    ]
    return lines


def write_cover(sheet: Worksheet, lines: Sequence[tuple[Text, str]], *, label: Format, value: Format) -> None:
    """Write the page into a sheet, one portrait page wide. Equal labels in a row are written once."""
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    above = None
    for number, (text, said) in enumerate(lines):
        sheet.set_row(number, _LINE_POINTS * math.ceil(cell_len(said) / (_WIDTHS[1] - 2)))
        if text != above:
            sheet.write(number, 0, _joined(text.zh, text.en), label)
        sheet.write(number, 1, xlsx_cell(said), value)
        above = text


def _sources(datasets: Mapping[str, Any], *, receipt: Mapping[str, Any]) -> Iterator[str]:
    for name, dataset in datasets.items():
        title, controller, facts = dataset["title"], dataset["controller"], receipt["datasets"].get(name, {})
        zh, en = f"{title['zh']}（{controller['zh']}）", f"{title['en']} ({controller['en']})"
        if facts.get("missing"):
            yield f"{zh}：缺少 / {en}: missing; {name}"
        elif facts.get("as_of"):
            late = ("（已逾更新周期）", " (later than promised)") if facts["late"] else ("", "")
            at = _time(facts["as_of"])
            yield f"{zh}截至 {at}{late[0]} / {en} as of {at}{late[1]}; {name}"
        else:
            yield f"{zh}：时点不明 / {en}: as of when is not known; {name}"


def _treatment(terms: Terms) -> Iterator[str]:
    """Yield what was cut away, in the words of `gateway explain`; of what came as it is there is no line."""
    told = [f"{cut['dataset']}.{cut['column']}: {_both(cut['text'])}" for cut in json.loads(terms["sharing.cuts"])]
    told += [f"{cut['dataset']}: {_both(cut['text'])}" for cut in json.loads(terms["sharing.rows"])]
    yield from told or [_joined("原样，未作删减", "as it is, nothing was cut away")]


def _expiry(terms: Terms, *, emergency: str | None) -> str:
    until = _time(int(terms["sharing.expires_at"]))
    zh, en = f"{until}，到期销毁", f"{until}, then destroy it"
    if emergency is not None:
        zh, en = f"{zh}；应急状态“{emergency}”终止时立即销毁", f"{en}; at once when the emergency '{emergency}' ends"
    return _joined(zh, en)


def _duties(obligations: Mapping[str, Any], *, grade: Mapping[str, str]) -> Iterator[str]:
    yield _joined(
        "销毁后在控制台“登记销毁”页凭审计编号登记",
        "when it is destroyed, record that in the console by the audit entry (Record a destruction)",
    )
    if obligations["onward_sharing"]:
        yield _joined("可按约定转给其他单位或个人", "may be passed on as agreed")
    else:
        yield _joined("仅限本单位履职使用，不得转给其他单位或个人", "for the recipient's own duty; not to be passed on")
    yield _joined(f"最高安全级别：{grade['zh']}", f"highest grade: {grade['en']}")
    if obligations["agreements"]:
        ids = ", ".join(obligations["agreements"])
        yield _joined(f"共享协议 {ids}", f"agreements {ids}")


def _time(seconds: int) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, _SHANGHAI):%Y-%m-%d %H:%M}"


def _both(text: Mapping[str, str]) -> str:
    return _joined(text["zh"], text["en"])


def _joined(zh: str, en: str) -> str:
    return f"{zh} / {en}"
