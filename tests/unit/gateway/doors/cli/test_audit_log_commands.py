"""`gateway audit verify` and `retire` on the host."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.sdk.tlog import VerificationKey, list_segments
from gateway.audit import AUDIT_KEY_NAME, AuditLog
from gateway.doors.cli import audit_retire_commands
from gateway.doors.cli.app import make_app
from gateway.doors.cli.keys import signing_key
from gateway.doors.cli.show import EXIT_INVALID
from gateway.model.audit import EntryKind
from gateway.settings import Settings

FOUR_YEARS_MICROS = 4 * 366 * 86_400 * 1_000_000


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "audit.pem"


@pytest.fixture
def log(tmp_path: Path, key: Path) -> Path:
    """A log of three segments from four years ago."""
    ids = iter(range(100))
    with AuditLog.open(
        tmp_path / "audit",
        signing_key=signing_key(key),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: time.time_ns() // 1000 - FOUR_YEARS_MICROS,
        new_entry_id=lambda: f"entry-{next(ids)}",
        segment_bytes_max=1,
    ) as log:
        for _ in range(2):
            log.append(EntryKind.DENIAL, {})
    return tmp_path / "audit"


@pytest.fixture
def key_text(tmp_path: Path, key: Path) -> Path:
    path = tmp_path / "key.txt"
    path.write_text(VerificationKey(name=AUDIT_KEY_NAME, key=signing_key(key).public_key()).to_text())
    return path


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(), ["audit", *map(str, arguments), "--language", "en"])
    return result.exit_code, result.output


def test_verify_tells_an_honest_log_from_a_broken_one(log: Path, key_text: Path, tmp_path: Path) -> None:
    """Exit code 0 and the number of entries, or 1 with the entry at fault and the reason; kept checkpoints count."""
    kept = tmp_path / "kept"
    kept.write_bytes((log / "checkpoint").read_bytes())
    status, output = run("verify", "--key", key_text, "--log", log, "--kept", kept)
    assert (status, "intact: 3 entries" in output) == (0, True)
    list_segments(log)[-1].path.unlink()
    status, output = run("verify", "--key", key_text, "--log", log, "--kept", kept)
    assert (status, "truncated · entry 3" in output) == (1, True)


def test_verify_needs_one_place_to_look(key_text: Path) -> None:
    """Without a log there is nothing to verify."""
    assert run("verify", "--key", key_text)[0] == EXIT_INVALID


def test_retire_leaves_a_log_that_verifies(
    log: Path, key: Path, key_text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old segments go, and verification says for how many entries the tombstone stands."""
    settings = Settings.model_construct(audit_directory=log, audit_key=key)
    monkeypatch.setattr(audit_retire_commands.Settings, "load", lambda _: settings)
    config = tmp_path / "gateway.toml"
    config.touch()
    asked = ("retire", "--config", config, "--requester", "li-ming", "--reason", "archived")
    with AuditLog.open(
        log, signing_key=signing_key(key), key_name=AUDIT_KEY_NAME, clock_micros=lambda: 1, new_entry_id=lambda: "now"
    ):
        status, output = run(*asked)
        assert (status, "another process writes the log" in output) == (1, True)
    assert run(*asked, "--years", "2")[0] == 2
    assert "nothing was removed" in run(*asked, "--years", "5")[1]
    status, output = run(*asked)
    assert (status, "the first 2 entries" in output) == (0, True)
    status, output = run("verify", "--key", key_text, "--log", log)
    assert (status, "removed when their retention ended: 2" in output) == (0, True)
    key.unlink()
    assert run(*asked)[0] == EXIT_INVALID
    assert not key.exists()
