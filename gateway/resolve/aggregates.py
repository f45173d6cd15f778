"""Whether a statement returns counts of groups and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot.expressions as exp

from gateway.resolve.filters import is_literal
from gateway.resolve.queries import conjuncts

_PARTS = frozenset({"expressions", "from_", "joins", "where", "group"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Like, exp.ILike, exp.StartsWith)


def is_aggregate_only(tree: exp.Expr) -> bool:
    """Whether `tree`, qualified, is one plain SELECT of group keys and counts.

    Group keys are plain columns; counts are `count(*)` and `count(DISTINCT column)`; every dataset stands once and joins are
    inner joins on equal columns of two tables; WHERE compares columns with literals. Nothing else is there.
    """
    if not isinstance(tree, exp.Select) or any(value and part not in _PARTS for part, value in tree.args.items()):
        return False
    from_, joins = tree.args.get("from_"), tree.args.get("joins") or []
    if from_ is None or not all(_is_keyed(join) for join in joins):
        return False
    if not _are_distinct_datasets([from_.this, *(join.this for join in joins)]):
        return False
    where, group = tree.args.get("where"), tree.args.get("group")
    if where is not None and not all(_is_condition(conjunct) for conjunct in conjuncts(where.this)):
        return False
    keys = group.expressions if group is not None else []
    if not all(_is_column(key) for key in keys):
        return False
    named = {_path(key) for key in keys}
    return all(_is_key_or_count(projection.unalias(), named) for projection in tree.expressions)


def _are_distinct_datasets(tables: Sequence[exp.Expr]) -> bool:
    if not all(isinstance(table, exp.Table) and table.db for table in tables):
        return False
    names = {(table.text("db"), table.name) for table in tables}
    return len(names) == len(tables)


def _is_keyed(join: exp.Expr) -> bool:
    on = join.args.get("on")
    if join.args.get("side") or join.text("kind").upper() not in ("", "INNER") or on is None:
        return False
    return all(
        isinstance(key := conjunct.unnest(), exp.EQ)
        and _is_column(key.this)
        and _is_column(key.expression)
        and key.this.text("table") != key.expression.text("table")
        for conjunct in conjuncts(on)
    )


def _is_condition(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Not):
        node = node.this.unnest()
    if isinstance(node, _COMPARISONS):
        left, right = node.this.unnest(), node.expression.unnest()
        return (_is_column(left) and is_literal(right)) or (is_literal(left) and _is_column(right))
    if isinstance(node, exp.In):
        return _is_column(node.this.unnest()) and bool(node.expressions) and all(map(is_literal, node.expressions))
    if isinstance(node, exp.Between):
        bounds = (node.args["low"], node.args["high"])
        return _is_column(node.this.unnest()) and all(map(is_literal, bounds))
    return isinstance(node, exp.Is) and _is_column(node.this) and isinstance(node.expression, exp.Null | exp.Boolean)


def _is_key_or_count(node: exp.Expr, keys: set[tuple[str, str]]) -> bool:
    if _is_column(node):
        return _path(node) in keys
    if not isinstance(node, exp.Count):
        return False
    counted = node.this
    if isinstance(counted, exp.Distinct):
        return len(counted.expressions) == 1 and _is_column(counted.expressions[0])
    return isinstance(counted, exp.Star)


def _is_column(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and bool(node.table)


def _path(node: exp.Expr) -> tuple[str, str]:
    return node.text("table"), node.name
