"""`gateway audit …` for recipients and their files: receipts, what a file is, and whose copy leaked."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from connectors.sdk.tlog.entry import Entry
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.watermark import DIGESTS_MIN, read_marks
from gateway.doors.cli.options import LanguageChoice, LanguageOption, ProfileOption
from gateway.doors.cli.received_file import FileRefused, check_file, files_of, text_columns
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.audit.v1 import audit_pb2, audit_pb2_grpc

commands = typer.Typer()
EXIT_REFUSED = 1
_File = Annotated[Path, typer.Argument(help="文件 / file", exists=True, dir_okay=False)]


@commands.command("receipt")
def receipt(
    profile: ProfileOption,
    entry: Annotated[str, typer.Argument(help="审计编号 / audit entry of the delivery")],
    output: Annotated[Path, typer.Option(help="保存为 / write to: F.receipt.json")],
    language: LanguageOption = None,
) -> None:
    """领取一次交付的回执，可离线证明 / fetch the receipt of a delivery, which proves it offline."""
    with connected(profile, language) as (connection, screen):
        stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
        answer = stub.GetReceipt(audit_pb2.GetReceiptRequest(entry_id=entry), metadata=connection.headers())
        output.write_bytes(answer.receipt)
        screen.say(f"✓ 回执已保存：{output}", f"✓ the receipt is in {output}")


@commands.command("check-file")
def check(
    file: Annotated[Path, typer.Argument(help="文件或分片目录 / file, or folder of parts", exists=True)],
    key: Annotated[Path, typer.Option(help="日志验证公钥 / the log's verification key", exists=True, dir_okay=False)],
    receipt: Annotated[
        Path | None, typer.Option(help="回执；默认取自文件或其旁 / receipt, if not in or beside the file", exists=True)
    ] = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """离线证明文件即所交付的数据 / prove offline that a file is what was delivered. Exit 1 when that is not proven."""
    screen = Screen.make(language.value)
    try:
        for part in files_of(file):
            screen.out.print(part.name, markup=False)
            entry = check_file(part, receipt=receipt, key=VerificationKey.from_text(key.read_text("utf-8")))
            _show_delivery(screen, entry, now=time.time())
    except FileRefused as refused:
        screen.out.print(f"✗ {screen.words(refused.text)}", markup=False)
        raise typer.Exit(EXIT_REFUSED) from refused


@commands.command("trace")
def trace(file: _File, profile: ProfileOption, language: LanguageOption = None) -> None:
    """按水印指认泄露副本的接收人 / name the recipient of a leaked copy by its marks. No value leaves this machine."""
    with connected(profile, language) as (connection, screen):
        try:
            digests, marked = read_marks(text_columns(file))
        except FileRefused as refused:
            screen.say(f"✗ {refused.text.zh}", f"✗ {refused.text.en}")
            raise typer.Exit(EXIT_INVALID) from refused
        suspects: Sequence[audit_pb2.Suspect] = ()
        if len(digests) >= DIGESTS_MIN:
            stub = audit_pb2_grpc.AuditServiceStub(connection.channel)
            request = audit_pb2.TraceCopyRequest(digests=digests.tolist(), marked=marked.tolist())
            suspects = stub.TraceCopy(request, metadata=connection.headers()).suspects
        if not suspects:
            screen.say(
                f"{len(digests)} 个文本的水印不足以指认任何人：副本太小、水印已被去除，或并非由本网关交付。",
                f"the marks of {len(digests)} texts name nobody: the copy is too small, its marks were removed, or this"
                " gateway did not deliver it.",
            )
            return
        screen.table(
            ("请求人", "单位", "相符", "误认概率")
            if screen.language == "zh"
            else ("requester", "office", "fitting", "chance of error"),
            [
                (
                    s.requester,
                    s.office,
                    f"{s.matches:,} / {s.compared:,}",
                    f"< 10^{math.ceil(s.log_chance / math.log(10))}",
                )
                for s in suspects
            ],
        )


def _show_delivery(screen: Screen, entry: Entry, *, now: float) -> None:
    body = entry.body
    who, until = body["requester"], body["expires_at"]
    datasets = ", ".join(dataset["name"] for dataset in body["datasets"])
    zh = screen.language == "zh"
    screen.out.print("✓ 与交付时完全一致" if zh else "✓ exactly as delivered")
    for label_zh, label_en, value in (
        ("接收", "delivered to", f"{who['subject']} ({who['office']})"),
        ("用途", "purpose", " ".join(filter(None, (body["purpose"], body["case"])))),
        ("数据集", "datasets", datasets),
        ("行数", "rows", f"{body['sent']['rows']:,}"),
        ("时间", "at", local_time(entry.time_micros // 1_000_000)),
        ("保存至", "to be kept until", local_time(until)),
        ("审计编号", "audit entry", body["intent"]),
    ):
        screen.indented(label_zh if zh else label_en, value)
    if until <= now:
        screen.out.print("✗ 保存期限已过：请销毁文件。" if zh else "✗ its time is over: destroy the file.")
