"""Templates that come with the client, and those of one's own."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import yaml

from catalog.dataset import Text
from catalog.load import load_catalogue
from gateway.client.reports.codes import Codes
from gateway.client.reports.model import (
    DIVISIONS,
    Parameter,
    ParameterKind,
    ReportInvalid,
    load_template,
    template_names,
    with_values,
)

TITLE = {"zh": "题", "en": "title"}
ROAD, SQUARE = "310101002001", "310101002002"
GOOD: dict[str, Any] = {
    "id": "own",
    "title": TITLE,
    "description": TITLE,
    "purpose": "grid-inspection",
    "parameters": {"age": {"kind": "age", "title": TITLE, "default": "60"}},
    "sql": "SELECT name FROM population.resident WHERE name <> '?' AND birth_date <= ? -- what?",
    "bind": ["age"],
    "columns": [{"column": "name", "heading": TITLE, "width": 9}],
}


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


@pytest.fixture
def own(tmp_path):
    """Write a template with some parts replaced, and return its path."""

    def write(**parts: Any) -> str:
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump(GOOD | parts, allow_unicode=True), "utf-8")
        return str(path)

    return write


@pytest.mark.parametrize("name", template_names())
def test_templates_keep_to_the_catalogue(catalogue, name):
    """Purpose, code lists and the street's right to declare the purpose are as the catalogue has them."""
    template = load_template(name)
    assert template.id == name
    assert "street" in catalogue.purposes[template.purpose].office_kinds
    for column in template.filled:
        if column.words not in ("", DIVISIONS):
            dataset, _, coded = column.words.rpartition(".")
            assert catalogue.datasets[dataset].column(coded).codes
    assert any(column.ask for column in template.columns)


def test_a_template_of_ones_own_is_read_by_its_path(own):
    """A question mark in a text or remark is no value."""
    assert load_template(own()).bind == ("age",)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"purpose": 1}, "purpose: "),
        ({"surprise": 1}, "surprise: "),
        ({"columns": []}, "columns: "),
        ({"bind": ["years"]}, "'bind' names 'years'"),
        ({"bind": []}, "'bind' does not name parameter 'age'"),
        ({"bind": ["age", "age"]}, "'sql' has 1 '?', 'bind' has 2"),
        ({"parameters": {"age": GOOD["parameters"]["age"] | {"default": "old"}}}, "parameters.age: "),
        ({"columns": [{"heading": TITLE, "width": 9}]}, "columns.0: "),
        ({"columns": [{"heading": TITLE, "width": 9, "ask": TITLE, "total": True}]}, "need 'column'"),
        ({"columns": [{"heading": TITLE, "width": 9, "column": "name", "words": "sex"}]}, "schema.table.column"),
        ({"columns": [{"heading": TITLE, "width": 9, "column": "name", "choices": [TITLE]}]}, "need 'ask'"),
        (
            {"columns": [{"heading": TITLE, "width": 9, "ask": TITLE, "choices": [{"zh": "a,b", "en": "a"}]}]},
            "no comma",
        ),
        ({"columns": [{"heading": TITLE, "width": 9, "ask": {"zh": "长" * 251, "en": "a"}}]}, "at most 250"),
        ({"group": {"heading": TITLE, "width": 9, "ask": TITLE}}, "'group' needs 'column'"),
    ],
)
def test_a_bad_template_is_told_where_and_what(own, parts, said):
    """The error names the file, the place and the mistake, in both languages with what to do."""
    path = own(**parts)
    with pytest.raises(ReportInvalid) as refused:
        load_template(path)
    text = refused.value.text
    assert said in text.zh
    assert said in text.en
    assert path in text.zh
    assert "docs/reports.md" in text.en


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.system ['true']", b"[]"])
def test_what_is_no_template_is_refused(tmp_path, content):
    """Neither broken YAML nor YAML that would run something is read."""
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(ReportInvalid):
        load_template(str(path))


def test_a_template_that_is_not_there_is_told_of_with_those_that_are():
    """Whoever mistypes a name learns the names."""
    with pytest.raises(ReportInvalid) as refused:
        load_template("elderly")
    assert "elderly-living-alone" in refused.value.text.zh


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("integer", "12", 12),
        ("date", "2026-02-28", datetime.date(2026, 2, 28)),
        ("age", "60", datetime.date(1968, 2, 29)),
        ("age", "1", datetime.date(2027, 2, 28)),
        ("text", "H62", "H62"),
    ],
)
def test_what_is_typed_becomes_a_value_of_its_kind(kind, typed, value):
    """An age is the latest day of birth of somebody who is that old, also on 29 February."""
    parameter = Parameter(
        kind=ParameterKind(kind), title=Text(**TITLE), default="0" if kind != "date" else "2026-01-01"
    )
    assert parameter.read(typed, today=datetime.date(2028, 2, 29)) == value


@pytest.mark.parametrize(
    ("kind", "typed"), [("integer", "1.5"), ("date", "28.2.2026"), ("age", "-1"), ("age", "131"), ("text", "H6; --")]
)
def test_what_is_mistyped_is_refused(kind, typed):
    """Nothing is guessed."""
    default = {"date": "2026-01-01", "text": "H"}.get(kind, "0")
    parameter = Parameter(kind=ParameterKind(kind), title=Text(**TITLE), default=default, pattern="[A-T][0-9]{0,2}")
    with pytest.raises(ValueError):  # noqa: PT011 - of several parts of Python
        parameter.read(typed, today=datetime.date(2026, 1, 1))


@pytest.mark.parametrize("typed", [ROAD, "云南中路居委会", "云南"])
def test_a_division_is_found_by_code_or_name(typed):
    """A clerk need not know twelve digits."""
    titles = {ROAD: Text(zh="云南中路居委会", en="x"), SQUARE: Text(zh="人民路居委会", en="y")}
    codes = Codes(office=Text(**TITLE), lists={DIVISIONS: titles})
    assert codes.division(typed) == ROAD
    for unclear in ("居委会", "310107014001"):
        with pytest.raises(ReportInvalid, match=ROAD):
            codes.division(unclear)


def test_values_are_written_into_a_statement() -> None:
    """Each `?` becomes a literal that no text ends early; a `?` in a text, a name or a comment is none."""
    sql = "SELECT '?', \"?\" -- ? why\n FROM t WHERE a = ? AND b <= ? AND c > ?"
    written = with_values(sql, ("O'Brien' OR 1=1 --", datetime.date(1944, 2, 29), -5))
    assert written == (
        "SELECT '?', \"?\" -- ? why\n FROM t WHERE a = 'O''Brien'' OR 1=1 --' AND b <= DATE '1944-02-29' AND c > (-5)"
    )
