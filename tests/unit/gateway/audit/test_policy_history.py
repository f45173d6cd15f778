"""What the log says about policy bundles, and which of them was the newest."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.access_log import EntryIndex
from gateway.audit import AUDIT_KEY_NAME, AuditLog, highest_activated, record_policy_change
from gateway.model.audit import EntryKind
from gateway.model.policy import PolicyAction, PolicyChange, Refusal


def activated(sequence: int, revision: str) -> PolicyChange:
    return PolicyChange(action=PolicyAction.ACTIVATED, revision=revision, sequence=sequence, sha256="0" * 64)


def refused(sequence: int | None, revision: str | None) -> PolicyChange:
    return PolicyChange(
        action=PolicyAction.REFUSED,
        revision=revision,
        sequence=sequence,
        sha256=None,
        reason=Refusal.OLDER,
        detail="revision a had sequence 9",
    )


def recorded(directory: Path, changes: Sequence[PolicyChange]) -> Path:
    """Write a log with the changes, over several segments."""
    ids = itertools.count()
    with AuditLog.open(
        directory,
        signing_key=Ed25519PrivateKey.generate(),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: 1_700_000_000_000_000,
        new_entry_id=lambda: f"e-{next(ids)}",
        segment_bytes_max=600,
    ) as log:
        for change in changes:
            entry = record_policy_change(log, change=change)
            assert entry.kind is EntryKind.POLICY_CHANGE
    return directory


def test_an_entry_says_what_was_done_with_which_bundle(tmp_path: Path) -> None:
    """Action, revision, sequence, digest and the reason of a refusal."""
    with AuditLog.open(
        tmp_path / "audit",
        signing_key=Ed25519PrivateKey.generate(),
        key_name=AUDIT_KEY_NAME,
        clock_micros=lambda: 0,
        new_entry_id=lambda: "e",
    ) as log:
        entry = record_policy_change(log, change=refused(3, "b"))
    assert entry.body == {
        "action": "refused",
        "revision": "b",
        "sequence": 3,
        "sha256": None,
        "reason": "OLDER",
        "detail": "revision a had sequence 9",
    }


def test_the_highest_sequence_counts_not_the_last_entry(tmp_path: Path) -> None:
    """Whatever came after it, refused or of a lower number, and of equal ones the last."""
    changes = [activated(1, "a"), activated(9, "b"), activated(9, "c"), activated(4, "a"), refused(20, "d")]
    highest = highest_activated(EntryIndex(recorded(tmp_path / "audit", changes)))
    assert highest == activated(9, "c")


def test_a_log_without_bundles_has_no_highest(tmp_path: Path) -> None:
    """A refusal activates nothing."""
    assert highest_activated(EntryIndex(recorded(tmp_path / "empty", []))) is None
    assert highest_activated(EntryIndex(recorded(tmp_path / "refused", [refused(None, None)]))) is None
