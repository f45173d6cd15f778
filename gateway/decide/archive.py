"""Every bundle that decided, kept under its revision, so that what was recorded can be decided again years later."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path

from connectors.sdk.tlog.files import Files, OsFiles, replace_file, sync_directory
from gateway.decide.bundle import PolicyBundle, revision_of
from gateway.errors import Unavailable
from gateway.messages import Reason


class NotArchivedReason(StrEnum):
    """Why there is no bundle of a revision."""

    NOT_ARCHIVED = "NOT_ARCHIVED"
    ARCHIVE_ALTERED = "ARCHIVE_ALTERED"
    """There is a file, but its bytes are not those of the revision."""


class NotArchived(Exception):
    """A bundle cannot be had from the archive.

    Args:
        reason: Why.
    """

    def __init__(self, reason: NotArchivedReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class PolicyArchive:
    """A folder with one file for each revision, which holds exactly the bytes that the revision is the hash of.

    Args:
        directory: Made when it is missing.
        files: File operations; the operating system's by default.
    """

    def __init__(self, directory: Path, *, files: Files | None = None) -> None:
        self._directory = directory
        self._files = files or OsFiles()

    def keep(self, bundle: PolicyBundle) -> None:
        """Make a bundle durable, which must be done before it decides anything. A damaged file is replaced.

        Raises:
            Unavailable: `POLICY_UNAVAILABLE`: it cannot be written.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(self._files, directory=self._directory.parent)
            replace_file(self._files, path=self._path(bundle.revision), data=bundle.content, durable=True)
        except OSError as error:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"policies cannot be archived: {error}") from error

    def load(self, revision: str) -> PolicyBundle:
        """Return the bundle that decided as `revision`, with the catalogue's data of that time.

        Raises:
            NotArchived: There is none, or it was altered.
        """
        try:
            content = self._path(revision).read_bytes()
        except (OSError, ValueError) as error:
            raise NotArchived(NotArchivedReason.NOT_ARCHIVED) from error
        if revision_of(content) != revision:
            raise NotArchived(NotArchivedReason.ARCHIVE_ALTERED)
        modules, data = json.loads(content)
        return PolicyBundle(modules=dict(modules), data=data)

    def _path(self, revision: str) -> Path:
        return self._directory / f"{revision}.json"
