"""What can be wrong with a log, and the texts that say so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from catalog.dataset import Text


class ProblemKind(StrEnum):
    """Kinds of problems."""

    MALFORMED = "malformed"
    MISSING = "missing"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    ALTERED = "altered"
    FOREIGN = "foreign"
    REWRITTEN = "rewritten"
    TRUNCATED = "truncated"
    UNSIGNED = "unsigned"
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_MALFORMED = "checkpoint_malformed"
    CHECKPOINT_FORGED = "checkpoint_forged"


_TEXTS: dict[ProblemKind, Text] = {
    ProblemKind.MALFORMED: Text(zh="此处的内容不是一条记录。", en="What stands here is not an entry."),
    ProblemKind.MISSING: Text(
        zh="该记录缺失，此处是后面的记录。", en="The entry is missing; a later one stands in its place."
    ),
    ProblemKind.DUPLICATED: Text(zh="该记录再次出现。", en="The entry occurs again."),
    ProblemKind.REORDERED: Text(zh="该记录的位置被提前。", en="The entry stands before its turn."),
    ProblemKind.ALTERED: Text(
        zh="该记录写入后被改动：其哈希与相邻记录或签名检查点不符。",
        en="The entry was changed after it was written: its hash or link does not fit its neighbour or the checkpoint.",
    ),
    ProblemKind.FOREIGN: Text(
        zh="该记录不接续前一条记录：由此开始的内容来自别处。",
        en="The entry does not continue the one before it: what begins here is from elsewhere.",
    ),
    ProblemKind.REWRITTEN: Text(
        zh="截至该记录的日志与检查点签名的内容不同：该记录或之前的记录被改写。",
        en="The log up to this entry is not what the checkpoint signs: this entry or one before it was rewritten.",
    ),
    ProblemKind.TRUNCATED: Text(
        zh="日志在该记录之前结束，而签名检查点包含它。",
        en="The log ends before this entry, which a signed checkpoint counts.",
    ),
    ProblemKind.UNSIGNED: Text(
        zh="检查点不包含该记录及之后的记录：旧检查点被放回，或网关在签名前停止。",
        en="The checkpoint does not count this entry and later ones: an old checkpoint was put back, "
        "or the gateway stopped before it signed them.",
    ),
    ProblemKind.CHECKPOINT_MISSING: Text(zh="没有检查点。", en="There is no checkpoint."),
    ProblemKind.CHECKPOINT_MALFORMED: Text(zh="检查点格式不正确。", en="The checkpoint is malformed."),
    ProblemKind.CHECKPOINT_FORGED: Text(
        zh="检查点不是由该日志的密钥签名的。", en="The checkpoint is not signed with this log's key."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, at the first place where it shows."""

    kind: ProblemKind
    sequence: int | None
    """Entry at fault, from 1; None when the checkpoint itself is."""
    entry_id: str | None
    """Its id, when it can be read."""
    place: str
    """File and line, for example `segment-000000000001.jsonl:7`."""

    @property
    def text(self) -> Text:
        """What is wrong, for people."""
        return _TEXTS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What verification found."""

    entries: int
    """Entries that follow each other without a gap, from the first."""
    head: str
    """Hex hash of the last of them."""
    signed_entries: int
    """Entries that the checkpoint counts; 0 when it cannot be trusted."""
    torn_bytes: int
    """Bytes of an unfinished last line that no checkpoint counts, which is what a crash leaves."""
    problems: tuple[Problem, ...]
    """In order of place in the log, the checkpoint's own last."""

    @property
    def intact(self) -> bool:
        """Whether there is nothing wrong."""
        return not self.problems
