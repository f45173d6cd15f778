"""Strict JSON."""

from __future__ import annotations

import pytest

from gateway.decide.strict_json import parse_strict
from gateway.errors import Unavailable
from gateway.messages import Reason


def test_plain_json_is_read() -> None:
    """What every parser reads alike is read."""
    assert parse_strict(rb'"\ud83d\uDE00"') == "😀"
    assert parse_strict(b'{"allow": true, "rows": [1, 2.5, null, "\xe6\x96\x87"]}') == {
        "allow": True,
        "rows": [1, 2.5, None, "文"],
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"allow",
        b"{",
        b"{}x",
        b'{"allow": false, "allow": true}',
        b'[{"a": {"b": 1, "b": 1}}]',
        b'{"allow": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'"\xff"',
        b"[" * 200_000,
        b"9" * 10_000,
        b'"\\uD800"',
        b'{"\\udfff": 1}',
    ],
)
def test_anything_else_is_refused(text: bytes) -> None:
    """Repeated keys, NaN, other encodings, endless nesting, endless numbers and half characters are no JSON here."""
    with pytest.raises(Unavailable) as caught:
        parse_strict(text)
    assert caught.value.reason is Reason.POLICY_MALFORMED
