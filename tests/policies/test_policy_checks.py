"""The policies pass OPA's own checks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.opa_binary import REPOSITORY, opa_binary

pytestmark = pytest.mark.opa
POLICIES = "policies"


def opa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([opa_binary(), *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=300)


def test_policies_are_formatted() -> None:
    """`opa fmt` changes nothing."""
    assert opa("fmt", "--list", POLICIES).stdout == ""


def test_policies_pass_the_strict_check_against_the_input_schema() -> None:
    """`opa check --strict` finds nothing, also no reference to a field that the input does not have."""
    checked = opa("check", "--strict", "--schema", f"{POLICIES}/schema/input.json", POLICIES)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_a_field_the_schema_does_not_have_is_found(tmp_path: Path) -> None:
    """The schema is used: a rule with a misspelt field does not pass."""
    path = tmp_path / "misspelt.rego"
    path.write_text("package sharing.misspelt\n\nx if input.requester.clearence == 1\n")
    assert "undefined ref" in opa("check", "--schema", f"{POLICIES}/schema/input.json", str(path)).stderr


def test_every_rule_is_tested() -> None:
    """`opa test` passes and its tests reach every line."""
    tested = opa("test", "--timeout", "120s", "--coverage", "--ignore", "scenarios", POLICIES)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    report = json.loads(tested.stdout)
    assert {name: f["not_covered"] for name, f in report["files"].items() if f.get("not_covered")} == {}
    assert report["coverage"] == 100


def test_a_failing_test_fails() -> None:
    """The run above can fail: with other texts the tests do not pass."""
    assert opa("test", f"{POLICIES}/sharing").returncode != 0
