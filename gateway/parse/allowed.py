"""What a statement may consist of. Everything that is not listed is refused, arguments of listed nodes included."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot.expressions as exp

Node = exp.Expr


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_UNARY = _words("this")
_BINARY = _words("this expression")

STATEMENT_NODES: Mapping[type[Node], frozenset[str]] = {
    exp.Select: _words("with_ expressions from_ joins where group having qualify order limit offset distinct"),
    exp.Union: _words("with_ this expression distinct order limit offset"),
    exp.Intersect: _words("with_ this expression distinct order limit offset"),
    exp.Except: _words("with_ this expression distinct order limit offset"),
    exp.With: _words("expressions"),
    exp.CTE: _words("this alias"),
    exp.From: _UNARY,
    exp.Join: _words("this side kind on using"),
    exp.Table: _words("this db alias"),
    exp.TableAlias: _words("this columns"),
    exp.Subquery: _words("this alias"),
    exp.Where: _UNARY,
    exp.Group: _words("expressions"),
    exp.Having: _UNARY,
    exp.Qualify: _UNARY,
    exp.Order: _words("expressions"),
    exp.Ordered: _words("this desc nulls_first"),
    exp.Limit: _words("expression"),
    exp.Offset: _words("expression"),
    exp.Distinct: _words("expressions"),
    exp.Alias: _words("this alias"),
    exp.Column: _words("this table db"),
    exp.Identifier: _words("this quoted"),
    exp.Star: _words(""),
}
CONDITION_NODES: Mapping[type[Node], frozenset[str]] = {
    exp.And: _BINARY,
    exp.Or: _BINARY,
    exp.Not: _UNARY,
    exp.Paren: _UNARY,
    exp.EQ: _BINARY,
    exp.NEQ: _BINARY,
    exp.LT: _BINARY,
    exp.LTE: _BINARY,
    exp.GT: _BINARY,
    exp.GTE: _BINARY,
    exp.NullSafeEQ: _BINARY,
    exp.NullSafeNEQ: _BINARY,
    exp.Is: _BINARY,
    exp.In: _words("this expressions query"),
    exp.Between: _words("this low high"),
    exp.Like: _words("this expression negate"),
    exp.ILike: _words("this expression negate"),
    exp.Escape: _BINARY,
    exp.Exists: _UNARY,
}
VALUE_NODES: Mapping[type[Node], frozenset[str]] = {
    exp.Literal: _words("this is_string"),
    exp.Boolean: _UNARY,
    exp.Null: _words(""),
    exp.Neg: _UNARY,
    exp.Add: _BINARY,
    exp.Sub: _BINARY,
    exp.Mul: _BINARY,
    exp.Div: _BINARY,
    exp.IntDiv: _BINARY,
    exp.Mod: _BINARY,
    exp.DPipe: _words("this expression safe"),
    exp.Case: _words("this ifs default"),
    exp.If: _words("this true false"),
    exp.Cast: _words("this to"),
    exp.TryCast: _words("this to safe"),
    exp.DataType: _words("this expressions"),
    exp.DataTypeParam: _UNARY,
    exp.Interval: _words("this unit"),
    exp.Var: _UNARY,
}
# No function that gathers many values into one (string_agg, list): it would carry any number of rows past a row cap.
# None that builds long text from short (repeat, lpad, replace), reads settings, runs SQL, or raises on demand (error).
FUNCTION_NODES: Mapping[type[Node], frozenset[str]] = {
    exp.Count: _words("this big_int"),
    exp.Sum: _UNARY,
    exp.Avg: _UNARY,
    exp.Min: _UNARY,
    exp.Max: _UNARY,
    exp.Median: _UNARY,
    exp.Filter: _BINARY,
    exp.Window: _words("this partition_by order spec over"),
    exp.WindowSpec: _words("kind start start_side end end_side"),
    exp.RowNumber: _words(""),
    exp.Rank: _words(""),
    exp.DenseRank: _words(""),
    exp.Lag: _words("this offset default"),
    exp.Lead: _words("this offset default"),
    exp.Coalesce: _words("this expressions"),
    exp.Nullif: _BINARY,
    exp.Greatest: _words("this expressions ignore_nulls"),
    exp.Least: _words("this expressions ignore_nulls"),
    exp.Upper: _UNARY,
    exp.Lower: _UNARY,
    exp.Trim: _words("this expression position"),
    exp.Substring: _words("this start length"),
    exp.Left: _BINARY,
    exp.Right: _BINARY,
    exp.Length: _UNARY,
    exp.Concat: _words("expressions safe coalesce"),
    exp.ConcatWs: _words("expressions safe coalesce"),
    exp.Contains: _BINARY,
    exp.StartsWith: _BINARY,
    exp.EndsWith: _BINARY,
    exp.StrPosition: _words("this substr"),
    exp.Abs: _UNARY,
    exp.Round: _words("this decimals"),
    exp.Floor: _UNARY,
    exp.Ceil: _UNARY,
    exp.CurrentDate: _words(""),
    exp.CurrentTimestamp: _words(""),
    exp.TimestampTrunc: _words("this unit"),
    exp.DateTrunc: _words("this unit"),
    exp.Extract: _BINARY,
    exp.Year: _UNARY,
    exp.Quarter: _UNARY,
    exp.Month: _UNARY,
    exp.Day: _UNARY,
    exp.DateDiff: _words("this expression unit date_part_boundary"),
    exp.DateAdd: _BINARY,
}
NODES: Mapping[type[Node], frozenset[str]] = {**STATEMENT_NODES, **CONDITION_NODES, **VALUE_NODES, **FUNCTION_NODES}

TYPES = frozenset(
    {
        exp.DType.VARCHAR,
        exp.DType.TEXT,
        exp.DType.BOOLEAN,
        exp.DType.SMALLINT,
        exp.DType.INT,
        exp.DType.BIGINT,
        exp.DType.FLOAT,
        exp.DType.DOUBLE,
        exp.DType.DECIMAL,
        exp.DType.DATE,
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPNTZ,
        exp.DType.TIMESTAMPTZ,
    }
)
UNITS = _words("YEAR QUARTER MONTH WEEK DAY DAYOFWEEK DOW ISODOW DAYOFWEEKISO DAYOFYEAR DOY HOUR MINUTE SECOND")
"""Of date_trunc, extract, date_diff and INTERVAL."""

WORDS: Mapping[tuple[type[Node], str], frozenset[str]] = {
    (exp.Join, "side"): _words("LEFT RIGHT FULL"),
    (exp.Join, "kind"): _words("INNER OUTER CROSS"),
    (exp.Window, "over"): _words("OVER"),
    (exp.WindowSpec, "kind"): _words("ROWS RANGE"),
    (exp.WindowSpec, "start"): frozenset({"UNBOUNDED", "CURRENT ROW"}),
    (exp.WindowSpec, "start_side"): _words("PRECEDING FOLLOWING"),
    (exp.WindowSpec, "end"): frozenset({"UNBOUNDED", "CURRENT ROW"}),
    (exp.WindowSpec, "end_side"): _words("PRECEDING FOLLOWING"),
    (exp.Trim, "position"): _words("LEADING TRAILING BOTH"),
    (exp.Var, "this"): UNITS,
}
"""Arguments that are plain words in sqlglot's tree, with the words they may be, in upper case."""
TEXTS = frozenset({(exp.Identifier, "this"), (exp.Literal, "this")})
"""Arguments that are free text."""

ENGINE_KINDS = _words(
    """
    SELECT_NODE SET_OPERATION_NODE BASE_TABLE JOIN SUBQUERY EMPTY ORDER_MODIFIER LIMIT_MODIFIER DISTINCT_MODIFIER
    ORDER_DEFAULT ASCENDING DESCENDING
    BETWEEN CASE CAST COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION OPERATOR STAR TYPE WINDOW
    CASE_EXPR COMPARE_BETWEEN COMPARE_DISTINCT_FROM COMPARE_EQUAL COMPARE_GREATERTHAN COMPARE_GREATERTHANOREQUALTO
    COMPARE_IN COMPARE_LESSTHAN COMPARE_LESSTHANOREQUALTO COMPARE_NOTEQUAL COMPARE_NOT_DISTINCT_FROM COMPARE_NOT_IN
    CONJUNCTION_AND CONJUNCTION_OR OPERATOR_CAST OPERATOR_COALESCE OPERATOR_IS_NOT_NULL OPERATOR_IS_NULL OPERATOR_NOT
    VALUE_CONSTANT WINDOW_AGGREGATE WINDOW_LAG WINDOW_LEAD WINDOW_RANK WINDOW_RANK_DENSE WINDOW_ROW_NUMBER
    """
)
"""Kinds of nodes in DuckDB's serialised tree."""
ENGINE_FUNCTIONS = _words(
    """
    count_star count sum avg min max median nullif upper lower trim ltrim rtrim substring length concat || concat_ws
    left right contains starts_with strpos ends_with abs round floor ceil % // greatest least - + * / date_trunc
    date_part year month day quarter date_diff to_years to_months to_weeks to_days to_hours to_minutes to_seconds trunc
    row_number rank dense_rank lag lead ~~ ~~* !~~ !~~* like_escape ilike_escape not_like_escape not_ilike_escape
    """
)
"""What the nodes above become in DuckDB."""
