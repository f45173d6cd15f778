"""Values as text that cannot steer the screen."""

from __future__ import annotations

import pytest

from gateway.client.printable import printable


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\nb", "a↵b"), ("a\r\nb", "a↵b"), ("a\rb", "a↵b"), ("a\tb", "a b"), (None, ""), (12, "12")],
)
def test_a_value_is_one_line(value: object, text: str) -> None:
    """The end of a line is one mark, however it is written; null is nothing."""
    assert printable(value) == text


def test_marks_that_steer_the_screen_are_visible() -> None:
    """Escape sequences, direction marks and line separators are shown, not obeyed."""
    assert printable("\x1b[2J\u202e\u2028\x00") == "\\u001b[2J\\u202e\\u2028\\u0000"


def test_names_of_any_script_are_shown_as_they_are() -> None:
    """Rare characters, also of private use, are somebody's name."""
    for name in ("𠮷野·买买提 🜲\ue001", "می‌خواهم", "marked\u2060"):
        assert printable(name) == name
