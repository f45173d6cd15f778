"""What the kit learns of a dataset before it judges: what the ceilings allow, a sample, and rows that it knows all of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Unpack

import grpc
import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataset import Column, Dataset, Text
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, Mask
from connectors.conformance.report import Broken, Findings
from connectors.conformance.target import CallFailed, GrantChanges, Target, is_null
from connectors.sdk.grant import GrantCode, GrantColumn, ScanGrant
from connectors.sdk.masks import supports
from connectors.sdk.predicates import Predicate, PredicateOp, Scalar, evaluate
from connectors.sdk.profile import every_row
from connectors.sdk.source import SourceCode

SAMPLE_ROWS_MAX = 10_000
_KEYS_MAX = 40
_KNOWN_ROWS_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A dataset as the connector serves it."""

    target: Target
    dataset: Dataset
    permitted: Mapping[str, ColumnAction]
    """By column the mildest treatment that the ceilings allow; columns that never leave are missing."""
    readable: tuple[str, ...]
    """Columns that may be read clear, in catalogue order."""
    sample: pa.Table
    """Up to `SAMPLE_ROWS_MAX` rows, readable columns."""
    is_complete: bool
    """Whether the sample is the whole dataset."""
    key: str = ""
    """The column by which the known rows are chosen."""
    keys: tuple[Scalar, ...] = ()
    known: pa.RecordBatch | None = None
    """All rows whose `key` is one of `keys`, readable columns; None when there are none that may be read."""

    @property
    def known_filter(self) -> Predicate:
        """Return the filter of the known rows."""
        return Predicate(op=PredicateOp.IN, column=self.key, values=self.keys)

    def clear(self, *names: str) -> tuple[GrantColumn, ...]:
        """Return the columns as granted clear; all readable ones without a name."""
        return tuple(GrantColumn(name=name, action=ColumnAction.CLEAR) for name in names or self.readable)

    def grant(self, **changes: Unpack[GrantChanges]) -> ScanGrant:
        """Return a grant on no row of one column that may be sent, as nulls, but for the `changes`."""
        changes.setdefault("columns", carrier(self.permitted))
        return self.target.grant(self.dataset, **changes)

    def read(self, grant: ScanGrant, *, clause: str) -> pa.Table:
        """Return the rows that a grant opens.

        Raises:
            Broken: What arrived is not in order; the grant was refused, which breaks `clause`.
        """
        try:
            return self.target.scan(grant, dataset=self.dataset)
        except CallFailed as failed:
            refused = failed.status is grpc.StatusCode.PERMISSION_DENIED
            raise Broken(clause if refused else "S5", failed.text) from None

    def selected(self, predicate: Predicate) -> pa.RecordBatch:
        """Return the known rows on which a predicate holds."""
        assert self.known is not None  # noqa: S101 - only asked when there are some
        return self.known.filter(evaluate(predicate, self.known))


def carrier(permitted: Mapping[str, ColumnAction]) -> tuple[GrantColumn, ...]:
    """Return one column that may be sent, as nulls."""
    return (GrantColumn(name=next(iter(permitted)), action=ColumnAction.NULL),)


def rows_of(rows: pa.Table | pa.RecordBatch) -> Counter[str]:
    """Return how often each row is there, for comparison only."""
    return Counter(map(repr, zip(*(column.to_pylist() for column in rows.columns), strict=True)))


def difference(got: pa.Table, expected: pa.RecordBatch) -> Text | None:
    """Tell by counts how rows differ from those expected, which have the same columns; None when they do not."""
    arrived, wanted = rows_of(got), rows_of(expected.select(got.column_names))
    extra, missing = (arrived - wanted).total(), (wanted - arrived).total()
    if not extra and not missing:
        return None
    return Text(zh=f"多出 {extra} 行，缺少 {missing} 行", en=f"{extra} rows too many, {missing} rows missing")


def treatments(column: Column) -> tuple[tuple[ColumnAction, Mask | None], ...]:
    """Return every treatment of a column but clear, from mild to strict."""
    wanted: list[tuple[ColumnAction, Mask | None]] = [
        *((ColumnAction.GENERALISE, mask) for mask in sorted(MASKS_OF_ACTION[ColumnAction.GENERALISE])),
        *((ColumnAction.PARTIAL, mask) for mask in sorted(MASKS_OF_ACTION[ColumnAction.PARTIAL])),
        (ColumnAction.PSEUDONYM, None),
        (ColumnAction.NULL, None),
    ]
    return tuple(
        (action, mask)
        for action, mask in wanted
        if supports(column.arrow_type, action=action, mask=mask, buckets=column.buckets)
    )


def survey(target: Target, dataset: Dataset, *, findings: Findings) -> Survey:
    """Look at a dataset.

    Raises:
        Broken: It cannot be looked at.
    """
    permitted = {
        column.name: action for column in dataset.columns if (action := _permitted(target, dataset, column)) is not None
    }
    if not permitted:
        raise Broken("S5", Text(zh="任何列都不得发送", en="no column may be sent"))
    broken = _with_nulls(target, dataset, permitted=permitted, findings=findings)
    readable = tuple(c for c in permitted if permitted[c] is ColumnAction.CLEAR and c not in broken)
    empty = pa.table({})
    looked = Survey(
        target=target, dataset=dataset, permitted=permitted, readable=readable, sample=empty, is_complete=False
    )
    if not readable:
        return looked
    looked = _sampled(looked, findings=findings)
    for name in dict.fromkeys((*dataset.primary_key, dataset.entity_key, *looked.readable)):
        if name in looked.readable and (keys := _some(looked.sample.column(name))):
            looked = replace(looked, key=name, keys=keys)
            return replace(looked, known=_known(looked))
    return looked


def _permitted(target: Target, dataset: Dataset, column: Column) -> ColumnAction | None:
    """Ask for no row under each treatment; only the ceiling may refuse."""
    for action, mask in ((ColumnAction.CLEAR, None), *treatments(column)):
        columns = (GrantColumn(name=column.name, action=action, mask=mask),)
        try:
            rows = target.scan(target.grant(dataset, columns=columns), dataset=dataset)
        except CallFailed as failed:
            if failed.code not in (GrantCode.CEILING, GrantCode.TREATMENT):
                raise Broken("S5", failed.text) from None
            continue
        if rows.num_rows:
            raise Broken("F1", Text(zh="不应有任何行", en="rows came where none fulfils the filter"))
        return action
    return None


def _with_nulls(
    target: Target, dataset: Dataset, *, permitted: Mapping[str, ColumnAction], findings: Findings
) -> tuple[str, ...]:
    """Return the columns that hold nulls against the catalogue."""
    wrong = [
        column.name
        for column in dataset.columns
        if not column.nullable and _holds_null(target, dataset, column.name, permitted=permitted)
    ]
    if wrong:
        named = ", ".join(wrong)
        findings.failed(Broken("D1", Text(zh=f"有空值：{named}", en=f"nulls in {named}")), dataset=dataset.name)
    else:
        findings.passed("D1", dataset=dataset.name)
    return tuple(wrong)


def _holds_null(target: Target, dataset: Dataset, name: str, *, permitted: Mapping[str, ColumnAction]) -> bool:
    grant = target.grant(dataset, columns=carrier(permitted), row_filter=is_null(name), rows_max=1)
    try:
        return bool(target.scan(grant, dataset=dataset).num_rows)
    except CallFailed as failed:
        if failed.code != SourceCode.DRIFT:
            raise Broken("S5", failed.text) from None
        return True


def _sampled(looked: Survey, *, findings: Findings) -> Survey:
    """Read the sample, without the columns that hold something else than their type."""
    sample = _sample(looked, *looked.readable)
    if sample is None:
        drifted = [name for name in looked.readable if _sample(looked, name) is None]
        named = ", ".join(drifted)
        text = Text(zh=f"有不能转换的值：{named}", en=f"values of another type in {named}")
        findings.failed(Broken("D4", text), dataset=looked.dataset.name)
        looked = replace(looked, readable=tuple(name for name in looked.readable if name not in drifted))
        sample = _sample(looked, *looked.readable) if looked.readable else None
        if sample is None:
            raise Broken("D4", text)
    else:
        findings.passed("D4", dataset=looked.dataset.name)
    return replace(looked, sample=sample, is_complete=sample.num_rows < SAMPLE_ROWS_MAX)


def _sample(looked: Survey, *names: str) -> pa.Table | None:
    """Return the first rows of the columns; None when a value does not become its type."""
    row_filter = every_row(looked.dataset.primary_key[0])
    grant = looked.grant(columns=looked.clear(*names), row_filter=row_filter, rows_max=SAMPLE_ROWS_MAX)
    try:
        return looked.target.scan(grant, dataset=looked.dataset)
    except CallFailed as failed:
        if failed.code != SourceCode.DRIFT:
            raise Broken("S5", failed.text) from None
        return None


def _some(column: pa.ChunkedArray) -> tuple[Scalar, ...]:
    """Return some distinct values for look-ups, spread over the column."""
    if pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
        return ()
    values = [value for value in pc.unique(column).drop_null().to_pylist() if "\0" not in str(value)]
    return tuple(values[:: max(1, len(values) // _KEYS_MAX)][:_KEYS_MAX])


def _known(looked: Survey) -> pa.RecordBatch | None:
    """Return all rows with the keys, after comparing them with the sample; None when they are too many."""
    grant = looked.grant(columns=looked.clear(), row_filter=looked.known_filter, rows_max=_KNOWN_ROWS_MAX)
    rows = _one_batch(looked.read(grant, clause="F2"))
    if rows.num_rows == _KNOWN_ROWS_MAX:
        return None
    sampled = _one_batch(looked.sample)
    wanted = rows_of(sampled.filter(evaluate(looked.known_filter, sampled)))
    extra, missing = (rows_of(rows) - wanted).total(), (wanted - rows_of(rows)).total()
    outside = extra if looked.is_complete else rows.num_rows - evaluate(looked.known_filter, rows).true_count
    if outside:
        raise Broken("F1", Text(zh=f"多出 {outside} 行", en=f"{outside} rows outside the filter"))
    if missing:
        raise Broken("F2", Text(zh=f"缺少 {missing} 行", en=f"{missing} rows are missing"))
    return rows


def _one_batch(rows: pa.Table) -> pa.RecordBatch:
    arrays = [column.combine_chunks() for column in rows.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=rows.schema)
