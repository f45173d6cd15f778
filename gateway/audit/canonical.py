"""Canonical JSON: one value, one byte sequence."""

from __future__ import annotations

import json

from gateway.model.audit import JsonValue

DEPTH_MAX = 64


def encode_canonical(value: JsonValue) -> bytes:
    """Return the only accepted encoding of `value`: sorted keys, no white space, UTF-8, no line breaks.

    Different values have different encodings, so a hash of the encoding is a hash of the value.

    Raises:
        ValueError: There is a float, a key or value of another type, a lone surrogate, or too much nesting.
    """
    _check(value, DEPTH_MAX)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode()


def decode_canonical(data: bytes) -> JsonValue:
    """Return the value whose canonical encoding is `data`.

    Raises:
        ValueError: `data` is not what `encode_canonical` returns.
    """
    try:
        value: JsonValue = json.loads(data.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if encode_canonical(value) != data:
        raise ValueError("not in canonical form")
    return value


def _check(value: object, depth: int) -> None:
    if value is None or isinstance(value, str | int):
        return
    if depth == 0:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise ValueError(f"a key is a {type(key).__name__}, not text")
            _check(member, depth - 1)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth - 1)
    else:
        raise ValueError(f"a value is a {type(value).__name__}")
