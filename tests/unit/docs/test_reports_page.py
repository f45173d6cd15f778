"""docs/reports.md says what templates there are and how to write one."""

from __future__ import annotations

import re

from catalog.load import load_catalogue
from gateway.client.reports.model import ParameterKind, SheetColumn, Template, load_template, template_names
from tests.unit.docs.pages import blocks, code, read, section, table

PAGE = read("reports.md")


def test_templates_are_those_that_come_along():
    """Title, purpose and datasets of each template."""
    datasets = load_catalogue().datasets
    (rows,) = [table(part) for part in PAGE.split("\n\n") if part.startswith("| template")]
    expected = [
        [
            f"`{name}`",
            template.title.zh,
            f"`{template.purpose}`",
            " ".join(f"`{dataset}`" for dataset in sorted(datasets) if re.search(rf"\b{dataset}\b", template.sql)),
        ]
        for name in template_names()
        for template in [load_template(name)]
    ]
    assert rows == expected


def test_keys_are_those_of_a_template():
    """Every key of a template, a column and a parameter's kind stands in its table."""
    tables = [table(part) for part in section(PAGE, "A template of your own").split("\n\n") if part.startswith("|")]
    keys, columns, kinds = [{name for row in rows for name in code(row[0])} for rows in tables]
    assert keys == set(Template.model_fields)
    assert columns == set(SheetColumn.model_fields)
    assert kinds == set(ParameterKind)


def test_the_template_of_the_page_is_valid(tmp_path):
    """It can be copied as it stands."""
    (example,) = [content for info, content in blocks(PAGE) if info == "yaml"]
    (tmp_path / "own.yaml").write_text(example, "utf-8")
    assert load_template(str(tmp_path / "own.yaml")).id == "leases-ending"
