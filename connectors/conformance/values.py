"""Sections V and D: what stands in the rows, compared with the treatments of this distribution and with the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction, Mask
from connectors.conformance.report import Broken, Findings
from connectors.conformance.survey import Survey, rows_of, treatments
from connectors.sdk.grant import GrantCode, GrantColumn
from connectors.sdk.identifiers import CHECKED, well_formed
from connectors.sdk.masks import is_treated, treat

_CLAUSES = {
    ColumnAction.NULL: "V2",
    ColumnAction.PSEUDONYM: "V3",
    ColumnAction.PARTIAL: "V4",
    ColumnAction.GENERALISE: "V5",
}


def check_values(looked: Survey, *, findings: Findings) -> None:
    """Check V1 to V5 on one dataset."""
    name = looked.dataset.name
    if looked.known is None or not looked.known.num_rows:
        text = Text(zh="没有可核对的行", en="there are no rows to compare with")
        for clause in ("V1", *_CLAUSES.values()):
            findings.not_checked(clause, dataset=name, detail=text)
        return
    try:
        _check_order(looked)
    except Broken as broken:
        findings.failed(broken, dataset=name)
    else:
        findings.passed("V1", dataset=name)
    offered = dict.fromkeys(pair for column in looked.dataset.columns for pair in treatments(column))
    by_action = groupby(sorted(offered, key=lambda pair: pair[0].rank), key=lambda pair: pair[0])
    for action, pairs in by_action:
        _check_action(looked, action, masks=[mask for _, mask in pairs], findings=findings)


def _check_order(looked: Survey) -> None:
    """Turn the columns of each type round, those without nulls apart, so that only the values tell their order."""
    assert looked.known is not None  # noqa: S101 - checked by the caller
    kinds = {name: str(looked.known.schema.field(name).remove_metadata().with_name("")) for name in looked.readable}
    turned = {kind: [name for name in reversed(looked.readable) if kinds[name] == kind] for kind in kinds.values()}
    names = tuple(turned[kinds[name]].pop(0) for name in looked.readable)
    rows = looked.read(looked.grant(columns=looked.clear(*names), row_filter=looked.known_filter), clause="V1")
    wrong = _different(rows, looked.known.select(list(names)))
    if wrong:
        raise Broken("V1", Text(zh=f"列值不符：{wrong}", en=f"other values in {wrong}"))


def _check_action(looked: Survey, action: ColumnAction, *, masks: Iterable[Mask | None], findings: Findings) -> None:
    clause, name = _CLAUSES[action], looked.dataset.name
    checked: list[str] = []
    refused: list[str] = []
    try:
        for mask in masks:
            told = str(mask or action)
            (checked if _check_treatment(looked, action, mask=mask) else refused).append(told)
    except Broken as broken:
        findings.failed(broken, dataset=name)
        return
    text = Text(
        zh=f"已核对 {', '.join(checked) or '-'}" + (f"；未提供 {', '.join(refused)}" if refused else ""),
        en=f"compared {', '.join(checked) or '-'}" + (f"; not offered {', '.join(refused)}" if refused else ""),
    )
    if checked:
        findings.passed(clause, dataset=name, detail=text)
    else:
        findings.not_offered(clause, dataset=name, detail=text)


def _check_treatment(looked: Survey, action: ColumnAction, *, mask: Mask | None) -> bool:
    """Compare all columns that can be treated so; False when the connector does not offer the mask."""
    columns = tuple(_granted(looked, action, mask=mask))
    grant = looked.grant(columns=columns, row_filter=looked.known_filter)
    clause = _CLAUSES[action]
    try:
        rows = looked.read(grant, clause=clause)
    except Broken as broken:
        if mask is not None and broken.clause == clause and GrantCode.TREATMENT in broken.detail.en:
            return False
        raise
    expected = _expected(looked, columns, pseudonym_key=grant.pseudonym_key)
    wrong = _different(rows.select(expected.schema.names), expected) or _untreated(rows, columns, looked=looked)
    if wrong:
        told = f"{action} {mask or ''}".strip()
        raise Broken(clause, Text(zh=f"{told} 处理不符：{wrong}", en=f"{told} is not carried out on {wrong}"))
    return True


def _granted(looked: Survey, action: ColumnAction, *, mask: Mask | None) -> Iterable[GrantColumn]:
    """Return every column that may be sent so, the others clear."""
    for column in looked.dataset.columns:
        mildest = looked.permitted.get(column.name)
        if mildest is None or (mildest is ColumnAction.CLEAR and column.name not in looked.readable):
            continue
        if (action, mask) in treatments(column) and action.rank >= mildest.rank:
            yield GrantColumn(name=column.name, action=action, mask=mask)
        elif column.name in looked.readable:
            yield GrantColumn(name=column.name, action=ColumnAction.CLEAR)


def _expected(looked: Survey, columns: tuple[GrantColumn, ...], *, pseudonym_key: bytes) -> pa.RecordBatch:
    """Return the known rows as treated here, of the columns whose clear values are known."""
    assert looked.known is not None  # noqa: S101 - checked by the caller
    buckets = {column.name: column.buckets for column in looked.dataset.columns}
    treated = {
        column.name: treat(
            looked.known.column(column.name),
            action=column.action,
            mask=column.mask,
            pseudonym_key=pseudonym_key,
            buckets=buckets[column.name],
        )
        for column in columns
        if column.name in looked.readable
    }
    return pa.RecordBatch.from_pydict(treated)


def _untreated(rows: pa.Table, columns: tuple[GrantColumn, ...], *, looked: Survey) -> str:
    """Return the columns whose values do not even have the treatment's form, of those whose clear values are unknown."""
    buckets = {column.name: column.buckets for column in looked.dataset.columns}
    wrong = [
        column.name
        for column in columns
        if column.name not in looked.readable
        and not is_treated(
            rows.column(column.name).combine_chunks(),
            action=column.action,
            mask=column.mask,
            buckets=buckets[column.name],
        )
    ]
    return ", ".join(wrong)


def _different(rows: pa.Table, expected: pa.RecordBatch) -> str:
    """Return the columns with other values; all of them when only their combination differs."""
    if rows_of(rows) == rows_of(expected):
        return ""
    names = [name for name in rows.column_names if rows_of(rows.select([name])) != rows_of(expected.select([name]))]
    return ", ".join(names or rows.column_names)


def check_data(looked: Survey, *, findings: Findings) -> None:
    """Check D2 and D3 on the sample of one dataset; the survey has checked D1."""
    columns = [column for column in looked.dataset.columns if column.name in looked.readable]
    outside = {
        column.name: len(values) - pc.sum(pc.is_in(values, value_set=pa.array([c.code for c in column.codes]))).as_py()
        for column in columns
        if column.codes and len(values := looked.sample.column(column.name).cast(pa.string()).drop_null())
    }
    malformed = {
        column.name: len(values) - int(np.count_nonzero(well_formed(values, kind=column.identifier)))
        for column in columns
        if column.identifier in CHECKED
        and len(values := looked.sample.column(column.name).combine_chunks().drop_null())
    }
    for clause, wrong in (("D2", outside), ("D3", malformed)):
        named = ", ".join(f"{name} ({count})" for name, count in wrong.items() if count)
        if named:
            text = Text(zh=f"不符合（个数）：{named}", en=f"wrong values in {named}")
            findings.failed(Broken(clause, text), dataset=looked.dataset.name)
        elif wrong:
            rows = looked.sample.num_rows
            detail = Text(zh=f"检查了 {rows} 行", en=f"{rows} rows checked")
            findings.passed(clause, dataset=looked.dataset.name, detail=detail)
        else:
            text = Text(zh="没有这样的列或值", en="there are no such columns or values")
            findings.not_checked(clause, dataset=looked.dataset.name, detail=text)
