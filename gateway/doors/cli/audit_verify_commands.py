"""`gateway audit verify` and `checkpoint`: hold the log against its key and against checkpoints kept elsewhere."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from connectors.sdk.tlog.copying import take_log
from connectors.sdk.tlog.merkle import ProofInvalid, verify_consistency
from connectors.sdk.tlog.note import Checkpoint, VerificationKey, read_checkpoint
from connectors.sdk.tlog.problems import Verification
from connectors.sdk.tlog.verify import verify
from gateway.client import Connection
from gateway.doors.cli.options import LanguageChoice, LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

commands = typer.Typer()
EXIT_BROKEN = 1
_Key = Annotated[Path, typer.Option(help="日志验证公钥 / the log's verification key", exists=True, dir_okay=False)]


@commands.command("verify")
def verify_log(
    key: _Key,
    log: Annotated[Path | None, typer.Option(help="日志目录 / log directory", exists=True, file_okay=False)] = None,
    profile: Annotated[Path | None, typer.Option(help="经网关下载 / download through the gateway", exists=True)] = None,
    kept: Annotated[
        list[Path] | None, typer.Option(help="另存的检查点 / checkpoint kept elsewhere", exists=True, dir_okay=False)
    ] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """验证日志未被改动 / verify that nobody changed the log. Exit 1 when somebody did."""
    screen = Screen.make(language.value)
    if (log is None) == (profile is None):
        screen.say("请给出 --log 或 --profile 之一。", "give either --log or --profile.")
        raise typer.Exit(EXIT_INVALID)
    public_key, notes = VerificationKey.from_text(key.read_text("utf-8")), [path.read_bytes() for path in kept or ()]
    if log is not None:
        _show(screen, verify(log, public_key=public_key, kept_checkpoints=notes))
    elif profile is not None:
        with tempfile.TemporaryDirectory() as folder:
            with connected(profile, language) as (connection, _):
                _download(connection, directory=Path(folder))
            _show(screen, verify(Path(folder), public_key=public_key, kept_checkpoints=notes))


@commands.command("checkpoint")
def checkpoint(
    profile: ProfileOption,
    key: _Key,
    output: Annotated[Path, typer.Option(help="保存为 / write to")],
    kept: Annotated[
        Path | None, typer.Option(help="上次保存的检查点 / the checkpoint kept last", exists=True, dir_okay=False)
    ] = None,
    language: LanguageOption = None,
) -> None:
    """领取并另存检查点，证明日志只增不改 / fetch a checkpoint that continues the one kept last. Exit 1 if none does."""
    public_key = VerificationKey.from_text(key.read_text("utf-8"))
    old = read_checkpoint(kept.read_bytes(), public_key=public_key) if kept else None
    with connected(profile, language) as (connection, screen):
        stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
        request = audit_pb2.GetCheckpointRequest(old_size=old.size if old else 0)
        answer = stub.GetCheckpoint(request, metadata=connection.headers())
    try:
        new = read_checkpoint(answer.checkpoint, public_key=public_key)
        if old:
            _check_continues(old, new, proof=list(answer.consistency_proof))
    except ValueError as error:
        screen.say(
            f"✗ 检查点不可信，未保存：{error}。请用 gateway audit verify --kept 验证日志。",
            f"✗ the checkpoint cannot be trusted and was not saved: {error}. "
            "Verify the log with gateway audit verify --kept.",
        )
        raise typer.Exit(EXIT_BROKEN) from error
    output.write_bytes(answer.checkpoint)
    screen.say(f"✓ 检查点已保存：{new.size:,} 条，{output}", f"✓ the checkpoint of {new.size:,} entries is in {output}")


def _check_continues(old: Checkpoint, new: Checkpoint, *, proof: list[bytes]) -> None:
    if new.size < old.size:
        raise ProofInvalid(f"{old.size} → {new.size}")
    verify_consistency(old_size=old.size, old_root=old.root, size=new.size, root=new.root, proof=proof)


def _download(connection: Connection, *, directory: Path) -> None:
    stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
    responses = stub.ReadLog(audit_pb2.ReadLogRequest(), metadata=connection.headers())
    take_log(((response.file, response.data) for response in responses), directory=directory)


def _show(screen: Screen, verification: Verification) -> None:
    root = verification.root.hex()[:16]
    if verification.retired:
        screen.say(
            f"已到期清理：{verification.retired:,} 条，凭签名清理凭证。",
            f"removed when their retention ended: {verification.retired:,} entries, as a signed tombstone says.",
        )
    if verification.unchecked:
        screen.say(
            f"{verification.unchecked} 个检查点早于清理的内容，无法核对；请另存较新的检查点。",
            f"{verification.unchecked} checkpoints are older than what was removed and cannot be checked: "
            "keep a newer one.",
        )
    if verification.intact:
        screen.out.print(
            f"✓ 日志完整：{verification.entries:,} 条，树根 {root}…"
            if screen.language == "zh"
            else f"✓ the log is intact: {verification.entries:,} entries, root {root}…"
        )
        return
    for problem in verification.problems:
        where = f"{problem.sequence or '—'} ({problem.entry_id or '—'}) {problem.place}"
        label = "第几条" if screen.language == "zh" else "entry"
        screen.out.print(f"✗ {problem.kind} · {label} {where}: {screen.words(problem.text)}", markup=False)
    raise typer.Exit(EXIT_BROKEN)
