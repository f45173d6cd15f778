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
    TOMBSTONE_FORGED = "tombstone_forged"
    PLANTED = "planted"


_TEXTS: dict[ProblemKind, Text] = {
    ProblemKind.MALFORMED: Text(
        zh="此处的内容不是一条记录。请从备份中取出该文件进行比对。",
        en="What stands here is not an entry. Compare the file with a backup.",
    ),
    ProblemKind.MISSING: Text(
        zh="该记录缺失，此处是后面的内容。请从备份中找回该记录。",
        en="The entry is missing; something later stands in its place. Look for the entry in a backup.",
    ),
    ProblemKind.DUPLICATED: Text(
        zh="该记录再次出现。请保全日志目录并追查改动者。",
        en="The entry occurs again. Keep the folder as evidence and find out who changed it.",
    ),
    ProblemKind.REORDERED: Text(
        zh="该记录的位置被提前。请保全日志目录并追查改动者。",
        en="The entry stands before its turn. Keep the folder as evidence and find out who changed it.",
    ),
    ProblemKind.ALTERED: Text(
        zh="该记录写入后被改动：其哈希与签名检查点或校验和不符。请与备份比对。",
        en="The entry was changed after it was written: its hash does not fit the signed checkpoint or the checksum. "
        "Compare it with a backup.",
    ),
    ProblemKind.FOREIGN: Text(
        zh="由此开始的内容属于另一段历史：同一密钥签过两份不同的日志。请保全两份日志并更换签名密钥。",
        en="What begins here belongs to another history: the key has signed two different logs. "
        "Keep both as evidence and replace the signing key.",
    ),
    ProblemKind.REWRITTEN: Text(
        zh="截至该记录的日志与检查点签名的内容不同：该记录或之前的记录被改写。请与备份比对。",
        en="The log up to this entry is not what a checkpoint signs: this entry or one before it was rewritten. "
        "Compare it with a backup.",
    ),
    ProblemKind.TRUNCATED: Text(
        zh="日志在该记录之前结束，而签名检查点包含它。请从备份中找回后面的内容。",
        en="The log ends before this entry, which a signed checkpoint counts. Look for the rest in a backup.",
    ),
    ProblemKind.UNSIGNED: Text(
        zh="没有检查点包含该记录：它是事后加入的。请保全日志目录并追查改动者。",
        en="No checkpoint counts this entry: it was added afterwards. "
        "Keep the folder as evidence and find out who changed it.",
    ),
    ProblemKind.CHECKPOINT_MISSING: Text(
        zh="没有检查点。请用另存的检查点核对。",
        en="There is no checkpoint. Verify with one that was kept elsewhere.",
    ),
    ProblemKind.CHECKPOINT_MALFORMED: Text(
        zh="检查点格式不正确。请用另存的检查点核对。",
        en="The checkpoint is malformed. Verify with one that was kept elsewhere.",
    ),
    ProblemKind.CHECKPOINT_FORGED: Text(
        zh="检查点不是由该日志的密钥签名的。请核对公钥；公钥无误时，由此开始的内容是伪造的。",
        en="The checkpoint is not signed with this log's key. Check the key; if it is right, what begins here is "
        "forged.",
    ),
    ProblemKind.TOMBSTONE_FORGED: Text(
        zh="清理凭证不是由该日志的密钥签名的，或自相矛盾。请从备份中找回被删除的日志段。",
        en="The tombstone is not signed with this log's key or contradicts itself. "
        "Look for the removed segments in a backup.",
    ),
    ProblemKind.PLANTED: Text(
        zh="此处原有的记录期满后已删除，现有的文件并非被删除的文件。请将其移出日志目录并保全，追查放置者。",
        en="The entries of this place were removed when their retention ended, and this file is not what was removed. "
        "Move it out of the folder, keep it as evidence and find out who put it there.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, at the first place where it shows."""

    kind: ProblemKind
    sequence: int | None
    """Entry at fault, from 1; None when a checkpoint or the tombstone is."""
    entry_id: str | None
    """Its id, when it can be read."""
    place: str
    """File and byte, for example `segment-000000000001.log:7310`."""

    @property
    def text(self) -> Text:
        """What is wrong and what to do, for people."""
        return _TEXTS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What verification found."""

    entries: int
    """Entries that whole commits hold without a gap, with those that were removed when their retention ended."""
    retired: int
    """Entries that were removed when their retention ended; a signed tombstone stands for them."""
    root: bytes
    """Root of their Merkle tree, 32 bytes."""
    torn_bytes: int
    """Bytes of an unfinished commit at the end, which is what a crash, or a writer at work, leaves."""
    unchecked: int
    """Kept checkpoints that are older than the tombstone: what they count is gone."""
    problems: tuple[Problem, ...]
    """In order of place in the log, those of checkpoints last."""

    @property
    def intact(self) -> bool:
        """Whether there is nothing wrong."""
        return not self.problems
