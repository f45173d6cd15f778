"""Bounds and characters: everything that is refused before a parser sees the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import Token, TokenType

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.parse.nesting import measure_nesting

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_INVISIBLE_LETTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
# Lists, structs, lambdas, JSON paths, named parameters, pipes: not supported anyway, and sqlglot trips over them or takes minutes.
_REFUSED = frozenset(
    {
        TokenType.L_BRACKET,
        TokenType.R_BRACKET,
        TokenType.L_BRACE,
        TokenType.R_BRACE,
        TokenType.ARROW,
        TokenType.DARROW,
        TokenType.FARROW,
        TokenType.HASH_ARROW,
        TokenType.DHASH_ARROW,
        TokenType.COLON,
        TokenType.COLON_EQ,
        TokenType.PARAMETER,
        TokenType.HASH,
        TokenType.PIPE_GT,
        TokenType.UNKNOWN,
    }
)
_STATEMENT_STARTS = (DuckDB.Parser.STATEMENT_PARSERS.keys() | DuckDB.Tokenizer.COMMANDS) - {TokenType.DESC}
_BEFORE_STATEMENTS = frozenset({TokenType.L_PAREN, TokenType.R_PAREN, TokenType.FROM, TokenType.JOIN})
_TEXT_TOKENS = frozenset({TokenType.STRING, TokenType.IDENTIFIER})


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryLimits:
    """How large one statement may be. Every bound is inclusive."""

    bytes_max: int = 65_536
    """Of the text in UTF-8."""
    tokens_max: int = 4_000
    nesting_max: int = 24
    """Of parentheses and CASE, and of keywords and signs in a row."""
    type_nesting_max: int = 4
    """Of parentheses after a type's name."""
    join_nesting_max: int = 6
    """Of JOINs whose ON or USING comes later."""
    nodes_max: int = 4_000
    """Of the syntax tree."""
    depth_max: int = 160
    """Of the syntax tree; a chain of n ANDs is n deep."""


def too_complex(what: str, bound: int) -> InvalidQuery:
    """Return the error for a statement over a bound."""
    return InvalidQuery(Reason.QUERY_TOO_COMPLEX, f"{what} > {bound}")


def check_text(sql: str, *, limits: QueryLimits) -> None:
    """Refuse texts that are empty, too long or hold characters that people cannot see.

    Raises:
        InvalidQuery: Saying which bound or which character.
    """
    if len(sql) > limits.bytes_max or len(sql.encode("utf-8", "surrogatepass")) > limits.bytes_max:
        raise too_complex("bytes", limits.bytes_max)
    if not sql.strip():
        raise InvalidQuery(Reason.QUERY_SYNTAX, "1:1")
    hidden = _CONTROL.search(sql) or (None if sql.isascii() else _INVISIBLE_LETTERS.search(sql))
    if hidden:
        raise _bad_character(hidden.group())
    if not sql.isascii():
        for character in sql:
            if not character.isascii() and not character.isprintable():
                raise _bad_character(character)


def check_tokens(tokens: Sequence[Token], *, limits: QueryLimits) -> None:
    """Refuse texts that are too long or too deeply nested, or that no parser should see.

    Statements inside the statement, signs that no supported statement has, and letters beyond ASCII outside text and quotes
    are refused here, as sqlglot logs some of them and trips over others.

    Raises:
        InvalidQuery: Saying which bound, sign or character.
    """
    if len(tokens) > limits.tokens_max:
        raise too_complex("tokens", limits.tokens_max)
    nesting = measure_nesting([token.token_type for token in tokens])
    for what, found, bound in (
        ("nesting", nesting.levels, limits.nesting_max),
        ("type()", nesting.types, limits.type_nesting_max),
        ("JOIN", nesting.joins, limits.join_nesting_max),
    ):
        if found > bound:
            raise too_complex(what, bound)
    before = TokenType.L_PAREN
    for token in tokens:
        text = token.text
        if token.token_type in _REFUSED:
            raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, text)
        if before in _BEFORE_STATEMENTS and token.token_type in _STATEMENT_STARTS:
            raise InvalidQuery(Reason.QUERY_NOT_READ_ONLY)
        before = token.token_type
        if not text.isascii() and token.token_type not in _TEXT_TOKENS:
            raise _bad_character(next(character for character in text if not character.isascii()))


def check_identifier(name: str) -> None:
    """Refuse names that could be mistaken or that break out of their quotes.

    Names are 1 to 128 characters: printable ASCII without quotes and backslashes, and letters, digits, punctuation and
    symbols of other scripts.

    Raises:
        InvalidQuery: The name is something else.
    """
    if _PLAIN_NAME.fullmatch(name):
        return
    if not 1 <= len(name) <= 128:
        raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, "identifier")
    for character in name:
        if character in "\"'`\\\t\n\r" or (
            not character.isascii() and unicodedata.category(character)[0] not in "LNPS"
        ):
            raise _bad_character(character)


def _bad_character(character: str) -> InvalidQuery:
    return InvalidQuery(Reason.QUERY_NOT_SUPPORTED, f"U+{ord(character):04X}")
