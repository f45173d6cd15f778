"""报表: forms that an office has to hand in, filled in with what departments know."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from starlette.responses import Response

from catalog.dataset import Text
from gateway.client import request_errors
from gateway.client.reports.fill import PreparedReport, Wanted, prepare_report
from gateway.client.reports.model import ReportInvalid, Template, load_template, template_names
from gateway.client.reports.sheet import write_report
from gateway.doors.console.days import today
from gateway.doors.console.roles import ASKING
from gateway.doors.console.runs.results import Refused
from gateway.doors.console.runs.run import Question, Run, State
from gateway.doors.console.runs.spool import SpoolClosed
from gateway.doors.console.visit import Action, Page, Visit
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_ROWS_MAX = 20_000
"""Of one form: what is larger is no form for people, and would stand whole in memory."""
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TYPED = "set-"
"""Begins the names of the form's fields for parameters."""
_GONE = Text(
    zh="这次填好的报表已不在了（会话已结束或被新的结果替换）。请重新生成。",
    en="This filled form is not there any more: the session ended, or newer results took its place. Fill it in again.",
)
_DISK = Text(
    zh="控制台磁盘已满，报表文件没有生成。请在“查询结果”页关闭不再需要的结果，稍后重新生成。",
    en="The console's disk is full, the file was not made. Close results that are no longer needed on the page “Results”, "
    "then fill the form in again.",
)
_TOO_LONG = Text(
    zh=f"超过 {_ROWS_MAX:,} 行，不宜作为一张表。请选择一个居（村）委会，分开生成。",
    en=f"More than {_ROWS_MAX:,} rows, which is no form any more. Choose one committee and fill in several forms.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offered:
    """A template, and the purpose it declares as far as it is open to the requester."""

    template: Template
    purpose: catalog_pb2.PurposeDescription | None


def list_templates(visit: Visit) -> Response:
    """Show every form that can be filled in."""
    purposes = {purpose.id: purpose for purpose in visit.connection.catalog.purposes()}
    templates = [load_template(name) for name in template_names()]
    offered = [_Offered(template=template, purpose=purposes.get(template.purpose)) for template in templates]
    return visit.render("reports.html", offered=offered)


def show(visit: Visit) -> Response:
    """Show one form, what it needs to be told, and who fills in which column."""
    template = _template(visit)
    if template is None:
        return visit.render("report_unknown.html")
    purposes = {purpose.id: purpose for purpose in visit.connection.catalog.purposes()}
    return visit.render(
        "report.html",
        sheet=template,
        purpose=purposes.get(template.purpose),
        divisions=_divisions(visit),
        typed={name: parameter.default for name, parameter in template.parameters.items()},
    )


def _fill(visit: Visit) -> Response:
    template = _template(visit)
    if template is None:
        return visit.go("/reports")
    try:
        prepared = _prepared(visit, template)
        question = Question(
            sql=prepared.statement,
            purpose=template.purpose,
            case=prepared.wanted.case,
            title=visit.words(template.title),
        )
        run = visit.session.results.start(visit.connection, question)
    except (ReportInvalid, Refused) as error:
        return visit.render("report_filling.html", sheet=template, run=None, problem=error.text)
    return _filling(visit, template, run)


def _progress(visit: Visit) -> Response:
    template, run = _template(visit), visit.session.results.find(visit.names["run"])
    if template is None or run is None:
        return visit.render("report_filling.html", sheet=template, run=None, problem=_GONE)
    return _filling(visit, template, run)


def _cancel(visit: Visit) -> Response:
    run = visit.session.results.find(visit.names["run"])
    if run is not None:
        run.cancel()
    return _progress(visit)


def _download(visit: Visit) -> Response:
    template, run = _template(visit), visit.session.results.find(visit.names["run"])
    if template is None or run is None:
        return visit.render("report_filling.html", sheet=template, run=None, problem=_GONE)
    if run.spool.rows > _ROWS_MAX:
        return _filling(visit, template, run)
    try:
        prepared = _prepared(visit, template)
        batches = list(run.batches())
        table = pa.Table.from_batches(batches, schema=run.schema)
        prepared.check(table.schema)
        report = prepared.report(table, receipt=run.receipt)
        name = f"{visit.words(template.title)} {prepared.wanted.today}.xlsx"
        path = visit.session.downloads.offer(
            name=name, media_type=_XLSX, write=lambda path: write_report(report, path=path)
        )
    except ReportInvalid as error:
        return visit.render("report_filling.html", sheet=template, run=None, problem=error.text)
    except SpoolClosed:
        return visit.render("report_filling.html", sheet=template, run=None, problem=_GONE)
    except OSError:
        return visit.render("report_filling.html", sheet=template, run=None, problem=_DISK)
    return visit.go(path)


def _filling(visit: Visit, template: Template, run: Run) -> Response:
    state = run.state  # before all else: what belongs to it was there before it
    problem = _TOO_LONG if state is State.COMPLETE and run.spool.rows > _ROWS_MAX else None
    problem = _GONE if state is State.CLOSED else problem
    by_hand = sum(column.ask is not None for column in template.columns)
    typed = {name: value for name, value in visit.form.items() if name.startswith(_TYPED) or name == "case"}
    return visit.render(
        "report_filling.html",
        sheet=template,
        run=run,
        state=state.value,
        problem=problem,
        by_hand=by_hand,
        typed=typed,
    )


def _template(visit: Visit) -> Template | None:
    """Return the template of the route; never one of another's file."""
    name = visit.names["id"]
    return load_template(name) if name in template_names() else None


def _prepared(visit: Visit, template: Template) -> PreparedReport:
    wanted = Wanted(
        template=template,
        typed={name: visit.text(f"{_TYPED}{name}") for name in template.parameters},
        case=visit.text("case"),
        language=visit.language,
        today=today(visit.now),
    )
    return prepare_report(visit.connection, wanted)


def _divisions(visit: Visit) -> list[catalog_pb2.Code]:
    """Return the divisions below the office's own, which stands for all of them."""
    stub = catalog_pb2_grpc.CatalogServiceStub(visit.connection.channel)
    with request_errors():
        answer = stub.ListDivisions(catalog_pb2.ListDivisionsRequest(), metadata=visit.connection.headers())
    return list(answer.divisions)[1:]


PAGES = (
    Page(path="/reports", title=Text(zh="报表", en="Report sheets"), show=list_templates, group="ask", roles=ASKING),
    Page(path="/reports/{id}", title=Text(zh="报表", en="Report sheet"), show=show),
)
ACTIONS = (
    Action(method="POST", path="/reports/{id}/fill", call=_fill),
    Action(method="POST", path="/reports/{id}/fills/{run}", call=_progress, live=True),
    Action(method="POST", path="/reports/{id}/fills/{run}/cancel", call=_cancel),
    Action(method="POST", path="/reports/{id}/fills/{run}/download", call=_download),
)
