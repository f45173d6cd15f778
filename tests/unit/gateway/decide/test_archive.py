"""Policies that decided can be had again, exactly as they were, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from connectors.sdk.tlog.files import OsFiles
from gateway.decide import PolicyArchive, PolicyBundle
from gateway.decide.archive import NotArchived, NotArchivedReason
from gateway.errors import Unavailable
from gateway.messages import Reason

BUNDLE = PolicyBundle(
    modules={"sharing/access/access.rego": "package sharing.access\n\ndecision := true\n"},
    data={"catalog": {"revision": "目录-1", "line": "\u2028"}, "messages": {}},
)


class RecordingFiles(OsFiles):
    """Tells what was made durable, and fails when it is told to."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failing = ""

    def sync(self, descriptor: int) -> None:
        self._do(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        super().sync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._do(f"replace {target.name}")
        super().replace(source, target)

    def _do(self, what: str) -> None:
        if what == self.failing:
            raise OSError(28, "No space left on device")
        self.done.append(what)


def test_a_kept_bundle_comes_back_as_it_was(tmp_path: Path) -> None:
    """Modules and data of that time, also the catalogue's."""
    archive = PolicyArchive(tmp_path / "deep" / "archive")
    archive.keep(BUNDLE)
    archive.keep(BUNDLE)
    assert archive.load(BUNDLE.revision) == BUNDLE


def test_a_bundle_is_durable_when_keep_returns(tmp_path: Path) -> None:
    """The folder's name, the file's bytes, then the file's name are on disk."""
    files, name = RecordingFiles(), f"{BUNDLE.revision}.json"
    PolicyArchive(tmp_path / "archive", files=files).keep(BUNDLE)
    assert files.done == [f"sync {tmp_path.name}", f"sync {name}.new", f"replace {name}", "sync archive"]


def test_a_bundle_that_is_not_durable_must_not_decide(tmp_path: Path) -> None:
    """Each failing step is told; a half-written file never takes the name of a revision."""
    name = f"{BUNDLE.revision}.json"
    for step in (f"sync {tmp_path.name}", f"sync {name}.new", f"replace {name}", "sync archive"):
        files = RecordingFiles()
        files.failing = step
        with pytest.raises(Unavailable) as caught:
            PolicyArchive(tmp_path / "archive", files=files).keep(BUNDLE)
        assert caught.value.reason is Reason.POLICY_UNAVAILABLE
        assert (tmp_path / "archive" / name).exists() == (step == "sync archive")


@pytest.mark.parametrize("revision", ["0" * 64, "", "../archive", "\0", "None"])
def test_a_revision_that_never_decided_is_not_there(tmp_path: Path, revision: str) -> None:
    """Whatever stands in an entry."""
    archive = PolicyArchive(tmp_path / "archive")
    archive.keep(BUNDLE)
    with pytest.raises(NotArchived) as caught:
        archive.load(revision)
    assert caught.value.reason is NotArchivedReason.NOT_ARCHIVED


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    """A file that is not the revision it is named after answers nothing; without this check it would be another policy."""
    archive = PolicyArchive(tmp_path)
    archive.keep(BUNDLE)
    path = tmp_path / f"{BUNDLE.revision}.json"
    altered = path.read_bytes().replace(b"decision := true", b"decision := null")
    assert json.loads(altered)[0][0][1].endswith("decision := null\n")
    for content in (altered, path.read_bytes()[:-1], path.read_bytes() + b" ", b""):
        path.write_bytes(content)
        with pytest.raises(NotArchived) as caught:
            archive.load(BUNDLE.revision)
        assert caught.value.reason is NotArchivedReason.ARCHIVE_ALTERED


def test_the_next_start_replaces_a_damaged_file(tmp_path: Path) -> None:
    """The bundle that decides is there again."""
    archive = PolicyArchive(tmp_path)
    (tmp_path / f"{BUNDLE.revision}.json").write_bytes(b"damaged")
    archive.keep(BUNDLE)
    assert archive.load(BUNDLE.revision) == BUNDLE
