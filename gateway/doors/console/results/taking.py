"""Taking a complete result along as a file, and saying that it was destroyed."""

from __future__ import annotations

from starlette.responses import Response

from catalog.dataset import Text
from gateway.client.files.formats import FileProblem
from gateway.doors.console.results.files import MEDIA_TYPES, file_name, writer
from gateway.doors.console.results.finding import columns_for, find_complete
from gateway.doors.console.runs.run import Run
from gateway.doors.console.runs.spool import SpoolClosed
from gateway.doors.console.visit import Action, Visit
from sharing_stubs.sharing.governance.v1 import governance_pb2, governance_pb2_grpc

_INCOMPLETE = Text(
    zh="只有已完成的结果才能下载。请等查询完成，或重新查询。",
    en="Only a complete result can be downloaded. Wait until the query is complete, or ask again.",
)
_DISK = Text(
    zh="控制台磁盘已满，文件没有生成。请关闭不再需要的结果，稍后再试。",
    en="The console's disk is full, the file was not made. Close results that are no longer needed and try again.",
)
_BUSY = Text(
    zh="控制台正在为其他人生成文件，请稍后再试。",
    en="The console is making files for others; try again in a moment.",
)
_METHOD_MISSING = Text(zh="请写明怎样销毁、谁在场见证。", en="Say how it was destroyed, and who witnessed it.")
_METHOD_CHARACTERS_MAX = 200
_WAIT_SECONDS = 0.5
"""The thread that waits is missing to everybody else."""


def _take(visit: Visit) -> Response:
    run, kind = find_complete(visit), visit.text("kind")
    if run is None or kind not in MEDIA_TYPES:
        return visit.render("notice.html", problem=_INCOMPLETE)
    writing = visit.session.results.room.writing
    if not writing.acquire(timeout=_WAIT_SECONDS):
        return visit.render("notice.html", problem=_BUSY)
    try:
        return visit.go(_offer(visit, run, kind=kind))
    except FileProblem as problem:
        return visit.render("notice.html", problem=problem.text)
    except SpoolClosed:
        return visit.render("notice.html", problem=_INCOMPLETE)
    except OSError:
        return visit.render("notice.html", problem=_DISK)
    finally:
        writing.release()


def _offer(visit: Visit, run: Run, *, kind: str) -> str:
    name = file_name(run, kind)
    taken = run.taken if kind != "receipt" else lambda: None
    write = writer(run, kind, columns=columns_for(visit, run), language=visit.language)
    return visit.session.downloads.offer(name=name, media_type=MEDIA_TYPES[kind], write=write, fetched=taken)


def _destroyed(visit: Visit) -> Response:
    run, method = find_complete(visit), visit.text("method")
    if run is None:
        return visit.render("notice.html", problem=_INCOMPLETE)
    if not method:
        return visit.render("notice.html", problem=_METHOD_MISSING)
    stub = governance_pb2_grpc.GovernanceServiceStub(visit.connection.channel)
    request = governance_pb2.RecordDestructionRequest(entry_id=run.entry(), method=method[:_METHOD_CHARACTERS_MAX])
    stub.RecordDestruction(request, metadata=visit.connection.headers())
    run.close("destroyed")
    return visit.go(f"/results/{run.id}")


ACTIONS = (
    Action(method="POST", path="/results/{id}/file", call=_take),
    Action(method="POST", path="/results/{id}/destroyed", call=_destroyed),
)
