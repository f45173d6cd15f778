from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import LogUnavailable, LogWriter, ProblemKind, VerificationKey, list_segments, verify
from connectors.sdk.tlog.canonical import JsonValue
from connectors.sdk.tlog.copying import send_log, take_log
from connectors.sdk.tlog.retention import KEPT_YEARS_MIN, retire
from connectors.sdk.tlog.tombstone import (
    ForgedTombstoneError,
    Tombstone,
    read_tombstone,
    sign_tombstone,
)
from tests.unit.connectors.sdk.tlog.conftest import NAME, START_MICROS, OpenLog, entries

YEAR_MICROS = 366 * 86_400 * 1_000_000


def retired(
    log: LogWriter, *, seconds: int = 1000, years: int = KEPT_YEARS_MIN, refuse: bool = False
) -> Tombstone | None:
    """Retire as if three years and so many seconds had passed since the first entry."""

    def record(body: dict[str, JsonValue]) -> None:
        if refuse:
            raise LogUnavailable("the disk is full")
        log.append("retention", body)

    return retire(
        log,
        kept_years=years,
        now_micros=START_MICROS + 3 * YEAR_MICROS + seconds * 1_000_000,
        requester="op-1",
        reason="三年期满",
        record=record,
    )


@pytest.fixture
def log_of_four(finished: Path, open_log: OpenLog) -> Any:
    """Opens the finished log; entry n was made n-1 seconds after the start."""
    return lambda: open_log(new_entry_id=lambda: "later")


def test_old_segments_go_and_the_log_still_verifies(
    finished: Path, log_of_four: Any, public_key: VerificationKey
) -> None:
    """Whole segments go, oldest first; what is left verifies, grows and can be proven as before."""
    (finished / "segment-000000000001.parquet").write_bytes(b"rows")
    old = entries(finished)
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in finished.iterdir()}
    with log_of_four() as log:
        tombstone = retired(log, seconds=5)
        assert tombstone is not None
        assert (tombstone.tree.end, tombstone.requester, tombstone.reason) == (4, "op-1", "三年期满")
        names = ["segment-000000000001.log", "segment-000000000001.parquet", "segment-000000000002.log"]
        assert tombstone.removed == {name: digests[name] for name in names}
        assert not any((finished / name).exists() for name in names)
        assert log.evidence(old[4]).verify(public_key) == old[4]
        with pytest.raises(LogUnavailable, match="entry 4 was removed when its retention ended"):
            log.evidence(old[3])
    found = verify(finished, public_key=public_key)
    assert (found.intact, found.entries, found.retired) == (True, 13, 4)


@pytest.mark.parametrize("hashes_kept", [True, False])
def test_a_shortened_log_is_opened_again(
    hashes_kept: bool, finished: Path, log_of_four: Any, public_key: VerificationKey
) -> None:
    """The tombstone is enough to go on, also when the stored hashes are lost."""
    with log_of_four() as log:
        retired(log, seconds=5)
    if not hashes_kept:
        (finished / "hashes").unlink()
    with log_of_four() as log:
        assert log.append("denial", {}).sequence == 14
        for sequence, entry in enumerate(entries(finished), 5):
            assert log.evidence(entry).verify(public_key).sequence == sequence
        assert retired(log, seconds=9) is not None
    found = verify(finished, public_key=public_key)
    assert (found.intact, found.retired) == (True, 8)


def test_what_will_be_removed_is_recorded_first(finished: Path, log_of_four: Any) -> None:
    """When the entry cannot be written, nothing is removed."""
    with log_of_four() as log:
        with pytest.raises(LogUnavailable):
            retired(log, refuse=True)
        assert len(list_segments(finished)) == 4
        tombstone = retired(log)
        assert tombstone is not None
        assert entries(finished)[-1].body == json.loads(json.dumps(tombstone.to_json()))


def test_what_is_young_stays(finished: Path, log_of_four: Any) -> None:
    """Nothing goes before every entry of its segment is old enough, nor the segment that is written."""
    with log_of_four() as log:
        assert retired(log, seconds=0) is None
        assert retired(log, years=4) is None
        assert retired(log, seconds=3) is not None
        assert [segment.first_sequence for segment in list_segments(finished)] == [2, 5, 9]
        assert retired(log) is not None
        assert [segment.first_sequence for segment in list_segments(finished)] == [9]
        assert retired(log) is None


def test_three_years_are_the_least(log_of_four: Any) -> None:
    """A shorter retention is refused."""
    with log_of_four() as log, pytest.raises(ValueError, match="at least 3 years"):
        retired(log, years=2)


def test_an_interrupted_removal_is_finished(finished: Path, log_of_four: Any, public_key: VerificationKey) -> None:
    """Files that outlived their tombstone disturb nobody and go with the next removal."""
    first = list_segments(finished)[0].path
    content = first.read_bytes()
    with log_of_four() as log:
        retired(log, seconds=5)
    first.write_bytes(content)
    assert verify(finished, public_key=public_key).intact
    with log_of_four() as log:
        assert retired(log, seconds=5) is None
    assert not first.exists()


def test_damaged_segments_are_not_removed(finished: Path, log_of_four: Any) -> None:
    """A segment that is evidence of tampering stays."""
    first = list_segments(finished)[0].path
    first.write_bytes(first.read_bytes()[:-9] + bytes(9))
    with log_of_four() as log, pytest.raises(ValueError, match="is damaged"):
        retired(log)
    assert len(list_segments(finished)) == 4


def test_kept_checkpoints_older_than_the_tombstone_are_counted(
    finished: Path, log_of_four: Any, public_key: VerificationKey
) -> None:
    """A kept checkpoint of removed entries is reported as unchecked; later ones are checked."""
    notes = [(finished / "checkpoint").read_bytes()]
    with log_of_four() as log:
        tombstone = retired(log, seconds=1)
        assert tombstone is not None
        notes.append(tombstone.checkpoint)
        retired(log, seconds=5)
    found = verify(finished, public_key=public_key, kept_checkpoints=notes)
    assert (found.intact, found.unchecked) == (True, 1)


def test_a_copy_holds_the_tombstone(
    finished: Path, log_of_four: Any, public_key: VerificationKey, tmp_path: Path
) -> None:
    """A shortened log verifies elsewhere."""
    copy = tmp_path / "copy"
    copy.mkdir()
    with log_of_four() as log:
        retired(log, seconds=5)
        take_log(send_log(finished, checkpoint=log.checkpoint, segments=log.segments()), directory=copy)
    assert verify(copy, public_key=public_key).retired == 4


def test_an_older_tombstone_put_back(finished: Path, log_of_four: Any, public_key: VerificationKey) -> None:
    """An older tombstone does not cover what a later one removed."""
    with log_of_four() as log:
        retired(log, seconds=1)
        older = (finished / "tombstone").read_bytes()
        retired(log, seconds=5)
    (finished / "tombstone").write_bytes(older)
    problem = verify(finished, public_key=public_key).problems[0]
    assert (problem.kind, problem.sequence) == (ProblemKind.MISSING, 2)
    (finished / "hashes").unlink()
    with pytest.raises(LogUnavailable):
        log_of_four()


@pytest.mark.parametrize(
    "forge",
    [
        lambda note, _: note.replace(b"op-1", b"op-2"),
        lambda note, _: note[:-9] + b"AAAAAAA=\n",
        lambda note, _: b"",
        lambda _, tombstone: sign_tombstone(tombstone, name=NAME, signing_key=Ed25519PrivateKey.generate()),
    ],
    ids=["text", "signature", "empty", "another key"],
)
def test_a_forged_tombstone_covers_nothing(
    forge: Any, finished: Path, log_of_four: Any, public_key: VerificationKey
) -> None:
    """Whoever removes segments and writes a tombstone without the key is found out, and the log is not opened."""
    with log_of_four() as log:
        retired(log, seconds=5)
    path = finished / "tombstone"
    path.write_bytes(forge(path.read_bytes(), read_tombstone(finished, public_key=public_key)))
    kinds = [problem.kind for problem in verify(finished, public_key=public_key).problems]
    assert kinds == [ProblemKind.MISSING, ProblemKind.TOMBSTONE_FORGED]
    with pytest.raises(ForgedTombstoneError):
        read_tombstone(finished, public_key=public_key)
    with pytest.raises(LogUnavailable, match="tombstone"):
        log_of_four()
