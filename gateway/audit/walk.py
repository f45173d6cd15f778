"""Follow the chain through the lines of a log and note where it breaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.audit.chain import EMPTY, LINE_BYTES_MAX, ChainHead, hash_line, match_tail
from gateway.audit.problems import Problem, ProblemKind

Observer = Callable[[re.Match[bytes], bytes], None]
"""Sees the tail and the line of every entry that stands in its place."""

_LOOSE_ID = re.compile(rb'"entry_id":"([A-Za-z0-9._-]{1,64})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An entry where it stands."""

    sequence: int
    entry_id: str
    place: str
    sha256: str

    def problem(self, kind: ProblemKind) -> Problem:
        """Return a problem of this entry."""
        return Problem(kind=kind, sequence=self.sequence, entry_id=self.entry_id, place=self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Two entries in sequence of which the second does not hold the hash of the first."""

    before: Seen | None
    """None when the second is the first of the log."""
    after: Seen
    starts_segment: bool


class Walk:
    """The chain as far as it has been followed.

    A line that is no entry or has the wrong sequence ends the walk (`fault`). A link that does not fit is only noted
    (`breaks`, the first two), because what follows tells which of the two entries is at fault.

    Args:
        marks: Sizes at which the entry and the one after it are kept in `seen`.
        limit: Size at which to stop; None for the end.
        observe: Called with every entry that stands in its place.
    """

    def __init__(self, marks: Iterable[int] = (), *, limit: int | None = None, observe: Observer | None = None) -> None:
        self._marks = {size + step for size in marks for step in (0, 1)}
        self._limit = limit
        self._observe = observe
        self._name = ""
        self._number = 0
        self._last_tail: tuple[re.Match[bytes], str, int] | None = None
        self.size = 0
        self.head = EMPTY.sha256
        self.seen: dict[int, Seen] = {}
        self.breaks: list[Break] = []
        self.fault: Problem | None = None
        self.torn: Problem | None = None
        """An unfinished last line."""
        self.torn_bytes = 0

    @property
    def stopped(self) -> bool:
        """Whether no further line is wanted."""
        return self.fault is not None or self.torn is not None or self.size == self._limit

    def holds(self, head: ChainHead) -> bool:
        """Tell whether the log had the head `head` when it had that size, which must be one of the marks."""
        if head.size == 0:
            return head == EMPTY
        return head.size in self.seen and self.seen[head.size].sha256 == head.sha256

    def follow(self, lines: Iterable[bytes], *, name: str) -> None:
        """Follow the lines of the segment called `name` until they end or the walk stops."""
        self._name, self._number = name, 0
        iterator = iter(lines)
        for line in iterator:
            if self.size == self._limit:
                return
            self._number += 1
            tail = match_tail(line)
            if tail is None or int(tail["sequence"]) != self.size + 1:
                self._stop(line, tail=tail, following=next(iterator, b""))
                return
            self._step(line, tail=tail)

    def _step(self, line: bytes, *, tail: re.Match[bytes]) -> None:
        sha256 = hash_line(line)
        if tail["previous"].decode() != self.head and len(self.breaks) < 2:
            before = self._last_tail and _seen(*self._last_tail, sha256=self.head)
            after = _seen(tail, self._name, self._number, sha256=sha256)
            self.breaks.append(Break(before=before, after=after, starts_segment=self._number == 1))
        self.size += 1
        self.head = sha256
        self._last_tail = (tail, self._name, self._number)
        if self.size in self._marks:
            self.seen[self.size] = _seen(tail, self._name, self._number, sha256=sha256)
        if self._observe:
            self._observe(tail, line)

    def _stop(self, line: bytes, *, tail: re.Match[bytes] | None, following: bytes) -> None:
        if tail is not None:
            self.fault = self._misplaced(tail, following=match_tail(following))
            return
        ids = _LOOSE_ID.findall(line)
        problem = self._problem(ProblemKind.MALFORMED, entry_id=ids[-1].decode() if ids else None)
        if line.endswith(b"\n") or len(line) > LINE_BYTES_MAX:
            self.fault = problem
        else:
            self.torn, self.torn_bytes = problem, len(line)

    def _misplaced(self, tail: re.Match[bytes], *, following: re.Match[bytes] | None) -> Problem:
        found = _seen(tail, self._name, self._number, sha256="")
        if tail["previous"].decode() == self.head:
            return self._problem(ProblemKind.ALTERED, entry_id=found.entry_id)
        if found.sequence <= self.size:
            return found.problem(ProblemKind.DUPLICATED)
        if following and int(following["sequence"]) == self.size + 1:
            return found.problem(ProblemKind.REORDERED)
        return self._problem(ProblemKind.MISSING, entry_id=None)

    def _problem(self, kind: ProblemKind, *, entry_id: str | None) -> Problem:
        place = f"{self._name}:{self._number}"
        return Problem(kind=kind, sequence=self.size + 1, entry_id=entry_id, place=place)


def _seen(tail: re.Match[bytes], name: str, number: int, *, sha256: str) -> Seen:
    return Seen(
        sequence=int(tail["sequence"]), entry_id=tail["entry_id"].decode(), place=f"{name}:{number}", sha256=sha256
    )
