from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.sdk.tlog import VerificationKey, decode_entry, list_segments, read_leaves, verify
from connectors.sdk.tlog.merkle import EMPTY_ROOT
from gateway.audit.log import AuditLog
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.audit import AuditEntry, EntryKind

OpenLog = Callable[..., AuditLog]


def entries(directory: Path) -> list[AuditEntry]:
    return [decode_entry(leaf) for segment in list_segments(directory) for leaf in read_leaves(segment)]


def test_first_opening(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A new log starts with an entry that says nothing was found, and is intact."""
    with open_log():
        pass
    (opened,) = entries(directory)
    assert opened.kind == EntryKind.OPENED
    assert opened.body == {"entries": 0, "root": EMPTY_ROOT.hex(), "torn_bytes": 0, "open_intents": 0}
    assert verify(directory, public_key=public_key).intact


def test_reopening_says_what_was_found(directory: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """A log opened again goes on where it stopped, and its entry names the state it continues."""
    with open_log() as log:
        log.append(EntryKind.DENIAL, {})
    found = verify(directory, public_key=public_key)
    with open_log() as log:
        assert log.append(EntryKind.DENIAL, {}).sequence == 4
    opened = entries(directory)[2]
    assert (opened.kind, opened.body["entries"], opened.body["root"]) == (EntryKind.OPENED, 2, found.root.hex())


def test_entries_are_proven(open_log: OpenLog, public_key: VerificationKey) -> None:
    """An acknowledged entry has evidence that needs only the key."""
    with open_log() as log:
        entry, _ = log.append_many([(EntryKind.RECEIPT, {"rows": 1}), (EntryKind.DENIAL, {})])
        assert log.evidence(entry).verify(public_key) == entry
        assert log.verification_key == public_key


def test_refusals_are_for_the_operator(open_log: OpenLog) -> None:
    """A second writer and a closed log are refused as unavailable; why is said to the operator only."""
    with open_log() as log:
        with pytest.raises(Unavailable) as refused:
            open_log()
        assert (refused.value.reason, refused.value.detail) == (Reason.AUDIT_UNAVAILABLE, "")
        assert "another process" in refused.value.internal
    with pytest.raises(Unavailable) as refused:
        log.append(EntryKind.DENIAL, {})
    assert refused.value.internal == "closed"
    assert not log.available


def test_damage_before_the_last_segment_is_refused(directory: Path, open_log: OpenLog) -> None:
    """A log whose open intents cannot be told is not opened, even when its tail verifies, and is left unlocked."""
    with open_log(segment_bytes_max=1):
        pass
    first = list_segments(directory)[0].path
    with open_log(segment_bytes_max=1) as log:
        log.append(EntryKind.DENIAL, {})
    last = list_segments(directory)[1].path
    whole = last.read_bytes()
    last.write_bytes(whole.replace(b"opened", b"failed", 1))
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            open_log()
        assert "is damaged" in refused.value.internal
    last.write_bytes(whole)
    with open_log():
        assert first.exists()
