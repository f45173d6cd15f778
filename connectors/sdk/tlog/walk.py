"""Follow a log's tree through its segments and hold it against every checkpoint on the way.

The root of a checkpoint says everything about the entries before it, so of the checkpoints in a segment only the last
one's signature is checked: that takes as long as a dozen entries. Of the others the form: the text, then one signature
line of the log's name and key; only the 64 bytes of the signature itself may be any.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable

from connectors.sdk.tlog.commits import Commit, SegmentContent
from connectors.sdk.tlog.merkle import CompactRange, HashReader, read_root
from connectors.sdk.tlog.note import (
    Checkpoint,
    ForgedCheckpointError,
    MalformedCheckpointError,
    VerificationKey,
    read_checkpoint,
)
from connectors.sdk.tlog.problems import Problem, ProblemKind

_SIGNATURE_BYTES = 64
_TEXT_LINES = 3
Keep = Callable[[list[bytes], int], None]
"""Takes the hashes of the subtrees that a commit completed, and the size of the tree with it."""


class Walk:
    """The tree as far as it has been followed; stops at the first fault.

    Args:
        tree: Where to begin; grows.
        public_key: The log's.
        stored: Hashes of the tree, no evidence; they help to name the entry at fault.
        heads: Signed checkpoints kept outside the segments.
        keep: Called commit by commit.
    """

    def __init__(
        self,
        tree: CompactRange,
        *,
        public_key: VerificationKey,
        stored: HashReader,
        heads: Iterable[Checkpoint] = (),
        keep: Keep | None = None,
    ) -> None:
        self.size = tree.end
        """Entries that are as signed, with those before the beginning."""
        self.root = tree.root
        """Root of their tree."""
        self.note = b""
        """The last checkpoint of a segment."""
        self.roots = {tree.end: tree.root}
        """Roots at the sizes of `heads`, as far as they were passed."""
        self.torn_bytes = 0
        """Of an unfinished commit at the end."""
        self.fault: Problem | None = None
        self.tree = tree
        """Their tree."""
        self._public_key = public_key
        self._line_start = f"\n— {public_key.name} ".encode()
        self._key_hash = public_key.key_hash
        self._stored = stored
        self._heads = tuple(heads)
        self._marks = {head.size for head in self._heads}
        self._keep = keep

    def follow(self, content: SegmentContent, *, last: bool) -> None:
        """Follow the commits of the next segment.

        Args:
            content: The segment.
            last: Whether no other follows; only then may it end with an unfinished commit.

        Raises:
            OSError: An entry at fault cannot be read.
        """
        expected, first = self.size + 1, content.segment.first_sequence
        if first != expected:
            kind = ProblemKind.MISSING if first > expected else ProblemKind.DUPLICATED
            self.fault = Problem(kind=kind, sequence=min(first, expected), entry_id=None, place=content.place(0))
            return
        for commit in content.commits:
            if not self._fits(commit, content=content):
                self.fault = self._first_forged(content, size=commit.size) or self._blame(commit, content=content)
                return
            if not self._is_formed(commit.note):
                place = content.place(commit.offset)
                formless = Problem(
                    kind=ProblemKind.CHECKPOINT_MALFORMED, sequence=commit.size, entry_id=None, place=place
                )
                self.fault = self._first_forged(content, size=commit.size) or formless
                return
        if content.commits and not _is_signed(content.commits[-1], public_key=self._public_key):
            self.fault = self._first_forged(content, size=self.size)
        elif content.bytes_rest and not (last and content.unfinished):
            place = content.place(content.bytes_whole)
            cut = Problem(kind=ProblemKind.UNSIGNED, sequence=self.size + 1, entry_id=None, place=place)
            self.fault = content.fault or cut
        else:
            self.torn_bytes = content.bytes_rest

    def _fits(self, commit: Commit, *, content: SegmentContent) -> bool:
        shift = content.segment.first_sequence - 1
        tree, completed = self.tree, []
        for hash_ in content.hashes[self.size - shift : commit.size - shift]:
            completed += tree.append(hash_)
            if tree.end in self._marks:
                self.roots[tree.end] = tree.root
        root = tree.root
        text = Checkpoint(origin=self._public_key.name, size=commit.size, root=root).text
        if not commit.note.startswith(f"{text}\n".encode()):
            return False
        self.size, self.root, self.note = commit.size, root, commit.note
        if self._keep:
            self._keep(completed, commit.size)
        return True

    def _is_formed(self, note: bytes) -> bool:
        """Tell whether nothing but the log's signature line follows the text."""
        text, _, line = note.partition(self._line_start)
        try:
            signature = base64.b64decode(line[:-1], validate=True)
        except binascii.Error:
            return False
        formed = self._key_hash + signature[-_SIGNATURE_BYTES:]
        return text.count(b"\n") == _TEXT_LINES and line == base64.b64encode(formed) + b"\n"

    def _first_forged(self, content: SegmentContent, *, size: int) -> Problem | None:
        """Return the problem of the first commit, up to `size` entries, whose checkpoint the log did not sign."""
        first = content.segment.first_sequence
        for commit in content.commits:
            if commit.size > size:
                break
            if not _is_signed(commit, public_key=self._public_key):
                place = content.place(commit.offset)
                return Problem(kind=ProblemKind.CHECKPOINT_FORGED, sequence=first, entry_id=None, place=place)
            first = commit.size + 1
        return None

    def _blame(self, commit: Commit, *, content: SegmentContent) -> Problem:
        """Name the entry at fault of a commit that is not what its checkpoint signs."""
        signed = read_checkpoint(commit.note, public_key=self._public_key)
        stored_root = self._stored_root(commit.size)
        later = (head for head in self._heads if head.size >= commit.size)
        if stored_root == signed.root:
            for index in range(self.size, commit.size):
                hash_ = content.hashes[index - content.segment.first_sequence + 1]
                if self._stored_hash(index) not in (None, hash_):
                    return content.problem(ProblemKind.ALTERED, sequence=index + 1)
        elif stored_root is not None and any(self._stored_root(head.size) == head.root for head in later):
            return content.problem(ProblemKind.FOREIGN, sequence=self.size + 1)
        kind = ProblemKind.ALTERED if commit.size == self.size + 1 else ProblemKind.REWRITTEN
        return content.problem(kind, sequence=commit.size)

    def _stored_hash(self, index: int) -> bytes | None:
        try:
            return self._stored.read_hash(0, index)
        except (LookupError, OSError):
            return None

    def _stored_root(self, size: int) -> bytes | None:
        try:
            return read_root(self._stored, size=size)
        except (LookupError, OSError):
            return None


def _is_signed(commit: Commit, *, public_key: VerificationKey) -> bool:
    try:
        read_checkpoint(commit.note, public_key=public_key)
    except (MalformedCheckpointError, ForgedCheckpointError):
        return False
    return True
