"""docs/policies.md says what catalogue, masks and Rego say."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator

import pyarrow as pa
import pytest
import yaml

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.purpose import Purpose
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, ColumnUse, Mask, OfficeKind, Role
from connectors.sdk.masks import treat
from gateway.decide import EmbeddedPdp, load_bundle
from tests.unit.docs.pages import ROOT, blocks, code, read, section, table

PAGE = read("policies.md")
ACCESS = ROOT / "policies" / "sharing" / "access"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def pdp(catalogue: Catalogue) -> Iterator[EmbeddedPdp]:
    engine = EmbeddedPdp(load_bundle(catalogue=catalogue))
    yield engine
    engine.close()


def metadata(rule: str) -> dict[str, object]:
    """Return the METADATA of a rule's package."""
    source = (ACCESS / rule / f"{rule}.rego").read_text("utf-8")
    found = re.match(r"# METADATA\n((?:#.*\n)+)package ", source)
    return yaml.safe_load("\n".join(line[2:] for line in found[1].splitlines()))


def rules() -> set[str]:
    """Return the rules whose facts a decision needs."""
    source = (ACCESS / "access.rego").read_text("utf-8")
    return set(re.findall(r"^\t(\w+)\.established$", source, re.MULTILINE))


def needs(purpose: Purpose) -> str:
    found = ["case number"] if purpose.case_required else []
    found += ["emergency"] if purpose.emergency_required else []
    found += [f"statistics of ≥ {purpose.people_min} people"] if purpose.aggregate_only else []
    keys = [need.lookup_values_max for need in purpose.datasets]
    found += [f"look-up of ≤ {max(keys)} keys"] if all(keys) else []
    return ", ".join(found) or "—"


def test_purposes_are_those_of_the_catalogue(catalogue):
    """Title, offices, roles, needs and obligations of every purpose."""
    expected = [
        [
            f"`{purpose.id}`",
            purpose.title.en,
            ", ".join(kind for kind in ("street", "district", "city") if OfficeKind(kind) in purpose.office_kinds),
            ", ".join(role for role in ("clerk", "analyst") if Role(role) in purpose.roles),
            needs(purpose),
            f"{purpose.obligations.rows_max:,}, {purpose.obligations.retention_days}",
        ]
        for _, purpose in sorted(catalogue.purposes.items())
    ]
    assert table(section(PAGE, "Purposes")) == expected


def test_grades_are_those_of_the_catalogue(catalogue):
    """Id, rank and meaning of every grade, and the grade that a treatment leaves."""
    listed = table(section(PAGE, "Grades and clearance"))
    grades = catalogue.grades
    assert [[row[0], row[1]] for row in listed] == [[f"`{grade.id}`", str(grade.rank)] for grade in grades.grades]
    for row, grade in zip(listed, grades.grades, strict=True):
        assert row[2].lower() == f"{grade.title.en}: {grade.description.en}".lower()
    left = re.search(r"(`null`.*); (`clear`.*?) keep", section(PAGE, "Grades and clearance"), re.DOTALL)
    stated = {
        action: re.search(r"to (\S+)$", part)[1] for part in re.split(r", (?=`)", left[1]) for action in code(part)
    }
    assert stated == {str(action): grade for action, grade in grades.grade_of_treated.items()}


def test_treatments_are_listed_from_strict_to_mild():
    """The order of the table is the order of ranks."""
    listed = [code(row[0])[0] for row in table(section(PAGE, "Treatments").split("\n\n| mask")[0])]
    assert listed == [str(action) for action in sorted(ColumnAction, key=lambda action: -action.rank)]


def test_masks_do_what_the_page_shows():
    """Every mask stands in the table, and each example is what the mask makes of the value."""
    rows = [[code(cell)[0] for cell in row] for row in table("| mask" + section(PAGE, "Treatments").split("| mask")[1])]
    assert {row[0] for row in rows} == {str(mask) for mask in Mask}
    for mask, action, value, becomes in rows:
        assert Mask(mask) in MASKS_OF_ACTION[ColumnAction(action)]
        dates = Mask(mask) in (Mask.DATE_MONTH, Mask.DATE_YEAR)
        values = pa.array([datetime.date.fromisoformat(value) if dates else value])
        (masked,) = treat(values, action=ColumnAction(action), mask=Mask(mask), pseudonym_key=b"").to_pylist()
        assert str(masked) == becomes


def test_rules_are_those_of_the_policies():
    """Every rule that a decision needs, with title, description and basis of its METADATA."""
    listed = table(section(PAGE, "The rules"))
    assert {code(row[0])[0] for row in listed} == rules()
    for row in listed:
        said = metadata(code(row[0])[0])
        assert row[1] == f"{said['title']}. {' '.join(said['description'].split())}"
        assert row[2] == " ".join(said["custom"]["basis"].split())


def test_the_example_is_what_the_policy_answers(pdp):
    """The input of the page gives the answer of the page."""
    found = {info: json.loads(content) for info, content in blocks(PAGE) if info.startswith("json")}
    assert pdp.evaluate(found["json input"], deadline_seconds=10) == found["json answer"]


def test_uses_are_all_named():
    """The list of uses is the vocabulary's."""
    listed = re.search(r"Uses of a column: (.*?)\.\n", section(PAGE, "One decision"), re.DOTALL)
    assert set(code(listed[1])) == {str(use) for use in ColumnUse}


def test_the_bundle_of_the_page_is_written(tmp_path, monkeypatch, capsys, pdp):
    """The snippet writes an OPA bundle of the revision that decides."""
    (snippet,) = [content for info, content in blocks(PAGE) if info == "python bundle"]
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    assert (tmp_path / "bundle.tar.gz").stat().st_size > 1_000
    assert capsys.readouterr().out.strip() == pdp.revision


def test_what_is_not_protected_yet_is_still_true(pdp):
    """An emergency would open epidemic control; as nobody can declare one, the page says so."""
    (asked,) = [json.loads(content) for info, content in blocks(PAGE) if info == "json input"]
    dataset = {"name": "health.health_code", "lookup_values": {}, "columns": [{"name": "colour", "uses": ["selected"]}]}
    asked |= {"purpose": "epidemic-control", "query": asked["query"] | {"datasets": [dataset]}}
    answer = pdp.evaluate(asked, deadline_seconds=10)
    assert [denial["code"] for denial in answer["denials"]] == ["EMERGENCY_NOT_DECLARED"]
    now = asked["context"]["time"]
    emergency = {"id": "e", "area": "310101", "starts_at": now - 1, "ends_at": now + 1}
    opened = pdp.evaluate(asked | {"context": asked["context"] | {"emergencies": [emergency]}}, deadline_seconds=10)
    assert opened["allow"] is True
    doors = "".join(path.read_text("utf-8") for path in (ROOT / "gateway" / "doors").glob("*.py"))
    assert "emergencies=" not in doors
