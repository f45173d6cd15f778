"""Values for the `?` of a statement, put into its tree as if the requester had written them."""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
from collections.abc import Sequence

import sqlglot.expressions as exp
from sqlglot.tokenizer_core import Token, TokenType

from gateway.errors import InvalidQuery
from gateway.messages import Reason

Parameter = bool | int | float | decimal.Decimal | str | datetime.date | datetime.datetime | None
_WHOLE_NUMBERS = (exp.Limit, exp.Offset, exp.Interval)
_NAMED = (exp.Table, exp.TableAlias, exp.Join, exp.Ordered, exp.Group)
"""Where a value would be a name, or the number of a column."""


def numbered(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens with each `?` written as `$0`, `$1`, …, as the tree does not keep their order."""
    out: list[Token] = []
    count = 0
    for token in tokens:
        if token.token_type is not TokenType.PLACEHOLDER:
            out.append(token)
            continue
        place = (token.line, token.col, token.start, token.end)
        out += [Token(TokenType.PARAMETER, "$", *place), Token(TokenType.NUMBER, str(count), *place)]
        count += 1
    return out


def bind(tree: exp.Query, parameters: Sequence[Parameter]) -> exp.Query:
    """Return `tree`, of `numbered` tokens, with its placeholders replaced by values.

    Raises:
        InvalidQuery: More or fewer values than placeholders, a placeholder where no value may stand, or a value that SQL
            cannot say.
    """
    found = placeholders(tree)
    if len(found) != len(parameters):
        raise InvalidQuery(Reason.PARAMETERS_INVALID, f"? × {len(found)}, {len(parameters)}")
    for placeholder, value in zip(found, parameters, strict=True):
        place: exp.Expr = placeholder
        while isinstance(place.parent, exp.Paren):
            place = place.parent
        if isinstance(place.parent, _NAMED) or place.arg_key == "alias":
            raise InvalidQuery(Reason.QUERY_NOT_SUPPORTED, "?")
        placeholder.replace(_literal(value, place=f"? {int(placeholder.name) + 1}"))
    return tree


def probes(tree: exp.Query) -> tuple[Parameter, ...]:
    """Return a value for each placeholder that is found again in the statement: 1 where only whole numbers may stand.

    Elsewhere a short text that is no text or name of the statement.
    """
    taken = {node.name for node in tree.find_all(exp.Literal, exp.Identifier)}
    free = (text for text in map("?{}".format, itertools.count()) if text not in taken)
    return tuple(
        1 if isinstance(placeholder.parent, _WHOLE_NUMBERS) else next(free) for placeholder in placeholders(tree)
    )


def placeholders(tree: exp.Query) -> list[exp.Placeholder]:
    """Return the placeholders in the order of the text."""
    return sorted(tree.find_all(exp.Placeholder), key=lambda placeholder: int(placeholder.name))


def _literal(value: Parameter, *, place: str) -> exp.Expr:
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return _cast(value.isoformat(" "), exp.DType.TIMESTAMP)
        return _cast(value.astimezone(datetime.UTC).isoformat(" "), exp.DType.TIMESTAMPTZ)
    if isinstance(value, datetime.date):
        return _cast(value.isoformat(), exp.DType.DATE)
    if not math.isfinite(value):
        raise InvalidQuery(Reason.PARAMETERS_INVALID, place)
    text = f"{value.copy_abs():f}" if isinstance(value, decimal.Decimal) else str(abs(value))  # abs() would round
    number = exp.Literal.number(text)
    return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number


def _cast(text: str, kind: exp.DType) -> exp.Cast:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType(this=kind))
