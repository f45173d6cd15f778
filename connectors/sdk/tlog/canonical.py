"""Canonical JSON: one value, one byte sequence."""

from __future__ import annotations

import orjson

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]

DEPTH_MAX = 64
_SCALARS = frozenset({str, int, bool, type(None)})
_WORDS_AND_NUMBERS = (str, int)
"""With their subclasses, for example enumerations."""


def encode_canonical(value: JsonValue) -> bytes:
    """Return the only accepted encoding of `value`: sorted keys, no white space, UTF-8, no line breaks.

    Different values have different encodings, so a hash of the encoding is a hash of the value.

    Raises:
        ValueError: There is a float, a key or value of another type, an integer of more than 64 bits, a lone surrogate, or
            too much nesting.
    """
    _check(value, DEPTH_MAX)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise ValueError(str(error)) from None


def decode_canonical(data: bytes) -> JsonValue:
    """Return the value whose canonical encoding is `data`.

    Raises:
        ValueError: `data` is not what `encode_canonical` returns.
    """
    value: JsonValue = orjson.loads(data)
    if encode_canonical(value) != data:
        raise ValueError("not in canonical form")
    return value


def _check(value: object, depth: int) -> None:
    kind = type(value)
    if kind in _SCALARS or isinstance(value, _WORDS_AND_NUMBERS):
        return
    if depth == 0:
        raise ValueError("nested too deeply")
    if kind is dict:
        for key, member in value.items():  # type: ignore[attr-defined]
            if type(key) is not str:
                raise ValueError(f"a key is a {type(key).__name__}, not text")
            if type(member) not in _SCALARS:  # spares most of the calls
                _check(member, depth - 1)
    elif kind is list:
        for member in value:  # type: ignore[attr-defined]
            if type(member) not in _SCALARS:
                _check(member, depth - 1)
    else:
        raise ValueError(f"a value is a {kind.__name__}")
