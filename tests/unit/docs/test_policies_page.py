"""docs/policies.md says what catalogue, masks and Rego say."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.purpose import Purpose
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, ColumnUse, Mask, OfficeKind, Role
from connectors.sdk.masks import treat
from gateway.decide import EmbeddedPdp, load_bundle, load_verification_key
from gateway.decide.signed_bundle import decode_bundle
from gateway.doors.cli.app import make_app
from gateway.settings import PolicySettings
from tests.unit.docs.pages import ROOT, blocks, code, read, section, table
from tests.unit.docs.rule_tables import metadata, promise_rows, rule_rows, rules

PAGE = read("policies.md")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def pdp(catalogue: Catalogue) -> Iterator[EmbeddedPdp]:
    engine = EmbeddedPdp(load_bundle(catalogue=catalogue))
    yield engine
    engine.close()


def needs(purpose: Purpose) -> str:
    found = ["consent"] if purpose.consent_required else []
    found += ["case number"] if purpose.case_required else []
    found += ["emergency"] if purpose.emergency_required else []
    found += [f"statistics of ≥ {purpose.people_min} people"] if purpose.aggregate_only else []
    keys = [need.lookup_values_max for need in purpose.datasets]
    found += [f"look-up of ≤ {max(keys)} keys"] if all(keys) else []
    return ", ".join(found) or "—"


def daily(purpose: Purpose) -> str:
    keys = purpose.quota.lookups_per_day_max
    return f"{purpose.quota.rows_per_day_max:,} rows" + ("" if keys is None else f", {keys:,} keys")


def test_purposes_are_those_of_the_catalogue(catalogue):
    """Title, ground, offices, roles, needs, obligations and quota of every purpose."""
    expected = [
        [
            f"`{purpose.id}`",
            purpose.title.en,
            str(purpose.lawful_ground.item),
            ", ".join(
                kind for kind in ("street", "district", "city", "audit") if OfficeKind(kind) in purpose.office_kinds
            ),
            ", ".join(role for role in ("clerk", "analyst", "auditor") if Role(role) in purpose.roles),
            needs(purpose),
            f"{purpose.obligations.rows_max:,}, {purpose.obligations.retention_days}",
            daily(purpose),
        ]
        for _, purpose in sorted(catalogue.purposes.items())
    ]
    assert table(section(PAGE, "Purposes")) == expected


def test_combinations_are_those_of_the_catalogue(catalogue):
    """Members, articles and the permitted purposes of every combination."""
    expected = [
        [
            f"`{combination.id}`",
            " + ".join(sorted(" or ".join(sorted(m.categories | m.identifiers)) for m in combination.members)),
            "; ".join(basis.citation.en for basis in combination.legal_basis),
            ", ".join(
                f"`{id_}`"
                for id_, purpose in sorted(catalogue.purposes.items())
                if combination.id in purpose.permitted_combinations
            )
            or "—",
        ]
        for _, combination in sorted(catalogue.combinations.items())
    ]
    assert table(section(PAGE, "Combinations")) == expected


def test_channel_ceilings_are_those_of_the_catalogue(catalogue):
    """The sentence on channels names each with its grade."""
    said = re.search(r"through which it leaves: (.*?)\.", section(PAGE, "Grades and clearance"), re.DOTALL)[1]
    stated = {channel: part.split()[-1] for part in said.split(", ") for channel in code(part)}
    assert stated == catalogue.grades.channel_ceilings


def test_emergency_datasets_are_those_of_the_catalogue(catalogue):
    """The page names the datasets that only an emergency opens."""
    only = {name for name, dataset in catalogue.datasets.items() if dataset.emergency_only}
    said = re.search(r"(.*) is `emergency_only`", section(PAGE, "Purposes"))[1]
    assert set(code(said)) == only


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


def test_masks_do_what_the_page_shows(catalogue):
    """Every mask stands in the table, and each example is what the mask makes of the value."""
    rows = [[code(cell)[0] for cell in row] for row in table("| mask" + section(PAGE, "Treatments").split("| mask")[1])]
    employees = catalogue.datasets["legal_entity.enterprise"].column("employees")
    assert f"{', '.join(map(str, employees.buckets))}\nemployees" in section(PAGE, "Treatments")
    assert {row[0] for row in rows} == {str(mask) for mask in Mask}
    for mask, action, value, becomes in rows:
        assert Mask(mask) in MASKS_OF_ACTION[ColumnAction(action)]
        dates = Mask(mask) in (Mask.DATE_MONTH, Mask.DATE_YEAR, Mask.AGE_BAND)
        parsed = datetime.date.fromisoformat(value) if dates else int(value) if Mask(mask) is Mask.BUCKET else value
        treatment = {"action": ColumnAction(action), "mask": Mask(mask), "buckets": employees.buckets}
        (masked,) = treat(pa.array([parsed]), pseudonym_key=b"", **treatment).to_pylist()
        assert str(masked) == becomes


def test_rules_are_those_of_the_policies():
    """Every rule that a decision needs, with title, description and basis of its METADATA, and the number of its tests."""
    assert table(section(PAGE, "The rules")) == rule_rows()


def test_every_rule_is_tested_in_all_three_ways():
    """The page lists what the tests promise, and no rule lacks tests that allow, deny and take an attribute away."""
    listed = table(section(PAGE, "What the tests of the rules promise"))
    assert listed == promise_rows()
    assert all(all(row) for row in listed)


def test_titles_in_the_message_catalogue_are_those_of_the_rules():
    """What an explanation calls a rule is what its METADATA calls it."""
    messages = json.loads((ROOT / "policies" / "messages" / "data.json").read_text("utf-8"))
    assert {rule: title["en"] for rule, title in messages["title"].items()} == {
        rule: metadata(rule)["title"] for rule in rules()
    }


def test_the_example_is_what_the_policy_answers(pdp):
    """The input of the page gives the answer of the page."""
    found = {info: json.loads(content) for info, content in blocks(PAGE) if info.startswith("json")}
    assert pdp.evaluate(found["json input"], deadline_seconds=100).answer == found["json answer"]


def test_uses_are_all_named():
    """The list of uses is the vocabulary's."""
    listed = re.search(r"Uses of a column: (.*?)\.\n", section(PAGE, "One decision"), re.DOTALL)
    assert set(code(listed[1])) == {str(use) for use in ColumnUse}


def test_the_bundle_of_the_page_is_built(tmp_path, monkeypatch, pdp):
    """The page's commands make a key and a bundle, and the page's settings take them."""
    found = {info: content.strip() for info, content in blocks(PAGE)}
    for command in found["bash key"].splitlines():
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "new").symlink_to(ROOT / "policies")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(make_app(), found["bash build"].split()[1:])
    assert (result.exit_code, result.stdout.strip()) == (0, pdp.revision)
    policy = PolicySettings(**tomllib.loads(found["toml policy"])["policy"])
    key = load_verification_key((tmp_path / policy.bundle_key).read_bytes())
    assert decode_bundle((tmp_path / policy.bundle).read_bytes(), key=key).bundle.revision == pdp.revision


def test_what_is_not_protected_yet_is_still_true(pdp):
    """Purpose hopping: one requester gets the same column under two purposes, as the page says."""
    (asked,) = [json.loads(content) for info, content in blocks(PAGE) if info == "json input"]
    asked["context"]["agreements"][0]["purposes"].append("elderly-care-visits")
    asked["context"]["usage"]["rows"] = 0
    for purpose in ("grid-inspection", "elderly-care-visits"):
        assert pdp.evaluate(asked | {"purpose": purpose}, deadline_seconds=100).answer["allow"] is True
