"""Find datasets by Chinese or English words, pinyin or its initials."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from typing import Final

from catalog.catalogue import Catalogue
from catalog.dataset import Text

_TITLE, _COLUMN, _CONTROLLER, _PROSE = 8, 4, 2, 1
"""What a word is worth by where it is found; it counts where it is worth most."""
_START = 1
"""What it is worth more where a text begins with it."""
_WHOLE = 1_000
"""What it is worth that the query is the dataset's name or title."""
_WORDS_MAX = 16
_CHINESE: Final = "\u3400-\u9fff\U00020000-\U000323af"
_WORD: Final = re.compile(rf"[{_CHINESE}]+|[^\W_{_CHINESE}]+")


_Place = tuple[int, str]
"""What a word is worth here, and where it is looked for: each text follows two line breaks, each further place where a word of
letters may start follows one. Chinese words start anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    names: frozenset[str]
    """The dataset's name and titles, as words with spaces between."""
    places: tuple[_Place, ...]
    columns: Mapping[str, _Place]

    def find(self, words: Sequence[str], *, visible: Set[str]) -> int:
        """Return what the dataset is worth; 0 when a word is missing from what may be seen of it."""
        places = [*self.places, *map(self.columns.__getitem__, visible)]
        worths = [_best(places, word) for word in words]
        return sum(worths) + _WHOLE * (" ".join(words) in self.names) if all(worths) else 0


class SearchIndex:
    """The texts of all datasets, in memory.

    Args:
        catalogue: Whose datasets are found.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        pinyin = cache(_pinyin)

        def place(worth: int, title: Text, *names: str) -> _Place:
            return worth, _starts(*names, *_both(title)) + "".join(map(pinyin, _words(title.zh)))

        self._pages = {
            dataset.name: _Page(
                names=frozenset(" ".join(_words(name)) for name in (dataset.name, *_both(dataset.title))),
                places=(
                    place(_TITLE, dataset.title, dataset.name),
                    place(_CONTROLLER, catalogue.departments[dataset.controller].title),
                    (_PROSE, _starts(*_both(dataset.description), *_both(dataset.source))),
                ),
                columns={column.name: place(_COLUMN, column.title, column.name) for column in dataset.columns},
            )
            for dataset in catalogue.datasets.values()
        }

    def search(self, query: str, *, visible: Mapping[str, Set[str]]) -> list[str]:
        """Return the names of the datasets that have every word of the query, best first, then by name.

        Args:
            query: Words; without any, nothing is found. Those beyond the sixteenth do not count.
            visible: Datasets that may be found, each with its columns that may be looked at.
        """
        words = _words(query)[:_WORDS_MAX]
        found = {name: self._pages[name].find(words, visible=columns) for name, columns in visible.items()}
        return sorted((name for name, worth in found.items() if worth), key=lambda name: (-found[name], name))


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _both(text: Text) -> tuple[str, str]:
    return text.zh, text.en


def _starts(*texts: str) -> str:
    return "".join("\n\n" + "\n".join(_words(text)) for text in texts)


def _pinyin(word: str) -> str:
    """Return the sound of a Chinese word from each of its characters on, whole and in initials."""
    if word.isascii():
        return ""
    whole = importlib.import_module("pypinyin").lazy_pinyin(word)  # its dictionaries take a second to load
    return _tails(whole) + _tails([syllable[0] for syllable in whole])


def _tails(syllables: Sequence[str]) -> str:
    return "\n" + "".join("\n" + "".join(syllables[start:]) for start in range(len(syllables)))


def _best(places: Iterable[_Place], word: str) -> int:
    """Return the most that a word is worth in any place; 0 when it is in none."""
    start = f"\n\n{word}"
    looked_for = start[1:] if word.isascii() else word
    return max((worth + _START * (start in text) for worth, text in places if looked_for in text), default=0)
