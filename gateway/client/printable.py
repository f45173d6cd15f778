"""Values as text that cannot steer the screen."""

from __future__ import annotations

import unicodedata


def printable(value: object) -> str:
    """Return a value as one line of text in which marks that steer the screen are visible; nothing for null."""
    return "".join(character if _is_shown(character) else f"\\u{ord(character):04x}" for character in _line(value))


def _line(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("\r\n", "↵").replace("\n", "↵").replace("\r", "↵").replace("\t", " ")


def _is_shown(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":
        return unicodedata.bidirectional(character) == "BN"  # changes no direction: joiners, and the gateway's marks
    return category not in ("Cc", "Cs", "Zl", "Zp")
