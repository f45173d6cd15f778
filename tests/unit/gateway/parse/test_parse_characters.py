"""Characters that people cannot see or that only look like others."""

from __future__ import annotations

import pytest

from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.parse import parse

HIDDEN = {
    "nul": "\x00",
    "backspace": "\x08",
    "escape": "\x1b",
    "form feed": "\x0c",
    "delete": "\x7f",
    "next line": "\x85",
    "no-break space": "\xa0",
    "soft hyphen": "\xad",
    "combining grapheme joiner": "\u034f",
    "hangul filler": "\u3164",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "left-to-right mark": "\u200e",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "line separator": "\u2028",
    "ideographic space": "\u3000",
    "variation selector": "\ufe0f",
    "byte order mark": "\ufeff",
    "tag": "\U000e0041",
    "private use": "\ue000",
    "surrogate": "\ud800",
    "unassigned": "\U000e0fff",
}


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize(
    "sql",
    ["select{}name from population.resident", "select 'a{}b'", 'select 1 as "a{}b"', "select 1 -- {}", "{}select 1"],
    ids=["bare", "text", "name", "comment", "start"],
)
def test_hidden_characters_are_refused_everywhere(sql, character, engine_parser):
    """No place in a statement, not even text or a comment, may hold a character that cannot be seen."""
    with pytest.raises(InvalidQuery) as refused:
        parse(sql.format(character), engine_parser=engine_parser)
    assert refused.value.reason is Reason.QUERY_NOT_SUPPORTED
    assert refused.value.detail == f"U+{ord(character):04X}"


@pytest.mark.parametrize("character", ["居", "е", "１", "（", "；", "‘", "−"])
def test_letters_beyond_ascii_are_refused_outside_text_and_quotes(character, engine_parser):
    """Look-alikes of letters, digits and signs are no part of SQL."""
    with pytest.raises(InvalidQuery) as refused:
        parse(f"select {character} from population.resident", engine_parser=engine_parser)
    assert refused.value.detail == f"U+{ord(character):04X}"


@pytest.mark.parametrize(
    "sql",
    [
        "select '上海市长宁区，１２号（甲）·€😀'",
        'select 1 as "平均租金（元／㎡）"',
        "select 1 -- 查询本街道的老年人",
        "select\t1\r\nfrom\npopulation.resident",
    ],
)
def test_chinese_is_welcome_in_text_quoted_names_and_comments(sql, engine_parser):
    """Chinese text, output names and comments are part of daily use."""
    parse(sql, engine_parser=engine_parser)


@pytest.mark.parametrize("name", ["a'b", 'a""b', "a`b", "a\\b", "a\nb", "á\u0301", "n" * 129, "😀".join(["x"] * 70)])
def test_quoted_names_that_could_break_out_or_mislead_are_refused(name, engine_parser):
    """A quoted name holds no quotes, backslashes, line ends or combining marks, and is at most 128 characters long."""
    with pytest.raises(InvalidQuery) as refused:
        parse(f'select 1 as "{name}"', engine_parser=engine_parser)
    assert refused.value.reason is Reason.QUERY_NOT_SUPPORTED
