"""Verify the whole log, and see how far it is."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from catalog.dataset import Text
from connectors.sdk.tlog.note import read_checkpoint
from gateway.doors.console.audit.proving import uploaded
from gateway.doors.console.audit.verifying import Phase, Verifying
from gateway.doors.console.audit.work import AuditWork, Kept
from gateway.doors.console.roles import AUDITING
from gateway.doors.console.visit import Action, Page, Visit

_PHASES = {
    Phase.CHECKPOINT: Text(zh="正在领取签名检查点", en="Fetching the signed checkpoint"),
    Phase.READING: Text(zh="正在读取日志", en="Reading the log"),
    Phase.VERIFYING: Text(zh="正在逐条核对", en="Verifying entry by entry"),
}
_KEPT_REFUSED = Text(
    zh="所选文件不是用这把公钥可核对的检查点。请选择以前下载保存的检查点文件，或不选文件。",
    en="The file is no checkpoint that this key verifies. Choose one that you downloaded earlier, or none.",
)
_BUSY = Text(
    zh="已有多人正在验证日志。请过几分钟再试。",
    en="Others are verifying the log right now. Try again in a few minutes.",
)
_FULL = 100


def show(visit: Visit) -> Response:
    """Show the page."""
    return visit.render("audit/verify.html", **_state(visit))


def start(visit: Visit) -> Response:
    """Begin to verify, unless that is under way."""
    with visit.session.audit.lock:
        problem = _begin(visit, visit.session.audit, text=uploaded(visit, "kept"))
    return visit.render("audit/verify_progress.html", **_state(visit) | {"problem": problem})


def progress(visit: Visit) -> Response:
    """Show how far it is, or what was found."""
    return visit.render("audit/verify_progress.html", **_state(visit))


def cancel(visit: Visit) -> Response:
    """End it."""
    visit.session.audit.close()
    return visit.render("audit/verify_progress.html", **_state(visit))


def keep(visit: Visit) -> Response:
    """Offer the checkpoint that was verified last as a file, to be kept elsewhere."""
    kept = visit.session.audit.kept
    if kept is None:
        return visit.render("audit/verify_progress.html", **_state(visit))
    note = kept.note
    path = visit.session.downloads.offer(
        name=f"checkpoint-{kept.checkpoint.size}.txt",
        media_type="text/plain; charset=utf-8",
        write=lambda path: path.write_bytes(note),
    )
    return visit.go(path)


def _begin(visit: Visit, work: AuditWork, *, text: str) -> Text | None:
    """Begin, and return why not; `text` is a checkpoint that the auditor kept. The lock of `work` is held."""
    if work.keys is None or (work.verifying is not None and work.verifying.running):
        return None
    kept = [work.kept.note] if work.kept else []
    if text:
        try:
            read_checkpoint(text.encode(), public_key=work.keys.log)
        except ValueError:
            return _KEPT_REFUSED
        kept.insert(0, text.encode())
    room = visit.session.results.room
    if not room.verifying.acquire(blocking=False):
        return _BUSY
    work.verifying = Verifying(
        visit.connection,
        key=work.keys.log,
        witnesses=work.keys.witnesses,
        kept=kept,
        folder=room.folder,
        ended=room.verifying.release,
    )
    return None


def _state(visit: Visit) -> dict[str, Any]:
    work = visit.session.audit
    with work.lock:
        _remember(work)
        keys, kept, verifying = work.keys, work.kept, work.verifying
    return {
        "keys": keys,
        "kept": kept,
        "verifying": verifying,
        "phase": _PHASES.get(verifying.phase) if verifying else None,
        "percent": _percent(verifying) if verifying else 0,
        "problem": None,
        "back": "/verify",
    }


def _remember(work: AuditWork) -> None:
    """Keep the checkpoint of a verification that passed, for the next one to continue."""
    found = work.verifying.found if work.verifying else None
    if found is None or not found.passed or found.held.checkpoint is None:
        return
    if work.kept is None or found.held.checkpoint.size > work.kept.checkpoint.size:
        work.kept = Kept(note=found.held.note, checkpoint=found.held.checkpoint)


def _percent(verifying: Verifying) -> int:
    if verifying.phase is not Phase.VERIFYING or not verifying.entries_expected:
        return 0
    return min(_FULL, _FULL * verifying.entries // verifying.entries_expected)


PAGES = (
    Page(path="/verify", title=Text(zh="验证日志", en="Verify the log"), show=show, group="audit", roles=AUDITING),
)
ACTIONS = (
    Action(method="POST", path="/verify/start", call=start),
    Action(method="GET", path="/verify/progress", call=progress, live=True),
    Action(method="POST", path="/verify/cancel", call=cancel),
    Action(method="POST", path="/verify/checkpoint", call=keep),
)
