"""The stage itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import sqlglot.expressions as exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError
from sqlglot.tokenizer_core import Token, TokenType

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.query import ParsedQuery
from gateway.parse.engine_parser import EngineParser
from gateway.parse.limits import QueryLimits, check_text, check_tokens
from gateway.parse.parameters import Parameter, bind, numbered, probes
from gateway.parse.walk import check_tree, refusal

_DIALECT = DuckDB()
# sqlglot meets some malformed texts with these instead of a ParseError.
_PARSER_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
_QUERY_STARTS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.L_PAREN})


def parse(
    sql: str,
    *,
    engine_parser: EngineParser,
    parameters: Sequence[Parameter] = (),
    limits: QueryLimits | None = None,
) -> ParsedQuery:
    """Parse one read-only statement.

    The tree belongs to the SQL written anew from the requester's text, so comments, spellings that parsers read
    differently and notes in comments are gone. DuckDB's parser found the same tables in it.

    Args:
        sql: What the requester sent.
        engine_parser: DuckDB's parser; one serves every thread.
        parameters: Values of its `?`. The statement is the same as with them written in it.
        limits: How large the statement may be; the default bounds when None.

    Raises:
        InvalidQuery: The text is no single SELECT made of what `allowed` lists, or is over a bound; or the parameters do not fit.
    """
    limits = limits or QueryLimits()
    first = bind(_read(sql, limits=limits), parameters)
    check_tree(first, limits=limits)
    canonical = _write(first)
    if parameters:
        check_text(canonical, limits=limits)
    tree = _tree(_tokens(canonical), canonical)
    tables = check_tree(tree, limits=limits)
    if _write(tree.copy()) != canonical:
        raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, "SQL")
    reading = engine_parser.read(canonical)
    if reading.refused or reading.tables != Counter(_path(table) for table in tables):
        raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, "SQL")
    return ParsedQuery(sql=sql, tree=tree)


def probe(sql: str) -> tuple[Parameter, ...]:
    """Return values to parse a statement with whose `?` are not known yet (see `parameters.probes`).

    Raises:
        InvalidQuery: The text cannot be parsed.
    """
    return probes(_read(sql, limits=QueryLimits()))


def _read(sql: str, *, limits: QueryLimits) -> exp.Query:
    """Return the tree of the text as it is, with numbered placeholders."""
    check_text(sql, limits=limits)
    tokens = _tokens(sql)
    check_tokens(tokens, limits=limits)
    return _tree(numbered(tokens), sql)


def _tokens(sql: str) -> list[Token]:
    """Return the tokens of `sql` without semicolons at its end."""
    try:
        tokens = _DIALECT.tokenize(sql)
    except TokenError:
        raise InvalidQuery(Reason.QUERY_SYNTAX, "1:1") from None
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    return tokens


def _tree(tokens: list[Token], sql: str) -> exp.Query:
    """Return the tree of the only statement in `sql`, a SELECT or a set operation."""
    kinds = [token.token_type for token in tokens]
    if not kinds or kinds[0] not in _QUERY_STARTS or TokenType.SEMICOLON in kinds:
        raise InvalidQuery(Reason.QUERY_NOT_READ_ONLY)
    try:
        statements = _DIALECT.parser().parse(tokens, sql)
    except ParseError as error:
        place = error.errors[0] if error.errors else {}
        raise InvalidQuery(Reason.QUERY_SYNTAX, f"{place.get('line') or 1}:{place.get('col') or 1}") from None
    except RecursionError:
        raise InvalidQuery(Reason.QUERY_TOO_COMPLEX, "nesting") from None
    except _PARSER_FAULTS:
        raise InvalidQuery(Reason.QUERY_SYNTAX, "1:1") from None
    tree = statements[0] if len(statements) == 1 else None
    if tree is None:
        raise InvalidQuery(Reason.QUERY_NOT_READ_ONLY)
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise refusal(tree)
    return tree


def _write(tree: exp.Query) -> str:
    """Return `tree` as SQL with every name quoted. Spoils `tree`."""
    try:
        return _DIALECT.generate(tree, copy=False, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    except (UnsupportedError, RecursionError):
        raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, "SQL") from None


def _path(table: exp.Table) -> tuple[str, ...]:
    return tuple(part.name.lower() for part in table.parts)
