"""Section F: which rows come, compared with rows of which the kit knows all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

import pyarrow as pa
import pyarrow.compute as pc

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction
from connectors.conformance.report import Broken, Findings
from connectors.conformance.survey import Survey, difference
from connectors.conformance.target import GrantChanges, is_null, negated
from connectors.sdk.grant import LookupKeys
from connectors.sdk.predicates import Predicate, PredicateOp, Scalar, all_of
from connectors.sdk.profile import every_row

_FLOAT_MAX = 2.0**1000
_DIVISION_CHARACTERS = (6, 9)
_UNKNOWN_KEY = "no such value"


def check_filters(looked: Survey, *, findings: Findings) -> None:
    """Check F1 to F7 on one dataset; the survey has compared the known rows already."""
    name = looked.dataset.name
    if looked.known is None or not looked.known.num_rows:
        text = Text(zh="没有可核对的行", en="there are no rows to compare with")
        for clause in ("F1", "F2", "F3", "F4", "F5", "F6", "F7"):
            findings.not_checked(clause, dataset=name, detail=text)
        return
    for clause in ("F1", "F2"):
        rows = looked.known.num_rows
        findings.passed(clause, dataset=name, detail=Text(zh=f"核对 {rows} 行", en=f"{rows} rows compared"))
    for clause, check in (
        ("F3", _check_operators),
        ("F4", _check_nulls),
        ("F5", _check_pushed),
        ("F6", _check_lookup),
        ("F7", _check_rows_max),
    ):
        try:
            count = check(looked)
        except Broken as broken:
            findings.failed(broken, dataset=name)
            continue
        if count:
            findings.passed(clause, dataset=name, detail=Text(zh=f"{count} 次扫描", en=f"{count} scans"))
        else:
            findings.not_checked(clause, dataset=name, detail=Text(zh="没有合适的列", en="no column is fit for it"))


def _compare(
    looked: Survey,
    predicate: Predicate,
    *,
    clause: str,
    expected: Predicate | None = None,
    **changes: Unpack[GrantChanges],
) -> None:
    """Raise Broken unless exactly those known rows come on which the predicate, or `expected`, holds."""
    names = {looked.key, *(expected or predicate).columns()}
    changes["row_filter"] = all_of(looked.known_filter, predicate)
    changes["columns"] = looked.clear(*(name for name in looked.readable if name in names))
    grant = looked.grant(**changes)
    differs = difference(looked.read(grant, clause=clause), looked.selected(expected or predicate))
    if differs is not None:
        tested = expected or predicate
        where = f"{_operators(tested)}({', '.join(sorted(set(tested.columns())))})"
        raise Broken(clause, Text(zh=f"{where}：{differs.zh}", en=f"{where}: {differs.en}"))


def _operators(predicate: Predicate) -> str:
    inner = [_operators(operand) for operand in predicate.operands]
    return f"{predicate.op}[{', '.join(inner)}]" if inner else str(predicate.op)


def _check_operators(looked: Survey) -> int:
    """Nulls are left out here: they are another clause's."""
    count = 0
    for name in _columns_of_every_type(looked):
        present = negated(is_null(name))
        _compare(looked, is_null(name), clause="F3")
        for predicate in _predicates(name, _literals(looked, name)):
            _compare(looked, all_of(present, predicate), clause="F3")
            count += 1
    for name in set(looked.dataset.jurisdiction.values()) & set(looked.readable):
        low, _ = _literals(looked, name) or ("", "")
        for characters in _DIVISION_CHARACTERS:
            prefix = Predicate(op=PredicateOp.PREFIX, column=name, values=(str(low)[:characters],))
            _compare(looked, prefix, clause="F3")
            count += 1
    return count


def _columns_of_every_type(looked: Survey) -> list[str]:
    """Return one readable column of each type, with nulls and many values if there is one."""
    assert looked.known is not None  # noqa: S101 - checked by the caller
    chosen: dict[pa.DataType, tuple[tuple[bool, int], str]] = {}
    for name in looked.readable:
        values = looked.known.column(name)
        worth = (bool(values.null_count), len(pc.unique(values)))
        if worth > chosen.get(values.type, ((False, -1), ""))[0]:
            chosen[values.type] = (worth, name)
    return [name for _, name in chosen.values()]


def _literals(looked: Survey, name: str) -> tuple[Scalar, Scalar] | None:
    """Return two values of the column, not necessarily different, the lower first."""
    assert looked.known is not None  # noqa: S101 - checked by the caller
    values = pc.unique(looked.known.column(name)).drop_null()
    if pa.types.is_floating(values.type):
        values = values.filter(pc.less(pc.abs(values), _FLOAT_MAX))
    found = sorted(value for value in values.to_pylist() if "\0" not in str(value))
    return (found[len(found) // 3], found[2 * len(found) // 3]) if found else None


def _predicates(name: str, literals: tuple[Scalar, Scalar] | None) -> Iterator[Predicate]:
    if literals is None:
        return
    low, high = literals

    def leaf(op: PredicateOp, *values: Scalar) -> Predicate:
        return Predicate(op=op, column=name, values=values)

    yield from (leaf(PredicateOp.EQ, low), leaf(PredicateOp.NE, low), leaf(PredicateOp.IN, low, high))
    yield negated(leaf(PredicateOp.EQ, high))
    yield Predicate(op=PredicateOp.OR, operands=(leaf(PredicateOp.EQ, low), leaf(PredicateOp.EQ, high)))
    yield all_of(leaf(PredicateOp.NE, low), leaf(PredicateOp.NE, high))
    if isinstance(low, bool):
        return
    for op in (PredicateOp.LT, PredicateOp.LE, PredicateOp.GT, PredicateOp.GE):
        yield leaf(op, high)
    yield leaf(PredicateOp.BETWEEN, low, high)
    if isinstance(low, str):
        yield from (leaf(PredicateOp.PREFIX, low[:1]), leaf(PredicateOp.PREFIX, str(high)[:-1]))
        nearly = (leaf(PredicateOp.EQ, text) for text in (low.swapcase(), f"{low} ", "%"))
        wild = (leaf(PredicateOp.PREFIX, text) for text in ("%", "_", low.swapcase()))
        yield Predicate(op=PredicateOp.OR, operands=(*nearly, *wild))


def _check_nulls(looked: Survey) -> int:
    """Comparisons and their negations, on columns with nulls among the known rows."""
    assert looked.known is not None  # noqa: S101 - checked by the caller
    count = 0
    for name in _columns_of_every_type(looked):
        literals = _literals(looked, name)
        if literals is None or not looked.known.column(name).null_count:
            continue
        low, high = literals
        for predicate in (
            Predicate(op=PredicateOp.NE, column=name, values=(low,)),
            negated(Predicate(op=PredicateOp.EQ, column=name, values=(low,))),
            negated(Predicate(op=PredicateOp.IN, column=name, values=(low, high))),
        ):
            _compare(looked, predicate, clause="F4")
            count += 1
    return count


def _check_pushed(looked: Survey) -> int:
    key = Predicate(op=PredicateOp.IN, column=looked.key, values=looked.keys[::2])
    _compare(looked, every_row(looked.dataset.primary_key[0]), clause="F5", expected=key, pushed_filter=key)
    return 1


def _check_lookup(looked: Survey) -> int:
    """Look up by the key, once without sending it."""
    keys = looked.keys[::2]
    unknown = (_UNKNOWN_KEY,) if isinstance(keys[0], str) else ()
    lookup = LookupKeys(column=looked.key, values=(*keys, *unknown))
    wanted = Predicate(op=PredicateOp.IN, column=looked.key, values=keys)
    _compare(looked, every_row(looked.dataset.primary_key[0]), clause="F6", expected=wanted, lookup=lookup)
    others = [name for name in looked.readable if name != looked.key][:1]
    if not others or looked.permitted[looked.key] is not ColumnAction.CLEAR:
        return 1
    grant = looked.grant(columns=looked.clear(*others), row_filter=looked.known_filter, lookup=lookup)
    differs = difference(looked.read(grant, clause="F6"), looked.selected(wanted))
    if differs is not None:
        raise Broken("F6", differs)
    return 2


def _check_rows_max(looked: Survey) -> int:
    assert looked.known is not None  # noqa: S101 - checked by the caller
    half = -(-looked.known.num_rows // 2)
    grant = looked.grant(columns=looked.clear(looked.key), row_filter=looked.known_filter, rows_max=half)
    rows = looked.read(grant, clause="F7").num_rows
    if rows != half:
        raise Broken("F7", Text(zh=f"上限 {half} 行，来了 {rows} 行", en=f"{rows} rows, where {half} were due"))
    return 1
