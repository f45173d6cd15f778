"""`gateway policy`: the operator's way from a changed rule to a policy that decides."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from gateway.audit import AUDIT_KEY_NAME, AuditLog
from gateway.decide import EmbeddedPdp
from gateway.decide.signed_bundle import decode_bundle
from gateway.doors.cli.app import make_app
from gateway.model.audit import EntryKind
from tests.opa_binary import REPOSITORY, opa_binary

POLICIES, ENTRIES = REPOSITORY / "policies", REPOSITORY / "catalog" / "entries"
PURPOSE = "grid-inspection"
INPUT: dict[str, Any] = json.loads(
    """{
  "requester": {"subject": "s", "office": "310101002", "office_kind": "street", "division_code": "310101002",
                "roles": ["clerk"], "clearance": "general-3", "revoked": false},
  "purpose": "grid-inspection", "case": "",
  "context": {"time": 1767225600, "channel": "flight_sql", "case_state": "unchecked", "purpose_revoked": false,
    "emergencies": [], "stops": [], "usage": {"rows": 0, "lookups": 0},
    "agreements": [{"id": "a-1", "controller": "public_security", "recipient": "310101", "office": "",
      "datasets": ["population.resident"], "columns": [], "purposes": ["grid-inspection"],
      "valid_from": 1767225600, "valid_until": 1767229200}]},
  "query": {"aggregate_only": false, "unknown_names": [], "datasets": [
    {"name": "population.resident", "lookup_values": {}, "consents": 0, "columns": [
      {"name": "phone", "uses": ["selected"]}]}]}
}"""
)


def gateway(*arguments: str | Path) -> Result:
    """Run the command line in this process, in English."""
    return CliRunner().invoke(make_app(), ["policy", *map(str, arguments), "--language", "en"], env={"COLUMNS": "300"})


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A copy of the policies that a test may change."""
    return Path(shutil.copytree(POLICIES, tmp_path / "policies", ignore=shutil.ignore_patterns("__pycache__")))


def write_scenario(policies: Path, *, allow: bool) -> None:
    (policies / "scenarios").mkdir(exist_ok=True)
    for path in (policies / "scenarios").iterdir():
        path.unlink()
    case = {"sentence": "A street inspects its grid.", "expect": {"allow": allow, "codes": []}}
    content = yaml.safe_dump({"input": INPUT, "cases": [case]}, allow_unicode=True)
    (policies / "scenarios" / "grid.yaml").write_text(content, "utf-8")


@pytest.fixture
def without_opa(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPA_BINARY", "PATH", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))


# test


@pytest.mark.opa
def test_the_policies_of_the_distribution_pass() -> None:
    """OPA's checks, full coverage, and every scenario file through both engines."""
    opa_binary()
    result = gateway("test")
    assert result.exit_code == 0, result.output
    assert "✓ opa test, coverage 100 %" in result.stdout
    assert "✗" not in result.stdout


@pytest.mark.opa
def test_a_scenario_goes_through_both_engines(policies: Path) -> None:
    """A line for each file; what fails shows the sentence, what was expected and what came, for each engine."""
    opa_binary()
    write_scenario(policies, allow=True)
    result = gateway("test", "--policies", policies)
    assert result.exit_code == 0, result.output
    assert "✓ scenarios/grid.yaml: 1 cases (embedded + OPA)" in result.stdout
    write_scenario(policies, allow=False)
    result = gateway("test", "--policies", policies)
    assert result.exit_code == 1
    for engine in ("embedded", "OPA"):
        assert f'{engine} · A street inspects its grid. · allow: false ≠ "True"' in result.stdout


@pytest.mark.opa
@pytest.mark.parametrize(
    ("added", "failed"),
    [
        ("package   sharing.extra\n", "✗ opa fmt"),
        ("package sharing.extra\n\nx if input.requester.clearence == 1\n", "✗ opa check --strict"),
        ("package sharing.extra\n\ntest_x if false\n", "✗ opa test"),
        ("package sharing.extra\n\nx := 1\n", "✗ opa test, coverage 9"),
    ],
)
def test_each_check_of_opa_can_fail(policies: Path, added: str, failed: str) -> None:
    """Format, schema, tests and coverage: one extra file that fails one of them fails the command."""
    opa_binary()
    write_scenario(policies, allow=True)
    (policies / "sharing" / "extra_test.rego").write_text(added)
    if "coverage" in failed:
        (policies / "sharing" / "extra_test.rego").rename(policies / "sharing" / "extra.rego")
    result = gateway("test", "--policies", policies)
    assert result.exit_code == 1
    assert failed in result.stdout


@pytest.mark.usefixtures("without_opa")
def test_without_opa_the_rest_is_tested_and_the_gap_is_shown(policies: Path) -> None:
    """No binary is no failure, and nobody can take it for a success."""
    write_scenario(policies, allow=True)
    result = gateway("test", "--policies", policies)
    assert result.exit_code == 0, result.output
    assert "– skipped OPA's checks and OPA as an engine" in result.stdout
    assert "✓ scenarios/grid.yaml: 1 cases (embedded)" in result.stdout
    write_scenario(policies, allow=False)
    assert gateway("test", "--policies", policies).exit_code == 1


@pytest.mark.usefixtures("without_opa")
def test_a_directory_without_policies_is_a_mistake(tmp_path: Path) -> None:
    """Nothing tested is not passed."""
    (tmp_path / "empty").mkdir()
    assert gateway("test", "--policies", tmp_path / "empty").exit_code == 4


# build


@pytest.fixture
def key(tmp_path: Path) -> tuple[ec.EllipticCurvePrivateKey, Path]:
    private, path = ec.generate_private_key(ec.SECP256R1()), tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return private, path


def test_a_bundle_is_built_signed_and_numbered(tmp_path: Path, key: tuple[ec.EllipticCurvePrivateKey, Path]) -> None:
    """The command prints the revision; the file is verified with the public key."""
    output = tmp_path / "bundle.tar.gz"
    result = gateway("build", "--output", output, "--signing-key", key[1], "--sequence", "7")
    assert result.exit_code == 0, result.output
    signed = decode_bundle(output.read_bytes(), key=key[0].public_key())
    assert (signed.bundle.revision, signed.sequence) == (result.stdout.strip(), 7)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_policies_that_do_not_compile_are_not_built(
    tmp_path: Path, policies: Path, key: tuple[ec.EllipticCurvePrivateKey, Path]
) -> None:
    """A broken policy gets no signature."""
    (policies / "sharing" / "broken.rego").write_text("package sharing.broken\n\nx := {\n")
    output = tmp_path / "bundle.tar.gz"
    arguments = ("--policies", policies, "--output", output, "--signing-key", key[1], "--sequence", "1")
    result = gateway("build", *arguments)
    assert result.exit_code == 4
    assert "do not compile" in result.stderr
    assert not output.exists()


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    """OPA cannot verify Ed25519."""
    path = tmp_path / "key.pem"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    result = gateway("build", "--output", tmp_path / "b", "--signing-key", path, "--sequence", "1")
    assert (result.exit_code, "P-256" in result.stderr) == (4, True)


# diff


@pytest.fixture
def log(tmp_path: Path, embedded: EmbeddedPdp) -> Path:
    """A log with a decision that allowed, one that denied, and one of an older gateway."""
    directory = tmp_path / "audit"
    answer: Any = embedded.evaluate(INPUT, deadline_seconds=100).answer
    assert answer["allow"] is True, answer["denials"]
    decided = answer["datasets"]["population.resident"]
    columns = [{"name": name, "uses": ["selected"], **t} for name, t in decided["columns"].items()]
    allowed = {
        "policy_input": INPUT,
        "datasets": [{"name": "population.resident", "columns": columns, "row_filter": decided["row_filter"]}],
        "obligations": answer["obligations"],
        "people_min": answer["people_min"],
    }
    low: dict[str, Any] = {**INPUT, "requester": {**INPUT["requester"], "clearance": "general-1"}}
    answer = embedded.evaluate(low, deadline_seconds=100).answer
    denied = {"policy_input": low, "denials": answer["denials"], "datasets": [{"name": "population.resident"}]}
    older = {**allowed, "policy_input": {name: INPUT[name] for name in ("requester", "purpose")}}
    with AuditLog.open(
        directory,
        signing_key=Ed25519PrivateKey.generate(),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: 1_767_225_600_000_000,
        new_entry_id=lambda: str(uuid.uuid4()),
    ) as opened:
        opened.append_many([(EntryKind.INTENT, allowed), (EntryKind.DENIAL, denied), (EntryKind.INTENT, older)])
    return directory


def with_changed_purpose(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Return a copy of the catalogue with one purpose changed."""
    entries = Path(shutil.copytree(ENTRIES, tmp_path / "entries"))
    path = entries / "purposes" / f"{PURPOSE}.yaml"
    purpose = yaml.safe_load(path.read_text("utf-8"))
    change(purpose)
    path.write_text(yaml.safe_dump(purpose, allow_unicode=True), "utf-8")
    return entries


def test_the_same_policies_change_nothing(log: Path) -> None:
    """Exit 0; what cannot be compared is said, not dropped."""
    result = gateway("diff", POLICIES, "--log", log)
    assert result.exit_code == 0, result.output
    assert "2 decisions compared, 0 would change, 1 not comparable" in result.stderr


def test_a_stricter_catalogue_shows_whom_it_hits(log: Path, tmp_path: Path) -> None:
    """Exit 1 with office, purpose, dataset and entry: here retention changes, and a role is no longer entitled."""

    def shorter(purpose: dict[str, Any]) -> None:
        purpose["obligations"]["retention_days"] = 7

    entries = with_changed_purpose(tmp_path, shorter)
    result = gateway("diff", POLICIES, "--log", log, "--catalogue", entries)
    assert result.exit_code == 1, result.output
    assert "1 would change" in result.stderr
    shown = "".join(result.stdout.split())
    for part in ("obligations", "310101002", PURPOSE, "retention_days:30→7"):
        assert part in shown
    shutil.rmtree(entries)
    entries = with_changed_purpose(tmp_path, lambda purpose: purpose.update(roles=["analyst"]))
    result = gateway("diff", POLICIES, "--log", log, "--catalogue", entries)
    assert result.exit_code == 1, result.output
    shown = "".join(result.stdout.split())
    assert "nowdenied" in shown
    assert "→ROLE_NOT_ENTITLED" in shown
    assert "otherreasons" in shown


def test_a_bound_in_time_leaves_out_older_entries(log: Path) -> None:
    """`--since` after the last entry compares nothing."""
    result = gateway("diff", POLICIES, "--log", log, "--since", "2030-01-01")
    assert (result.exit_code, "0 decisions compared" in result.stderr) == (0, True)
