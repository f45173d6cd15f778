"""How deep a statement goes, told from its tokens alone.

sqlglot tries some constructs twice, once as something else: a type's name before parentheses, and a JOIN whose condition does
not follow at once. Nested, each doubles the time, so that a hundred characters take minutes. Deep nesting of anything, also
of words that may follow each other (`FROM FROM …`), ends Python's or the machine's stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import TokenType

_TYPES = frozenset(DuckDB.Parser.TYPE_TOKENS)
_OPERANDS = frozenset(
    {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.NULL,
        TokenType.TRUE,
        TokenType.FALSE,
        TokenType.STAR,
        TokenType.COMMA,
        TokenType.DOT,
    }
)
"""What opens and closes nothing and ends a row of keywords and signs."""


@dataclass(slots=True)
class _Frame:
    opened_by: TokenType
    is_type: bool = False
    joins: int = 0


@dataclass(slots=True)
class Nesting:
    """The deepest of each kind in one statement."""

    levels: int = 0
    """Parentheses and CASE, and keywords and signs in a row, each of which may start something."""
    types: int = 0
    """Parentheses after a type's name, inside each other."""
    joins: int = 0
    """JOINs still without ON or USING."""


def measure_nesting(kinds: Sequence[TokenType]) -> Nesting:
    """Return how deep a statement of these tokens goes."""
    deepest = Nesting()
    frames = [_Frame(TokenType.SELECT)]
    types = joins = run = 0
    for index, kind in enumerate(kinds):
        if kind in _OPERANDS:
            run = 0
            continue
        run += 1
        if kind in (TokenType.L_PAREN, TokenType.CASE):
            is_type = kind is TokenType.L_PAREN and index > 0 and kinds[index - 1] in _TYPES
            types += is_type
            frames.append(_Frame(kind, is_type))
            run = 0
        elif kind is TokenType.R_PAREN:
            types -= _close(frames)
            run = 0
        elif kind is TokenType.END and frames[-1].opened_by is TokenType.CASE:
            frames.pop()
        elif kind is TokenType.JOIN and kinds[index - 1] is not TokenType.CROSS:
            frames[-1].joins += 1
            joins += 1
        elif frames[-1].joins and _is_join_condition(kinds, index):
            frames[-1].joins -= 1
            joins -= 1
        deepest.levels = max(deepest.levels, len(frames) - 1 + run)
        deepest.types = max(deepest.types, types)
        deepest.joins = max(deepest.joins, joins)
    return deepest


def _close(frames: list[_Frame]) -> bool:
    """Leave the innermost parentheses and any CASE left open in them. Return whether they followed a type's name."""
    while len(frames) > 1:
        frame = frames.pop()
        if frame.opened_by is TokenType.L_PAREN:
            return frame.is_type
    return False


def _is_join_condition(kinds: Sequence[TokenType], index: int) -> bool:
    if kinds[index] is TokenType.ON:
        return True
    return kinds[index] is TokenType.USING and kinds[index + 1 : index + 2] == [TokenType.L_PAREN]
