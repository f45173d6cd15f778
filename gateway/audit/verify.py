"""Verify a log without the gateway: on the auditor's own machine, or before the gateway opens it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway.audit.chain import ChainHead
from gateway.audit.checkpoint import ForgedCheckpointError, MalformedCheckpointError, VerificationKey, read_checkpoint
from gateway.audit.problems import Problem, ProblemKind, Verification
from gateway.audit.segments import CHECKPOINT, has_writer, list_segments, read_checkpoint_file, read_lines
from gateway.audit.walk import Break, Observer, Walk


def verify(directory: Path, *, public_key: VerificationKey, kept_checkpoints: Sequence[bytes] = ()) -> Verification:
    """Verify the log in `directory`; while a writer has it open, as far as its newest checkpoint.

    Args:
        directory: Segments and checkpoint.
        public_key: The log's key.
        kept_checkpoints: Older checkpoints kept elsewhere. Only they reveal that log and checkpoint were put back
            together, or that whoever holds the key signed a different history.

    Returns:
        What was found, with the first bad entry named.

    Raises:
        OSError: Something cannot be read.
    """
    live = has_writer(directory)
    return verify_files(directory, public_key=public_key, kept_checkpoints=kept_checkpoints, signed_only=live)


def verify_files(
    directory: Path,
    *,
    public_key: VerificationKey,
    kept_checkpoints: Sequence[bytes] = (),
    signed_only: bool,
    observe: Observer | None = None,
) -> Verification:
    """Verify the log in `directory`.

    Args:
        directory: Segments and checkpoint.
        public_key: The log's key.
        kept_checkpoints: As for `verify`.
        signed_only: Do not look at what the checkpoint does not count.
        observe: Called with every entry that stands in its place.

    Raises:
        OSError: Something cannot be read.
    """
    judge = _Judge(read_checkpoint_file(directory), public_key=public_key, kept_checkpoints=kept_checkpoints)
    limit = judge.signed.size if signed_only and judge.signed else None
    walk = Walk((head.size for head in judge.heads), limit=limit, observe=observe)
    for segment in list_segments(directory):
        if walk.torn:
            walk.fault = walk.torn
        if walk.stopped:
            break
        walk.follow(read_lines(segment.path), name=segment.path.name)
    return judge.conclude(walk)


def verify_lines(
    lines: Iterable[bytes],
    *,
    checkpoint: bytes | None,
    public_key: VerificationKey,
    kept_checkpoints: Sequence[bytes] = (),
) -> Verification:
    """Verify a copy of a log.

    Args:
        lines: Every line from the first, with line feeds.
        checkpoint: The checkpoint that came with them.
        public_key: The log's key.
        kept_checkpoints: As for `verify`.
    """
    judge = _Judge(checkpoint, public_key=public_key, kept_checkpoints=kept_checkpoints)
    walk = Walk(head.size for head in judge.heads)
    walk.follow(lines, name="log")
    return judge.conclude(walk)


class _Judge:
    """Holds the log against its checkpoints."""

    def __init__(
        self, checkpoint: bytes | None, *, public_key: VerificationKey, kept_checkpoints: Sequence[bytes]
    ) -> None:
        self.signed: ChainHead | None = None
        self.heads: list[ChainHead] = []
        self._problems: list[Problem] = []
        for place, note in ((CHECKPOINT, checkpoint), *((f"kept:{i}", n) for i, n in enumerate(kept_checkpoints, 1))):
            try:
                self.heads.append(_read(note, public_key=public_key))
            except MalformedCheckpointError:
                kind = ProblemKind.CHECKPOINT_MALFORMED if note is not None else ProblemKind.CHECKPOINT_MISSING
                self._problems.append(Problem(kind=kind, sequence=None, entry_id=None, place=place))
            except ForgedCheckpointError:
                forged = Problem(kind=ProblemKind.CHECKPOINT_FORGED, sequence=None, entry_id=None, place=place)
                self._problems.append(forged)
            else:
                if place == CHECKPOINT:
                    self.signed = self.heads[0]

    def conclude(self, walk: Walk) -> Verification:
        """Return what the finished walk shows."""
        chain = self._chain_problem(walk)
        problems = [chain] if chain else self._signature_problems(walk)
        return Verification(
            entries=walk.size,
            head=walk.head,
            signed_entries=self.signed.size if self.signed else 0,
            torn_bytes=walk.torn_bytes,
            problems=(*problems, *self._problems),
        )

    def _chain_problem(self, walk: Walk) -> Problem | None:
        if walk.breaks:
            return _blame(walk.breaks, walk=walk, signed=self.signed)
        return walk.fault

    def _signature_problems(self, walk: Walk) -> list[Problem]:
        for head in sorted(self.heads, key=lambda head: head.size):
            if walk.size < head.size:
                place = walk.torn.place if walk.torn else "log"
                return [Problem(kind=ProblemKind.TRUNCATED, sequence=walk.size + 1, entry_id=None, place=place)]
            if not walk.holds(head):
                return [walk.seen[head.size].problem(ProblemKind.REWRITTEN)]
        if self.signed and walk.size > self.signed.size:
            return [walk.seen[self.signed.size + 1].problem(ProblemKind.UNSIGNED)]
        return []


def _read(note: bytes | None, *, public_key: VerificationKey) -> ChainHead:
    if note is None:
        raise MalformedCheckpointError("there is no checkpoint")
    return read_checkpoint(note, public_key=public_key)


def _blame(breaks: list[Break], *, walk: Walk, signed: ChainHead | None) -> Problem:
    """Name the entry at fault for the first break, by the explanation that needs the fewest changed entries."""
    first, second = breaks[0], breaks[1] if len(breaks) > 1 else None
    before, after = first.before, first.after
    if before is None:
        return after.problem(ProblemKind.FOREIGN)
    if signed and signed.size > before.sequence and second is None and walk.holds(signed):
        return before.problem(ProblemKind.ALTERED)
    if first.starts_segment and (second is None or second.starts_segment):
        return after.problem(ProblemKind.FOREIGN)
    after_breaks_too = second is not None and second.before == after
    before_is_signed = signed is not None and signed.size == before.sequence and walk.holds(signed)
    if after_breaks_too or before_is_signed or after.sequence == walk.size:
        return after.problem(ProblemKind.ALTERED)
    return before.problem(ProblemKind.ALTERED)
