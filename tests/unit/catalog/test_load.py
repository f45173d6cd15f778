from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from catalog.load import CatalogueInvalid, load_catalogue

Edit = Callable[[str, str, str], None]
Problems = Callable[[], tuple[str, ...]]


def test_all_problems_at_once(edit: Edit, problems: Problems) -> None:
    """Every problem of every file is reported in one go, sorted."""
    edit("datasets/health.health_code.yaml", "controller: health", "controller: hospital")
    edit("purposes/grid-inspection.yaml", "jurisdiction: residence", "jurisdiction: birthplace")
    edit("grades.yaml", "pseudonym: general-1", "pseudonym: general-0")
    assert problems() == (
        "datasets/health.health_code.yaml: controller: department 'hospital' does not exist",
        "grades.yaml: grade_of_treated.pseudonym: grade 'general-0' does not exist",
        "purposes/grid-inspection.yaml: datasets.0.jurisdiction: "
        "Input should be 'residence', 'registration', 'premises' or 'anywhere'",
    )


def test_message_lists_the_problems(edit: Edit, root: Path) -> None:
    """The text of the error is its problems, one a line."""
    edit("datasets/health.health_code.yaml", "controller: health", "controller: hospital")
    with pytest.raises(CatalogueInvalid) as raised:
        load_catalogue(root)
    assert str(raised.value) == "\n".join(raised.value.problems)


def test_unknown_key(edit: Edit, problems: Problems) -> None:
    """A key the catalogue does not know is a problem, so a misspelt restriction is never ignored."""
    edit("purposes/epidemic-control.yaml", "emergency_required: true", "emergency_needed: true")
    assert problems() == ("purposes/epidemic-control.yaml: emergency_needed: Extra inputs are not permitted",)


def test_missing_key(edit: Edit, problems: Problems) -> None:
    """A required key that is missing is a problem."""
    edit("datasets/health.health_code.yaml", "update_cycle: real_time\n", "")
    assert problems() == ("datasets/health.health_code.yaml: update_cycle: Field required",)


def test_repeated_key(edit: Edit, problems: Problems) -> None:
    """A repeated key is a problem, also deep inside, instead of the last one winning."""
    edit("purposes/venue-verification.yaml", "colour: {action: clear}", "colour: {action: clear, action: deny}")
    (problem,) = problems()
    assert problem.startswith("purposes/venue-verification.yaml: line ")
    assert problem.endswith(": key 'action' is repeated")


def test_broken_yaml(edit: Edit, problems: Problems) -> None:
    """A file that is no YAML is named with its line."""
    edit("departments.yaml", "- id: housing", "- id: [housing")
    (problem,) = [problem for problem in problems() if problem.startswith("departments.yaml")]
    assert problem.startswith("departments.yaml: line ")


def test_impossible_date(edit: Edit, problems: Problems) -> None:
    """A day that does not exist is a problem of its file."""
    edit("purposes/grid-inspection.yaml", "active_from: 2022-05-24", "active_from: 2022-13-41")
    (problem,) = problems()
    assert problem.startswith("purposes/grid-inspection.yaml: ")


def test_unsafe_yaml(edit: Edit, problems: Problems) -> None:
    """YAML tags that would build Python objects are refused."""
    edit("departments.yaml", "contact: data@housing.example", "contact: !!python/object/apply:os.getcwd []")
    (problem,) = problems()
    assert problem.startswith("departments.yaml: line ")
    assert "could not determine a constructor" in problem


def test_no_text(root: Path, problems: Problems) -> None:
    """A file that is not UTF-8 is a problem, not a crash."""
    (root / "offices.yaml").write_bytes(b"\xff\xfe")
    assert problems() == ("offices.yaml: file: cannot be read (UnicodeDecodeError)",)


def test_empty_file(root: Path, problems: Problems) -> None:
    """An empty file is a problem."""
    (root / "purposes/grid-inspection.yaml").write_text("")
    assert problems() == (
        "purposes/grid-inspection.yaml: entry: Input should be a valid dictionary or instance of Purpose",
    )


def test_missing_files(root: Path, problems: Problems) -> None:
    """Each missing file is a problem."""
    (root / "grades.yaml").unlink()
    (root / "divisions.csv").unlink()
    found = problems()
    assert "grades.yaml: file: is missing" in found
    assert "divisions.csv: file: is missing" in found


def test_missing_folder(tmp_path: Path) -> None:
    """A folder without entries says so for each part."""
    with pytest.raises(CatalogueInvalid) as raised:
        load_catalogue(tmp_path)
    assert raised.value.problems == (
        "combinations.yaml: file: is missing",
        "datasets: file: is missing",
        "deadlines.yaml: file: is missing",
        "departments.yaml: file: is missing",
        "division_changes.csv: file: is missing",
        "division_titles_en.csv: file: is missing",
        "divisions.csv: file: is missing",
        "grades.yaml: file: is missing",
        "negative_list.yaml: file: is missing",
        "offices.yaml: file: is missing",
        "purposes: file: is missing",
    )


def test_stray_file(root: Path, problems: Problems) -> None:
    """A file that would silently not count is a problem."""
    (root / "purposes/grid-inspection.yaml").rename(root / "purposes/grid-inspection.yml")
    assert problems() == ("purposes/grid-inspection.yml: file: only .yaml files belong here",)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            "310101002,南京东路街道,310101,street",
            "310101002,南京东路街道,310104,street",
            "'310104' is not the parent of",
        ),
        ("310101002,南京东路街道,310101,street", "310101002,南京东路街道,310101,district", "is no code of a district"),
        ("310101013,外滩街道,310101,street", "310101002,外滩街道,310101,street", "'310101002' is repeated"),
        ("310101013,外滩街道,310101,street", "310101013,,310101,street", "'310101013' has no name"),
        ("310101013,外滩街道,310101,street", "31010１013,外滩街道,310101,street", "is no code of a street"),
        ("310101013,外滩街道,310101,street", "310101013,外滩街道,310101", "needs 4 fields"),
        ("code,name,parent_code,kind", "code,name,kind,parent_code", "the columns must be code,name,parent_code,kind"),
    ],
)
def test_division_rows(edit: Edit, problems: Problems, old: str, new: str, what: str) -> None:
    """A division row that is malformed, repeated or hangs under the wrong parent is named with its line."""
    edit("divisions.csv", old, new)
    assert any(problem.startswith("divisions.csv: line ") and what in problem for problem in problems())


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ("310103,310101,2011-13-08,x", "line 2: '2011-13-08' is no day"),
        ("310103,310102,2011-06-08,x", "line 2: '310102' is no division that can follow '310103'"),
        ("310103,310101002,2011-06-08,x", "line 2: '310101002' is no division that can follow '310103'"),
        ("310104,310101,2011-06-08,x", "line 2: '310104' is still a division"),
        ("32,31,2011-06-08,x", "line 2: '32' is no code of a district or street"),
        ("31010x,310101,2011-06-08,x", "line 2: '31010x' is no code of a district or street"),
        ("310108,310101,2011-06-08,x", "line 3: '310108' is repeated"),
        ("310103,310101,2011-06-08,", "line 2: '310103' has no source"),
        ("310103,310101,2011-06-08", "line 2: needs 4 fields"),
    ],
)
def test_division_change_rows(root: Path, problems: Problems, new: str, problem: str) -> None:
    """A change of divisions that names a living division as the old one, or is malformed, is named with its line."""
    path = root / "division_changes.csv"
    header, _, *rows = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([header, new, *rows]) + "\n", "utf-8")
    assert problems() == (f"division_changes.csv: {problem}",)


def test_division_without_english_title(edit: Edit, problems: Problems) -> None:
    """An office without an English title is a problem, and so is a title without a division."""
    edit("division_titles_en.csv", "310101002,", "310101999,")
    assert problems() == (
        "division_titles_en.csv: 310101002: has no English title",
        "division_titles_en.csv: 310101999: is no division above the committees",
    )


def test_revision_ignores_formatting(root: Path) -> None:
    """Comments, key order, quoting and the order of lists without meaning do not change the revision."""
    before = load_catalogue(root).revision
    for path in root.rglob("*.yaml"):
        content = yaml.safe_load(path.read_text("utf-8"))
        if path.name in ("combinations.yaml", "departments.yaml", "offices.yaml"):
            content.reverse()
        if path.parent.name == "purposes":
            content["office_kinds"].reverse()
            content["roles"].reverse()
        text = yaml.safe_dump(content, sort_keys=True, default_flow_style=True, width=60)
        path.write_text(f"# rewritten\n{text}", "utf-8")
    assert load_catalogue(root).revision == before


def test_revision_ignores_row_order(root: Path) -> None:
    """The order of the rows of divisions and their changes does not change the revision."""
    before = load_catalogue(root).revision
    for path in (root / "divisions.csv", root / "division_changes.csv"):
        header, *rows = path.read_text("utf-8").splitlines()
        path.write_text("\n".join([header, *reversed(rows)]) + "\n", "utf-8")
    assert load_catalogue(root).revision == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("departments.yaml", "data@housing.example", "data2@housing.example"),
        ("offices.yaml", "审计办公室", "审计处"),
        ("grades.yaml", "partial: general-2", "partial: general-1"),
        ("divisions.csv", "南京东路街道", "南京路街道"),
        ("division_titles_en.csv", "Nanjing East Road", "Nanjing Road"),
        ("datasets/housing.lease.yaml", "grade: general-1", "grade: general-2"),
        ("grades.yaml", "console: general-4", "console: general-3"),
        ("combinations.yaml", "identifiers: [phone]", "identifiers: [phone, person_name]"),
        ("combinations.yaml", "- categories: [financial]", "- categories: [financial, property]"),
        ("division_changes.csv", "2011-06-08", "2011-06-09"),
        ("division_changes.csv", "310103,310101", "310103,310104"),
        ("datasets/health.health_code.yaml", "emergency_only: true\n", ""),
        ("datasets/population.household.yaml", "high: 10", "high: 9"),
        ("datasets/legal_entity.enterprise.yaml", "300, 1000]", "300, 999]"),
        ("purposes/epidemic-control.yaml", "[health-with-whereabouts]", "[]"),
        ("purposes/grid-inspection.yaml", "rows_per_day_max: 50000", "rows_per_day_max: 50001"),
        ("purposes/grid-inspection.yaml", "roles: [clerk]", "roles: [clerk]\nemergency_required: true"),
        ("purposes/epidemic-control.yaml", "active_from: 2022-05-24", "active_from: 2022-05-25"),
        ("purposes/grid-inspection.yaml", "office_kinds: [street]", "office_kinds: [street, district]"),
    ],
)
def test_revision_follows_content(root: Path, edit: Edit, file: str, old: str, new: str) -> None:
    """Any change of content changes the revision."""
    before = load_catalogue(root).revision
    edit(file, old, new)
    after = load_catalogue(root).revision
    assert after != before
    assert len(after) == 16
    assert int(after, 16) >= 0
