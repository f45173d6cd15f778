"""Holds every node of a tree against the lists in `allowed`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import sqlglot.expressions as exp

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.parse.allowed import NODES, TEXTS, TYPES, WORDS, Node
from gateway.parse.limits import QueryLimits, check_identifier, too_complex

_NUMBER = re.compile(r"(\d{1,38}(\.\d{0,38})?|\.\d{1,38})([eE][+-]?\d{1,3})?")
_INTEGER = re.compile(r"\d{1,15}")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ENGINE_TABLE = re.compile(r"scan_\d+", re.IGNORECASE)
_UNIT_HOLDERS = (exp.Extract, exp.TimestampTrunc, exp.DateTrunc, exp.DateDiff, exp.Interval)


def check_tree(root: exp.Query, *, limits: QueryLimits) -> list[exp.Table]:
    """Walk every node below `root`, without recursion, and forget what comments said about it.

    Returns:
        Every table, in no particular order.

    Raises:
        InvalidQuery: A node, one of its arguments or a bound is not allowed.
    """
    tables: list[exp.Table] = []
    ctes: set[str] = set()
    count = 0
    pending: list[Node] = [root]
    for _ in range(limits.depth_max):
        children: list[Node] = []
        for node in pending:
            kind = type(node)
            _check_arguments(node, kind, children)
            rule = _RULES.get(kind)
            if rule is not None and not rule(node):
                raise refusal(node)
            if isinstance(node, exp.Table):
                tables.append(node)
            elif isinstance(node, exp.CTE):
                _note_cte(node, ctes)
            node._meta = node.comments = None
        count += len(pending)
        if count > limits.nodes_max:
            raise too_complex("nodes", limits.nodes_max)
        if not children:
            return tables
        pending = children
    raise too_complex("depth", limits.depth_max)


def refusal(node: Node, argument: str = "") -> InvalidQuery:
    """Return the error for a node, or one of its arguments, that is not allowed."""
    if isinstance(node, exp.DDL | exp.DML | exp.Command | exp.Show | exp.Set | exp.Use | exp.Pragma | exp.Describe):
        return InvalidQuery(Reason.QUERY_NOT_READ_ONLY)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        node = node.this
    if isinstance(node, exp.Anonymous):
        name = node.name
        return InvalidQuery(Reason.QUERY_NOT_SUPPORTED, f"{name}()" if _PLAIN_NAME.fullmatch(name) else "function")
    what = node.sql_name() + "()" if isinstance(node, exp.Func) and node.key not in ("case", "if") else node.key.upper()
    return InvalidQuery(Reason.QUERY_NOT_SUPPORTED, f"{what} {argument.strip('_').upper()}".strip())


def _check_arguments(node: Node, kind: type[Node], children: list[Node]) -> None:
    """Refuse nodes and arguments that are not listed; append the node's children to `children`."""
    allowed = NODES.get(kind)
    if allowed is None:
        raise refusal(node)
    for argument, value in node.args.items():
        if value is None or value is False or value == []:
            continue
        if argument not in allowed:
            raise refusal(node, argument)
        if isinstance(value, list):
            children.extend(value)
        elif isinstance(value, exp.Expr):
            children.append(value)
        elif isinstance(value, str) and (kind, argument) not in TEXTS:
            words = WORDS.get((kind, argument))
            if words is None or value.upper() not in words:
                raise refusal(node, argument)


def _note_cte(node: exp.CTE, ctes: set[str]) -> None:
    """Refuse CTE names that could be taken for a dataset, for another CTE or for a table of the engine."""
    name = node.alias.lower()
    if not _PLAIN_NAME.fullmatch(name) or _ENGINE_TABLE.fullmatch(name) or name in ctes:
        raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, f"WITH {name}" if _PLAIN_NAME.fullmatch(name) else "WITH")
    ctes.add(name)


def _identifier(node: Node) -> bool:
    check_identifier(node.name)
    return True


def _literal(node: Node) -> bool:
    return bool(node.args.get("is_string")) or _NUMBER.fullmatch(node.name) is not None


def _table(node: Node) -> bool:
    alias = node.args.get("alias")
    return (
        all(isinstance(node.args.get(part), exp.Identifier | None) for part in ("this", "db"))
        and _PLAIN_NAME.fullmatch(node.name) is not None
        and (not node.args.get("db") or _PLAIN_NAME.fullmatch(node.text("db")) is not None)
        and not (alias and alias.args.get("columns"))
    )


def _join(node: Node) -> bool:
    kinds = ("", "OUTER") if node.text("side") else ("", "INNER", "CROSS")
    return isinstance(node.this, exp.Table | exp.Subquery) and node.text("kind").upper() in kinds


def _column(node: Node) -> bool:
    if isinstance(node.this, exp.Star):
        return isinstance(node.parent, exp.Select) and node.arg_key == "expressions" and not node.args.get("db")
    return isinstance(node.this, exp.Identifier)


def _star(node: Node) -> bool:
    parent = node.parent
    return isinstance(parent, exp.Column | exp.Count) or (
        isinstance(parent, exp.Select) and node.arg_key == "expressions"
    )


def _row_bound(node: Node) -> bool:
    bound = node.args.get("expression")
    return isinstance(bound, exp.Literal) and not bound.is_string and _INTEGER.fullmatch(bound.name) is not None


def _distinct(node: Node) -> bool:
    if isinstance(node.parent, exp.Select):
        return not node.expressions
    return isinstance(node.parent, exp.Count | exp.Sum | exp.Avg) and len(node.expressions) == 1


def _window(node: Node) -> bool:
    inner = node.this.this if isinstance(node.this, exp.Filter) else node.this
    return isinstance(inner, _WINDOWED)


def _filter(node: Node) -> bool:
    return isinstance(node.this, _AGGREGATES) and isinstance(node.args.get("expression"), exp.Where)


def _interval(node: Node) -> bool:
    return isinstance(node.this, exp.Literal)


def _data_type(node: Node) -> bool:
    parameters = node.expressions
    if node.this not in TYPES or not isinstance(node.parent, exp.Cast):
        return False
    return not parameters or (node.this is exp.DType.DECIMAL and len(parameters) <= 2)


def _query_below(node: Node) -> bool:
    return isinstance(node.this, exp.Select | exp.SetOperation)


def _set_operation(node: Node) -> bool:
    sides = (node.this, node.args.get("expression"))
    return all(isinstance(side, exp.Select | exp.SetOperation | exp.Subquery) for side in sides)


def _in(node: Node) -> bool:
    query = node.args.get("query")
    return isinstance(query, exp.Subquery) if query is not None else bool(node.expressions)


_AGGREGATES = (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Median)
_WINDOWED = (*_AGGREGATES, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead)
_RULES: Mapping[type[Node], Callable[[Node], bool]] = {
    exp.Identifier: _identifier,
    exp.Literal: _literal,
    exp.Table: _table,
    exp.Column: _column,
    exp.Star: _star,
    exp.Limit: _row_bound,
    exp.Offset: _row_bound,
    exp.Distinct: _distinct,
    exp.Window: _window,
    exp.Filter: _filter,
    exp.Interval: _interval,
    exp.DataType: _data_type,
    exp.DataTypeParam: lambda node: isinstance(node.this, exp.Literal),
    exp.Var: lambda node: isinstance(node.parent, _UNIT_HOLDERS),
    exp.Where: lambda node: isinstance(node.parent, exp.Select | exp.Filter),
    exp.From: lambda node: isinstance(node.this, exp.Table | exp.Subquery),
    exp.Join: _join,
    exp.Subquery: _query_below,
    exp.Exists: _query_below,
    exp.CTE: _query_below,
    exp.Union: _set_operation,
    exp.Intersect: _set_operation,
    exp.Except: _set_operation,
    exp.In: _in,
    exp.Count: lambda node: node.this is not None,
}
