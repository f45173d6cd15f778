"""JSON without the readings on which parsers disagree."""

from __future__ import annotations

import json
from typing import NoReturn

from gateway.errors import Unavailable
from gateway.messages import Reason


def parse_strict(text: bytes) -> object:
    """Read one JSON value; repeated keys, NaN, infinities and halves of surrogate pairs are refused.

    Raises:
        Unavailable: `POLICY_MALFORMED`.
    """
    try:
        value: object = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
        if b"\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Unavailable(Reason.POLICY_MALFORMED, internal=f"not strict JSON: {error!r}") from error
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
