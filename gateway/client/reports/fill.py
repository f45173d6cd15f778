"""Ask for what a template needs, and write the finished form."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from catalog.dataset import Text
from gateway.client.connection import Connection
from gateway.client.files.cover_sheet import terms_of
from gateway.client.files.formats import appearing
from gateway.client.files.local import LocalDatasets, Request
from gateway.client.reports.codes import Codes, load_codes
from gateway.client.reports.model import (
    DIVISIONS,
    YEARS_MAX,
    Parameter,
    ParameterKind,
    ReportInvalid,
    Template,
    with_values,
)
from gateway.client.reports.sheet import Report, write_report

_ALL = Text(zh="全部", en="all")
_EXPECTED = {
    ParameterKind.INTEGER: Text(zh="整数", en="a whole number"),
    ParameterKind.DATE: Text(zh="日期，例如 2026-12-31", en="a date such as 2026-12-31"),
    ParameterKind.AGE: Text(zh=f" 0 至 {YEARS_MAX} 的整数", en=f"whole years from 0 to {YEARS_MAX}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledReport:
    """A form that was written."""

    rows: int
    entry: str
    """Id of the audit entry."""
    expires_at: int
    """When it must be destroyed, seconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be filled in."""

    template: Template
    typed: Mapping[str, str]
    """Values of parameters, by name, as a person typed them; others get their default."""
    case: str
    """Case number, where the purpose needs one."""
    language: Literal["zh", "en"]
    """Of headings, words and notes."""
    today: datetime.date
    """In Shanghai."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A parameter that is set."""

    value: str | int | datetime.date
    """What the statement gets."""
    shown: Text
    """What stands on the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedReport:
    """A form whose parameters are set and whose data is not asked for yet."""

    wanted: Wanted
    codes: Codes
    settings: Mapping[str, Setting]
    """By name of the parameter."""

    @property
    def parameters(self) -> tuple[str | int | datetime.date, ...]:
        """Value of each `?` of the template's statement, in order."""
        return tuple(self.settings[name].value for name in self.wanted.template.bind)

    @property
    def statement(self) -> str:
        """The template's statement with the values written in it: for the gateway the same one."""
        return with_values(self.wanted.template.sql, self.parameters)

    def check(self, schema: pa.Schema) -> None:
        """Raise ReportInvalid when the result does not have the template's columns."""
        _check_columns(self.wanted.template, schema)

    def report(self, table: pa.Table, *, receipt: Mapping[str, Any]) -> Report:
        """Return the form with the rows of the statement's whole result."""
        template = self.wanted.template
        return Report(
            template=template,
            table=table,
            receipt=receipt,
            codes=self.codes,
            settings=[(template.parameters[name].title, setting.shown) for name, setting in self.settings.items()],
            today=self.wanted.today,
            language=self.wanted.language,
        )


def prepare_report(connection: Connection, wanted: Wanted) -> PreparedReport:
    """Read what a person typed, and the code lists that the form needs.

    Raises:
        ReportInvalid: A parameter does not fit.
        RequestError: The requester may not know of a dataset, or the gateway is not there.
    """
    codes = load_codes(connection, datasets=wanted.template.code_lists)
    return PreparedReport(wanted=wanted, codes=codes, settings=_settings(wanted, codes=codes))


def fill_report(
    connection: Connection, wanted: Wanted, *, path: Path, profile: Path, datasets: LocalDatasets
) -> FilledReport:
    """Run the template's statement and write the form to `path`, which appears only when it is complete.

    Args:
        connection: Of the office that hands the form in.
        wanted: Which form, and with which values.
        path: .xlsx; a file of that name is replaced. The receipt appears beside it.
        profile: Of the recipient; with it the form's destruction is recorded.
        datasets: Remembers the form until then.

    Raises:
        ReportInvalid: A parameter, the template or the path does not fit.
        RequestError: Denied, invalid or unavailable.
        OSError: The file cannot be written.
    """
    _check_path(path)
    template, path = wanted.template, path.absolute()
    prepared = prepare_report(connection, wanted)
    parameters, case = prepared.parameters, wanted.case
    with connection.query(template.sql, purpose=template.purpose, case=case, parameters=parameters) as result:
        prepared.check(result.schema)
        request = Request(sql="", purpose=template.purpose, case=case)  # asked again, it would be no form
        expires_at = int(result.expires_at.timestamp())
        datasets.begin(result.entry, path=path, profile=profile.absolute(), request=request, expires_at=expires_at)
        table, receipt = result.to_arrow(), result.receipt
    report = prepared.report(table, receipt=receipt)
    beside = {**receipt, "terms": terms_of(table.schema)}
    with appearing(path, beside=lambda: beside, replacing=datasets.replacing) as unfinished:
        write_report(report, path=unfinished)
    datasets.finish(path, rows={result.entry: table.num_rows})
    return FilledReport(rows=table.num_rows, entry=result.entry, expires_at=expires_at)


def _check_path(path: Path) -> None:
    if path.suffix != ".xlsx" or not path.parent.is_dir():
        raise ReportInvalid(
            Text(
                zh=f"{path}：报表须保存为 .xlsx，且文件夹须已存在。",
                en=f"{path}: a report is saved as .xlsx, in a folder that exists.",
            )
        )


def _settings(wanted: Wanted, *, codes: Codes) -> dict[str, Setting]:
    """Return every parameter by name, set or with its default."""
    parameters = wanted.template.parameters
    unknown = wanted.typed.keys() - parameters.keys()
    if unknown:
        known = " ".join(parameters) or "—"
        raise ReportInvalid(
            Text(
                zh=f"模板没有参数“{min(unknown)}”。可设：{known}",
                en=f"The template has no parameter '{min(unknown)}'. There are: {known}",
            )
        )
    return {
        name: _setting(
            name, parameter, typed=wanted.typed.get(name, parameter.default).strip(), wanted=wanted, codes=codes
        )
        for name, parameter in parameters.items()
    }


def _setting(name: str, parameter: Parameter, *, typed: str, wanted: Wanted, codes: Codes) -> Setting:
    if parameter.kind is ParameterKind.DIVISION and typed:
        code = codes.division(typed)
        return Setting(value=code, shown=codes.words(DIVISIONS, code))
    try:
        value = parameter.read(typed, today=wanted.today)
    except ValueError as error:
        what = _EXPECTED.get(parameter.kind) or Text(
            zh=f"格式 {parameter.pattern}", en=f"text like {parameter.pattern}"
        )
        raise ReportInvalid(
            Text(
                zh=f"参数 {name}（{parameter.title.zh}）不能是“{typed}”，应为{what.zh}。请改正。",
                en=f"Parameter {name} ({parameter.title.en}) cannot be '{typed}': give {what.en}.",
            )
        ) from error
    return Setting(value=value, shown=Text(zh=typed, en=typed) if typed else _ALL)


def _check_columns(template: Template, schema: pa.Schema) -> None:
    for column in template.filled:
        if schema.names.count(column.column) != 1:
            problem = ("结果中没有该列，或有多个", "the result has no such column, or several")
        elif column.total and not _is_number(schema.field(column.column).type):
            problem = ("不是数值，不能合计", "is no number and has no total")
        else:
            continue
        names = " ".join(schema.names)
        raise ReportInvalid(
            Text(
                zh=f"模板 {template.id} 的列“{column.column}”：{problem[0]}。结果的列：{names}。请改正模板。",
                en=f"Column '{column.column}' of template {template.id}: {problem[1]}. The result has {names}."
                " Correct the template.",
            )
        )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
