"""What `connector check` looks at: whether the source keeps what the catalogue promises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from catalog.dataset import Column, Dataset, Text
from catalog.vocabulary import IdentifierKind
from connectors.sdk.predicates import Predicate, PredicateOp, evaluate
from connectors.sdk.source import MappedTable, Source, SourceCode, SourceError, SourceScan

_SAMPLE_ROWS = 10_000
_TOWNSHIP_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one check. `detail` names columns and counts, never values."""

    dataset: str
    check: Text
    passed: bool
    detail: Text | None = None


def check_source(
    source: Source, *, tables: Mapping[str, MappedTable], datasets: Mapping[str, Dataset]
) -> tuple[Finding, ...]:
    """Check every mapped dataset; a check that cannot run has failed.

    Args:
        source: The department's database.
        tables: What is mapped.
        datasets: The catalogue.
    """
    try:
        described = source.describe()
    except SourceError as error:
        return (_failed("*", _REACHED, error),)
    findings: list[Finding] = []
    for name in sorted(tables):
        findings.extend(_check_dataset(source, datasets[name], described.get(name, pa.schema([]))))
    return tuple(findings)


def _t(zh: str, en: str) -> Text:
    return Text(zh=zh, en=en)


_REACHED = _t("数据源可以访问", "The source can be reached")
_COLUMNS = _t("列与类型", "Columns and types")
_NULLS = _t("非空列", "Columns without nulls")
_SAMPLE = _t("抽样读取", "A sample is read")
_CODES = _t("代码表", "Code lists")
_IDENTIFIERS = _t("标识符校验码", "Check digits of identifiers")
_FILTER = _t("按辖区筛选", "Rows are filtered by jurisdiction")


def _failed(dataset: str, check: Text, error: SourceError) -> Finding:
    return Finding(
        dataset=dataset,
        check=check,
        passed=False,
        detail=_t(f"{error.code}：{error.detail}", f"{error.code}: {error.detail}"),
    )


def _finding(dataset: str, check: Text, wrong: list[str], *, rows: int | None = None) -> Finding:
    named = ", ".join(wrong)
    detail = _t(f"不符合：{named}", f"not as catalogued: {named}") if wrong else None
    if detail is None and rows is not None:
        detail = _t(f"检查了 {rows} 行", f"{rows} rows checked")
    return Finding(dataset=dataset, check=check, passed=not wrong, detail=detail)


def _check_dataset(source: Source, dataset: Dataset, described: pa.Schema) -> Iterator[Finding]:
    wrong = [
        c.name for c in dataset.columns if c.name not in described.names or described.field(c.name).type != c.arrow_type
    ]
    yield _finding(dataset.name, _COLUMNS, wrong)
    if wrong:
        return
    yield _check_nulls(source, dataset)
    try:
        sample = _read(source, dataset, columns=_readable(source, dataset), predicate=_every_row(dataset))
    except SourceError as error:
        yield _failed(dataset.name, _SAMPLE, error)
        return
    yield Finding(
        dataset=dataset.name,
        check=_SAMPLE,
        passed=sample.num_rows > 0,
        detail=_t(f"{sample.num_rows} 行", f"{sample.num_rows} rows"),
    )
    present = [column for column in dataset.columns if column.name in sample.column_names]
    yield _finding(
        dataset.name, _CODES, [c.name for c in present if c.codes and _outside_codes(sample, c)], rows=sample.num_rows
    )
    yield _finding(
        dataset.name, _IDENTIFIERS, [c.name for c in present if _bad_identifiers(sample, c)], rows=sample.num_rows
    )
    yield _check_filter(source, dataset, sample)


def _every_row(dataset: Dataset) -> Predicate:
    null = Predicate(op=PredicateOp.IS_NULL, column=dataset.primary_key[0])
    return Predicate(op=PredicateOp.OR, operands=(null, Predicate(op=PredicateOp.NOT, operands=(null,))))


def _read(
    source: Source, dataset: Dataset, *, columns: tuple[str, ...], predicate: Predicate, rows: int = _SAMPLE_ROWS
) -> pa.Table:
    request = SourceScan(dataset=dataset.name, columns=columns, predicate=predicate, rows_max=rows, batch_rows=rows)
    schema = pa.schema([dataset.schema.field(name) for name in columns])
    with source.scan(request) as stream:
        return pa.Table.from_batches(list(stream), schema=schema)


def _has_nulls(source: Source, dataset: Dataset, column: str) -> bool:
    null = Predicate(op=PredicateOp.IS_NULL, column=column)
    try:
        return bool(_read(source, dataset, columns=(column,), predicate=null, rows=1).num_rows)
    except SourceError as error:
        if error.code is not SourceCode.DRIFT:
            raise
        return True


def _readable(source: Source, dataset: Dataset) -> tuple[str, ...]:
    """Leave out columns whose nulls would end the sample; `_check_nulls` has named them."""
    names = [c.name for c in dataset.columns if c.nullable or not _has_nulls(source, dataset, c.name)]
    return tuple(names) or dataset.primary_key[:1]


def _check_nulls(source: Source, dataset: Dataset) -> Finding:
    try:
        wrong = [c.name for c in dataset.columns if not c.nullable and _has_nulls(source, dataset, c.name)]
    except SourceError as error:
        return _failed(dataset.name, _NULLS, error)
    return _finding(dataset.name, _NULLS, wrong)


def _outside_codes(sample: pa.Table, column: Column) -> bool:
    known = pa.array([code.code for code in column.codes])
    values = sample.column(column.name).drop_null()
    unknown = pc.invert(pc.is_in(values, value_set=known))
    return bool(pc.any(unknown, min_count=0).as_py())


def _is_resident_id(value: str) -> bool:
    """GB 11643-1999, without the region: codes that were abolished before the tables begin are still in use."""
    if re.fullmatch(r"[1-9][0-9]{16}[0-9X]", value) is None or ric.calc_check_digit(value) != value[-1]:
        return False
    try:
        ric.get_birth_date(value)
    except ValidationError:
        return False
    return True


def _is_credit_code(value: str) -> bool:
    """GB 32100-2015."""
    return bool(uscc.is_valid(value)) and uscc.compact(value) == value


def _is_division_code(value: str) -> bool:
    return re.fullmatch(r"[0-9]{12}", value) is not None


_VALIDATORS: Mapping[IdentifierKind, Callable[[str], bool]] = {
    IdentifierKind.RESIDENT_ID: _is_resident_id,
    IdentifierKind.CREDIT_CODE: _is_credit_code,
    IdentifierKind.DIVISION_CODE: _is_division_code,
}


def _bad_identifiers(sample: pa.Table, column: Column) -> bool:
    validator = None if column.identifier is None else _VALIDATORS.get(column.identifier)
    if validator is None:
        return False
    return not all(validator(value) for value in pc.unique(sample.column(column.name)).drop_null().to_pylist())


def _check_filter(source: Source, dataset: Dataset, sample: pa.Table) -> Finding:
    """Filter by the township of a sampled row: every row must match, and at least that one must come."""
    wrong = []
    for column in sorted(set(dataset.jurisdiction.values()) & set(sample.column_names)):
        values = sample.column(column).drop_null()
        if not len(values):
            continue
        prefix = Predicate(op=PredicateOp.PREFIX, column=column, values=(values[0].as_py()[:_TOWNSHIP_DIGITS],))
        try:
            found = _read(source, dataset, columns=(column,), predicate=prefix).combine_chunks()
        except SourceError as error:
            return _failed(dataset.name, _FILTER, error)
        held = [evaluate(prefix, batch) for batch in found.to_batches()]
        if not found.num_rows or not all(pc.all(truths).as_py() for truths in held):
            wrong.append(column)
    return _finding(dataset.name, _FILTER, wrong)
