"""Verify the whole log in the console's own process, as `gateway audit verify` does on an auditor's machine."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catalog.dataset import Text
from connectors.sdk.tlog.copying import take_log
from connectors.sdk.tlog.merkle import ProofInvalid, verify_consistency
from connectors.sdk.tlog.note import (
    Checkpoint,
    ForgedCheckpointError,
    MalformedCheckpointError,
    VerificationKey,
    parse_checkpoint,
    read_checkpoint,
    verify_cosignature,
)
from connectors.sdk.tlog.problems import Verification
from connectors.sdk.tlog.verify import verify
from gateway.client import Connection, RequestError, request_errors
from gateway.doors.console.downloads import UNFINISHED_PREFIX
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc


class Phase(StrEnum):
    """What a verification is at."""

    CHECKPOINT = "checkpoint"
    READING = "reading"
    VERIFYING = "verifying"
    DONE = "done"


class Cancelled(Exception):
    """Nobody waits for it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """A witness's line on a checkpoint."""

    witness: str
    cosigned_at: int | None
    """Seconds since 1970-01-01 UTC; None when it was not checked, or is not the witness's."""
    known: bool
    """Whether the auditor brought the witness's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A checkpoint, held against key, witnesses and the one verified before."""

    note: bytes
    checkpoint: Checkpoint | None
    """None when it is not signed with the key."""
    cosignatures: tuple[Cosignature, ...] = ()
    continues: bool | None = None
    """Whether it continues the one verified before; None when there was none."""
    problem: Text | None = None
    """What is wrong with it, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a verification found."""

    held: Held
    verification: Verification
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing at all is wrong."""
        return self.verification.intact and self.held.problem is None


_FORGED = Text(
    zh="检查点不是用这把公钥对应的密钥签名的。请先核对公钥是否为本市日志的公钥；公钥无误时，请保全现场并立即报告。",
    en="The checkpoint is not signed with this log's key. First make sure that the key is this city's; if it is, keep everything "
    "as evidence and report it at once.",
)
_MALFORMED = Text(
    zh="检查点格式不正确。请重试；再次出现时请联系网关管理员。",
    en="The checkpoint is malformed. Try again; if it stays so, ask the gateway's administrator.",
)
_NOT_CONTINUED = Text(
    zh="日志没有接续此前验证过的检查点：历史被改写或退回。请下载并保全两个检查点，立即报告。",
    en="The log does not continue the checkpoint that was verified before: history was rewritten or put back. "
    "Keep both checkpoints as evidence and report it at once.",
)
_NO_LOG = Text(
    zh="网关送来的不是日志文件。请重试；再次出现时请联系网关管理员。",
    en="What the gateway sent is no log. Try again; if it stays so, ask the gateway's administrator.",
)

_DISK = Text(
    zh="控制台磁盘放不下日志副本，没有验证。请联系控制台运维，或用命令 gateway audit verify 在自己的机器上核对。",
    en="The log's copy did not fit on the console's disk, nothing was verified. Tell its operator, or use `gateway audit verify` "
    "on your own machine.",
)


class Verifying:
    """One verification, in a thread of its own.

    Args:
        connection: With the auditor's own token.
        key: The log's, as the auditor brought it.
        witnesses: Keys of witnesses, as the auditor brought them.
        kept: Checkpoints that the log must continue; the last one was verified before in this session.
        folder: Below which the log's copy lies meanwhile; nobody else may read it.
        ended: Called when it has ended, however it does.

    Raises:
        RuntimeError: It cannot start; `ended` was called.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        key: VerificationKey,
        witnesses: Sequence[VerificationKey],
        kept: Sequence[bytes],
        folder: Path,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        self.phase = Phase.CHECKPOINT
        self.bytes_read = 0
        self.entries = 0
        """Verified so far."""
        self.entries_expected = 0
        """As the checkpoint says; 0 while that is not known."""
        self.found: Found | None = None
        self.error: RequestError | None = None
        """Why the log could not be had."""
        self.problem: Text | None = None
        """Why nothing could be verified."""
        self._connection = connection
        self._key = key
        self._witnesses = witnesses
        self._kept = tuple(kept)
        self._folder = folder
        self._ended = ended
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="verify-log")
        try:
            self._thread.start()
        except RuntimeError:
            ended()
            raise

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.phase is not Phase.DONE

    def cancel(self) -> None:
        """End it soon."""
        self._cancelled.set()

    def _run(self) -> None:
        try:
            with request_errors():
                self._verify()
        except RequestError as error:
            self.error = error
        except Cancelled:
            self.problem = Text(zh="验证已取消。", en="The verification was cancelled.")
        except ValueError:
            self.problem = _NO_LOG
        except OSError:
            self.problem = _DISK
        finally:
            self.phase = Phase.DONE
            self._ended()

    def _verify(self) -> None:
        begun = time.monotonic()
        held = hold_checkpoint(
            self._connection, key=self._key, witnesses=self._witnesses, kept=self._kept[-1] if self._kept else None
        )
        self.entries_expected = held.checkpoint.size if held.checkpoint else 0
        self.phase = Phase.READING
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=f"{UNFINISHED_PREFIX}log-") as folder:
            take_log(self._pieces(), directory=Path(folder))
            self.phase = Phase.VERIFYING
            notes = (*self._kept, *([held.note] if held.checkpoint else []))
            verification = verify(
                Path(folder), public_key=self._key, kept_checkpoints=notes, parallel=False, on_progress=self._progress
            )
        self.found = Found(held=held, verification=verification, seconds=time.monotonic() - begun)

    def _pieces(self) -> Iterator[tuple[str, bytes]]:
        stub = audit_pb2_grpc.AuditServiceStub(self._connection.channel)
        call = stub.ReadLog(audit_pb2.ReadLogRequest(), metadata=self._connection.headers())
        for piece in call:
            if self._cancelled.is_set():
                call.cancel()
                raise Cancelled
            self.bytes_read += len(piece.data)
            yield piece.file, piece.data

    def _progress(self, entries: int) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        self.entries = entries


def hold_checkpoint(
    connection: Connection, *, key: VerificationKey, witnesses: Sequence[VerificationKey], kept: bytes | None
) -> Held:
    """Fetch the newest checkpoint and hold it against the key, the witnesses' and the one that was kept.

    Args:
        connection: With the auditor's own token.
        key: The log's.
        witnesses: Those whose cosignatures can be checked.
        kept: Signed note of an earlier checkpoint, which the key has signed.

    Raises:
        grpc.RpcError: It cannot be had.
    """
    old = read_checkpoint(kept, public_key=key) if kept else None
    stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
    request = audit_pb2.GetCheckpointRequest(old_size=old.size if old else 0)
    answer = stub.GetCheckpoint(request, metadata=connection.headers())
    try:
        checkpoint = read_checkpoint(answer.checkpoint, public_key=key)
    except (ForgedCheckpointError, MalformedCheckpointError) as error:
        problem = _FORGED if isinstance(error, ForgedCheckpointError) else _MALFORMED
        return Held(note=answer.checkpoint, checkpoint=None, problem=problem)
    continues = _continues(old, checkpoint, proof=answer.consistency_proof) if old else None
    return Held(
        note=answer.checkpoint,
        checkpoint=checkpoint,
        cosignatures=cosignatures_of(answer.checkpoint, log=key.name, witnesses=witnesses),
        continues=continues,
        problem=_NOT_CONTINUED if continues is False else None,
    )


def cosignatures_of(note: bytes, *, log: str, witnesses: Sequence[VerificationKey]) -> tuple[Cosignature, ...]:
    """Return the witnesses' lines on a checkpoint, each checked when its key is here.

    Raises:
        MalformedCheckpointError: It is no checkpoint.
    """
    checkpoint, lines = parse_checkpoint(note)
    keys = {key.name: key for key in witnesses}
    found = []
    for line in lines:
        name = line.split(" ")[1]
        if name != log:
            found.append(
                Cosignature(
                    witness=name,
                    cosigned_at=_cosigned_at(line, checkpoint=checkpoint, key=keys.get(name)),
                    known=name in keys,
                )
            )
    return tuple(found)


def _cosigned_at(line: str, *, checkpoint: Checkpoint, key: VerificationKey | None) -> int | None:
    if key is None:
        return None
    try:
        return verify_cosignature(line.encode(), checkpoint=checkpoint, witness_key=key)
    except ForgedCheckpointError:
        return None


def _continues(old: Checkpoint, new: Checkpoint, *, proof: Sequence[bytes]) -> bool:
    try:
        verify_consistency(old_size=old.size, old_root=old.root, size=new.size, root=new.root, proof=proof)
    except ProofInvalid:
        return False
    return True
