"""Whatever beginning of an unacknowledged commit reached the disk, opening keeps all that was acknowledged."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gateway.errors import Unavailable
from gateway.model.audit import EntryKind
from tests.faults.audit.logs import entries, open_log, verified

STEP = 1 if os.environ.get("SOAK") == "1" else 7
"""Every how many bytes a file is cut."""
SEGMENT = "segment-000000000001.log"


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A log of three acknowledged entries in one segment."""
    directory = tmp_path / "crashed"
    with open_log(directory) as log:
        log.append(EntryKind.DENIAL, {"n": 1})
        log.append(EntryKind.DENIAL, {"n": 2})
    return directory


def test_every_beginning_of_an_unacknowledged_commit(tmp_path: Path) -> None:
    """Cut at any byte: acknowledged entries stay, a torn commit goes as a whole, a whole one stays; recovery says so."""
    running, directory = tmp_path / "running", tmp_path / "case"
    with open_log(running, publish_seconds=3600) as log:
        log.append(EntryKind.DENIAL, {"n": 1})
        acknowledged, begin = entries(running), (running / SEGMENT).stat().st_size
        log.append_many([(EntryKind.INTENT, {"n": 2}), (EntryKind.INTENT, {"n": 3})])
        end = (running / SEGMENT).stat().st_size
        for length in {*range(begin, end, STEP), end - 1, end}:
            shutil.copytree(running, directory)
            os.truncate(directory / SEGMENT, length)
            with open_log(directory):
                pass
            found = entries(directory)
            whole = 2 if length == end else 0
            assert found[:2] == acknowledged
            assert [entry.body.get("n") for entry in found[2 : 2 + whole]] == [2, 3][:whole]
            opened = found[2 + whole]
            assert opened.kind == EntryKind.OPENED
            assert (opened.body["torn_bytes"], opened.body["open_intents"]) == (0 if whole else length - begin, whole)
            assert len(found) == 3 + 2 * whole
            assert verified(directory).intact
            shutil.rmtree(directory)


def test_every_cut_into_what_was_acknowledged(tmp_path: Path, crashed: Path) -> None:
    """Cut at any byte of the acknowledged entries: the log refuses to open and leaves the evidence as it is."""
    log = (crashed / SEGMENT).read_bytes()
    directory = tmp_path / "case"
    shutil.copytree(crashed, directory)
    segment = directory / SEGMENT
    for length in {*range(0, len(log), STEP), len(log) - 1}:
        segment.write_bytes(log[:length])
        with pytest.raises(Unavailable) as refused:
            open_log(directory)
        assert "3 are signed" in refused.value.internal
        assert segment.read_bytes() == log[:length]
    segment.write_bytes(log)
    with open_log(directory):
        pass


def test_crash_between_segments(crashed: Path) -> None:
    """A new segment that was made but not written to is continued."""
    (crashed / "segment-000000000004.log").touch()
    with open_log(crashed):
        pass
    assert (crashed / "segment-000000000004.log").stat().st_size > 0
    assert (verified(crashed).intact, verified(crashed).entries) == (True, 4)


def test_crash_while_replacing_a_file(crashed: Path) -> None:
    """Half-written replacements that a crash left behind are ignored and overwritten."""
    (crashed / "checkpoint.new").write_bytes(b"half")
    (crashed / f"{SEGMENT}.new").write_bytes(b"half")
    with open_log(crashed):
        pass
    assert (verified(crashed).intact, verified(crashed).entries) == (True, 4)
