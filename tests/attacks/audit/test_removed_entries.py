"""The end of retention is no way to get rid of entries, nor to bring others in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.access_log import EntryIndex
from connectors.sdk.tlog import (
    LogUnavailable,
    LogWriter,
    ProblemKind,
    VerificationKey,
    list_segments,
    live_segments,
    read_entries,
    verify,
)
from connectors.sdk.tlog.copying import send_log
from connectors.sdk.tlog.retention import KEPT_YEARS_MIN, retire
from connectors.sdk.tlog.segments import FrameType
from connectors.sdk.tlog.tombstone import Tombstone
from tests.attacks.audit.frames import Frame, changed, read, segment, signed_anew, write
from tests.unit.connectors.sdk.tlog.conftest import START_MICROS, OpenLog

YEARS_MICROS = KEPT_YEARS_MIN * 366 * 86_400 * 1_000_000
DENIAL = frozenset({"denial"})


def retired(log: LogWriter, *, seconds: int) -> Tombstone | None:
    """Retire so many seconds after the first entry's retention has ended."""
    return retire(
        log,
        kept_years=KEPT_YEARS_MIN,
        now_micros=START_MICROS + YEARS_MICROS + seconds * 1_000_000,
        requester="op-1",
        reason="三年期满",
        record=lambda body: log.append("retention", body),
    )


def back_dated(frame: Frame) -> Frame:
    leaf = frame.payload
    return replace(frame, payload=leaf[:9] + bytes(8) + leaf[17:])


def back_date_first_segments(directory: Path) -> None:
    for number in range(2):
        path = segment(directory, number)
        frames = [back_dated(frame) if frame.type == FrameType.ENTRY else frame for frame in read(path)]
        write(path, frames)


def test_back_dated_entries_are_not_retired(finished: Path, open_log: OpenLog, public_key: VerificationKey) -> None:
    """Whoever makes young entries look old gets no signed tombstone for them: they stay, and verification names them."""
    with open_log(new_entry_id=lambda: "later") as log:
        assert retired(log, seconds=-1) is None
        back_date_first_segments(finished)
        with pytest.raises(ValueError, match=r"segment-000000000001\.log:0 is damaged: entry 1"):
            retired(log, seconds=-1)
    assert len(list_segments(finished)) == 4
    found = verify(finished, public_key=public_key)
    assert (found.retired, found.problems[0].kind, found.problems[0].sequence) == (0, ProblemKind.ALTERED, 1)


def test_twin_signed_back_dated_entries_are_retired(
    finished: Path, open_log: OpenLog, signing_key: Ed25519PrivateKey
) -> None:
    """The twin: what the checkpoints sign is believed, so it is they that keep the young entries."""
    signed_anew(finished, signing_key, change=back_dated)
    with open_log(new_entry_id=lambda: "later") as log:
        tombstone = retired(log, seconds=-1)
    assert tombstone is not None
    assert tombstone.tree.end == 8


@pytest.fixture
def planted(finished: Path, open_log: OpenLog) -> Path:
    """A log whose first four entries were removed, with a forged segment in the place of the first."""
    first = segment(finished, 0)
    forged = [changed(frame, note="forged") if frame.type == FrameType.ENTRY else frame for frame in read(first)]
    with open_log(new_entry_id=lambda: "later") as log:
        assert retired(log, seconds=5) is not None
    write(first, forged)
    return finished


def notes(directory: Path, *, cut: bool) -> list[str]:
    segments = live_segments(directory) if cut else list_segments(directory)
    return [entry.body["note"] for entry in read_entries(segments, kinds=DENIAL)]


def test_a_planted_segment_is_no_part_of_the_log(planted: Path) -> None:
    """Nobody who reads the log sees it: neither a search, nor a reader of entries, nor a copy."""
    index = EntryIndex(planted)
    found = [entry.sequence for entry in index.entries("kind = 'denial'")]
    index.close()
    assert found == [5, 6, 7, 8, 9, 10, 11, 12]
    assert "forged" not in notes(planted, cut=True)
    names = {name for name, _ in send_log(planted, checkpoint=b"", segments=live_segments(planted))}
    assert "segment-000000000001.log" not in names


def test_twin_without_the_tombstone_the_planted_segment_is_read(planted: Path) -> None:
    """The twin: by the names of its files alone the log would hold the forged entry."""
    assert notes(planted, cut=False)[0] == "forged"


def test_a_planted_segment_is_reported(planted: Path, public_key: VerificationKey, open_log: OpenLog) -> None:
    """Verification names the file, and the log is not written on until somebody has looked."""
    (problem,) = verify(planted, public_key=public_key).problems
    assert (problem.kind, problem.place) == (ProblemKind.PLANTED, "segment-000000000001.log")
    with pytest.raises(LogUnavailable, match="is not what was removed"):
        open_log()
    segment(planted, 0).unlink()
    assert verify(planted, public_key=public_key).intact
    open_log().close()
